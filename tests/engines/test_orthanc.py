"""A scan that lies in Orthanc: found, fetched, clicked, and its segmentation stored there."""
import json
import shutil
import subprocess
import time
from io import BytesIO
from pathlib import Path

import highdicom
import numpy as np
import pydicom
import pytest
import requests
from monailabel.client import MONAILabelClient

import ct_series
import nrrd
from running_server import SHAPE, Server, free_port, scan

PLUGIN = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")
SERIES = "1.2.826.0.1.3680043.8.498.99"
CENTRE = [n // 2 for n in SHAPE][::-1]
USER = ("reader", "s3cret")

pytestmark = pytest.mark.skipif(not shutil.which("Orthanc") or not PLUGIN.exists(),
                                reason="Orthanc and its DICOMweb plug-in are not installed: make test-engines")


@pytest.fixture(scope="module")
def orthanc(tmp_path_factory):
    folder = tmp_path_factory.mktemp("orthanc")
    port = free_port()
    (folder / "config.json").write_text(json.dumps({
        "Name": "test", "StorageDirectory": str(folder / "storage"), "IndexDirectory": str(folder / "index"),
        "HttpPort": port, "DicomServerEnabled": False, "RemoteAccessAllowed": False, "HttpServerEnabled": True,
        "AuthenticationEnabled": True, "RegisteredUsers": dict([USER]), "Plugins": [str(PLUGIN)],
        "DicomWeb": {"Enable": True, "Root": "/dicom-web/"}}))
    with open(folder / "log", "w") as log:
        process = subprocess.Popen(["Orthanc", str(folder / "config.json")], stdout=log, stderr=log)
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(150):
            try:
                if requests.get(f"{url}/system", auth=USER, timeout=2).status_code == 200:
                    break
            except requests.ConnectionError:
                time.sleep(0.2)
            assert process.poll() is None, (folder / "log").read_text()
        else:
            pytest.fail((folder / "log").read_text())
        for instance in ct_series.instances(scan(), SERIES):
            requests.post(f"{url}/instances", data=ct_series.encode(instance), auth=USER).raise_for_status()
        yield url
    finally:
        process.terminate()
        process.wait(timeout=30)


@pytest.fixture
def start(program, orthanc, tmp_path):
    running = []
    key = tmp_path / "key"
    key.write_text(":".join(USER))
    key.chmod(0o600)

    def start(*options):
        for server in running:
            server.stop(9)
        running[:] = [Server(program, "--dicomweb", f"{orthanc}/dicom-web/", "--dicomweb-key-file", key, *options,
                             data_dir=tmp_path / "data")]
        return running[0]

    yield start
    for server in running:
        assert server.stop() == 0


def infer(server, output):
    params = {"label": "liver", "foreground": [CENTRE], "background": [], "result_compress": False, "result_dtype": "uint16"}
    answer = requests.post(f"{server.url}/infer/nnInteractive", params={"image": SERIES, "output": output},
                           files={"params": (None, json.dumps(params))})
    assert answer.status_code == 200, answer.text
    return answer.content


def test_a_series_of_orthanc_is_listed_clicked_and_kept(start, tmp_path):
    server = start()
    objects = MONAILabelClient(server.url).datastore()["objects"]
    assert list(objects) == [SERIES]
    assert objects[SERIES]["image"]["info"] == {"name": "Thorax 1.0 (20250102)", "Modality": "CT",
                                                "detail": f"archive, {SHAPE[0]} images"}
    mask = nrrd.read(infer(server, "image"))[1]
    assert mask.shape == SHAPE and mask[tuple(CENTRE[::-1])] == 1
    files = sorted((tmp_path / "data/archive" / SERIES).iterdir())
    before = [(f.name, f.stat().st_mtime_ns) for f in files]
    assert len(files) == SHAPE[0]
    server = start()
    assert np.array_equal(nrrd.read(infer(server, "image"))[1], mask)
    infer(server, "dicom_seg")
    assert before == [(f.name, f.stat().st_mtime_ns) for f in sorted((tmp_path / "data/archive" / SERIES).iterdir())]


def test_a_segmentation_is_stored_in_orthanc(start, orthanc, tmp_path):
    server = start()
    labels = np.zeros(SHAPE, np.uint8)
    labels[3:5, 4:9, 6:12], labels[8, 9, 10] = 1, 2
    params = {"label_info": [{"name": "spleen", "idx": 1}, {"name": "my lesion", "idx": 2}]}
    answer = requests.put(f"{server.url}/datastore/label", params={"image": SERIES},
                          files={"params": (None, json.dumps(params)), "label": ("label.bin", labels.tobytes())})
    assert answer.status_code == 200, answer.text
    found = requests.get(f"{orthanc}/dicom-web/series", params={"Modality": "SEG"}, auth=USER,
                         headers={"Accept": "application/dicom+json"}).json()
    assert [entry["0020000D"]["Value"] for entry in found] == [[ct_series.STUDY]]
    [instance] = requests.post(f"{orthanc}/tools/find", auth=USER, json={
        "Level": "Instance", "Query": {"SeriesInstanceUID": found[0]["0020000E"]["Value"][0]}}).json()
    file = requests.get(f"{orthanc}/instances/{instance}/file", auth=USER).content
    seg = highdicom.seg.Segmentation.from_dataset(pydicom.dcmread(BytesIO(file)))
    assert seg.PatientID == "4711" and [s.SegmentLabel for s in seg.SegmentSequence] == ["Spleen", "my lesion"]
    pixels = seg.get_pixels_by_source_instance([f"{SERIES}.{k + 1}" for k in (3, 4, 8)], combine_segments=True)
    assert np.array_equal(pixels, labels[[3, 4, 8]])
    assert list(MONAILabelClient(server.url).datastore()["objects"]) == [SERIES]


def test_orthanc_wants_its_key(program, orthanc, tmp_path):
    server = Server(program, "--dicomweb", f"{orthanc}/dicom-web", data_dir=tmp_path / "data")
    answer = requests.post(f"{server.url}/infer/nnInteractive", params={"image": SERIES},
                           files={"params": (None, json.dumps({"foreground": [CENTRE]}))})
    assert answer.status_code == 503 and "--dicomweb-key-file" in answer.json()["detail"]
    assert server.stop() == 0
