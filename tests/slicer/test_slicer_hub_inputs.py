"""What a run is given: several volumes by role, DICOM series; and what a model refuses before."""
import zipfile

import numpy as np
import pytest

import ct_series
import hub_scene
from hub_scene import Hub, Order
from job_client import cases
from SagittalLib import volumes
from SagittalLib.client import BadAnswer, SagittalError, Stop
from SagittalLib.hub.needs import Choice, Need, Needs, obstacle, read_needs
from SagittalLib.hub.scans import zip_of

SERIES = "1.2.826.0.1.3680043.8.498.77"


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    for name, channels in (("regions", ("t1", "flair")), ("alike", ("ct", "ct"))):
        hub_scene.add_channels(folder, name, channels)
    return folder


@pytest.fixture(scope="module")
def server(program, data):
    running = hub_scene.make_server(program, data)
    yield running
    running.stop()


class Database:
    """Slicer's DICOM database, as far as it is asked."""

    def __init__(self, folder):
        self.files = {}
        for path in sorted(folder.rglob("IM*")):
            self.files["%s.%d" % (SERIES, int(path.name[2:]) + 1)] = str(path)

    def file_of(self, uid):
        return self.files.get(uid, "")


@pytest.fixture
def series(tmp_path):
    (voxels,), _, _ = cases()["2d"]
    ct_series.write(tmp_path / "series", voxels, SERIES)
    return Database(tmp_path / "series")


@pytest.fixture
def hub(scene, main_thread, server, series):
    made = Hub(scene, main_thread, server.url, file_of_instance=series.file_of)
    yield made
    made.logic.close()


def from_dicom(scene, series):
    """The volume as Slicer loads that series."""
    volume = hub_scene.scan(scene, name="3: Thorax 1.0")
    matrix = np.diag([-0.5, -0.75, 2.0, 1.0])
    matrix[:3, 3] = [-ct_series.ORIGIN[0], -ct_series.ORIGIN[1], ct_series.ORIGIN[2]]
    volume.SetIJKToRASMatrix(hub_scene.geometry.to_matrix(matrix))
    volume.SetAttribute("DICOM.instanceUIDs", " ".join(series.files))
    return volume


def test_volumes_are_given_by_their_roles(hub, scene, main_thread, sagittal, data, tmp_path):
    images, _, spacing = cases()["regions"]
    nodes = [hub_scene.volume_of(scene, voxels, spacing, name) for voxels, name in zip(images, ("first", "second"))]
    needs = hub.answer(hub.logic.needs, "regions", "local", "")
    roles = [need.role for need in needs.inputs]
    assert roles == ["t1", "flair"] and [need.label for need in needs.inputs] == ["T1", "FLAIR"]
    swapped = list(zip(roles[::-1], nodes[::-1], (False, False)))
    job = hub.until_ended(hub.answer(hub.logic.run, Order("regions", "local", swapped)))
    (node,) = hub.answer(hub.logic.open, job)

    for volume in nodes:
        file = tmp_path / (volume.GetName() + ".nrrd")
        file.write_bytes(volumes.pack(volumes.snapshot(volume), False, Stop()).data)
    done = sagittal("hub", "run", "regions", "--role", f"{roles[0]}={tmp_path / 'first.nrrd'}", "--role",
                    f"{roles[1]}={tmp_path / 'second.nrrd'}", "-o", tmp_path / "out", "--data-dir", data)
    assert done.returncode == 0, done.stderr
    read = scene.AddNewNodeByClass("vtkMRMLSegmentationNode")
    storage = scene.AddNewNodeByClass("vtkMRMLSegmentationStorageNode")
    storage.SetFileName(str(next((tmp_path / "out").glob("*.seg.nrrd"))))  # they overlap
    assert storage.ReadData(read)
    expected, found = (hub_scene.labels_of(one, nodes[0]) for one in (read, node))
    assert list(found) == list(expected) == [s.name for s in job.outputs[0].segments]
    assert all(np.array_equal(found[name], expected[name]) and found[name].any() for name in found)
    assert main_thread.longest < 0.05


def test_inputs_that_are_called_alike_go_by_their_order(hub, scene):
    images, _, spacing = cases()["regions"]
    nodes = [hub_scene.volume_of(scene, voxels, spacing) for voxels in images]
    needs = hub.answer(hub.logic.needs, "alike", "local", "")
    assert [(need.role, need.label) for need in needs.inputs] == [("", "CT 1"), ("", "CT 2")]
    order = Order("alike", "local", [(need.role, node, False) for need, node in zip(needs.inputs, nodes)])
    assert hub.until_ended(hub.answer(hub.logic.run, order)).state == "done"


def test_a_dicom_series_gives_a_dicom_segmentation(hub, scene, series, tmp_path):
    volume = from_dicom(scene, series)
    assert hub.logic.scans.has_dicom(volume)
    job = hub.until_ended(hub.answer(hub.logic.run, Order("organs", "local", [("", volume, True)])))
    assert job.state == "done", job.error
    assert job.outputs[0].path.endswith(".dcm") and job.scan_text == "3: Thorax 1.0"
    (node,) = hub.answer(hub.logic.open, job)
    found = hub_scene.labels_of(node, volume)

    path = hub.answer(hub.logic.save, job, job.outputs[0], str(tmp_path / "result.dcm"))
    import pydicom
    saved = pydicom.dcmread(path)
    assert saved.SOPClassUID == pydicom.uid.SegmentationStorage and saved.PatientName == "Doe^Jane"
    assert saved.ReferencedSeriesSequence[0].SeriesInstanceUID == SERIES
    assert [s.SegmentLabel for s in saved.SegmentSequence] == list(found)
    frames = np.zeros(volumes.geometry.shape_of(volume)[::-1], bool)
    for number, frame in enumerate(saved.PerFrameFunctionalGroupsSequence):
        if frame.SegmentIdentificationSequence[0].ReferencedSegmentNumber == 1:
            z = float(frame.PlanePositionSequence[0].ImagePositionPatient[2])
            frames[round((z - ct_series.ORIGIN[2]) / ct_series.THICKNESS)] = np.atleast_3d(saved.pixel_array)[number] != 0
    assert np.array_equal(frames, next(iter(found.values()))) and frames.any()
    assert not list(tmp_path.glob("*.part"))


def test_files_that_have_gone_are_named(hub, scene, series):
    volume = from_dicom(scene, series)
    series.files.pop("%s.4" % SERIES)
    with pytest.raises(SagittalError, match="does not have all files of 3: Thorax"):
        hub.answer(hub.logic.run, Order("organs", "local", [("", volume, True)]))


def test_the_same_files_are_the_same_archive(series):
    files = list(series.files.values())
    first, second = (zip_of(files, "a.zip", True, Stop()) for _ in range(2))
    assert first.id == second.id and zip_of(files[1:], "a.zip", True, Stop()).id != first.id
    import io
    assert len(zipfile.ZipFile(io.BytesIO(first.data)).namelist()) == len(files)


def test_a_place_that_cannot_be_written_is_said(hub, scene, tmp_path):
    job = hub.until_ended(hub.run(hub_scene.scan(scene)))
    with pytest.raises(SagittalError, match="cannot be written"):
        hub.answer(hub.logic.save, job, job.outputs[0], str(tmp_path / "none/result.nii.gz"))


CT = Need("", "Volume", "series", ("CT",), ("dicom", "nrrd"), "a DICOM series (CT)")


@pytest.mark.parametrize("need, choice, words, refused", [
    (CT, Choice("a", "CT", False), "", False),
    (CT, None, "Choose a volume", True),
    (CT, Choice("a", "PT", True), "made for CT; this volume is PET. It would refuse it", True),
    (CT, Choice("a", "MR", False), "Expect nothing", False),
    (Need("", "Volume", "image", (), ("nrrd",), ""), Choice("a", "", True), "no DICOM", True),
    (Need("t2w", "T2W", "series", ("MR",), ("dicom",), ""), Choice("a", "MR", False), "it reads folders. Load the scan", True),
    (Need("seg", "SEG", "segmentation", (), ("dicom",), "a DICOM SEG"), Choice("a", "", True), "reads a DICOM SEG", True),
])
def test_what_does_not_fit_is_said_before_the_run(need, choice, words, refused):
    needs = Needs("default", (need,), False, "it reads folders", None)
    text, is_refused = obstacle(needs, need, choice)
    assert words in text and is_refused == refused and bool(text) == bool(words)


@pytest.mark.parametrize("answer", [{}, {"workflow": "a", "inputs": [{}], "volumes": {}}, {"workflow": "a", "inputs": [3], "volumes": {}},
                                    {"workflow": "a", "inputs": [], "volumes": {"accepted": True, "reason": ""}, "licence": 3}])
def test_a_description_that_is_none_is_a_bad_answer(answer):
    with pytest.raises(BadAnswer):
        read_needs(answer)
