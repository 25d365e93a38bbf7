"""A volume on its way to the server."""
import gzip
import signal
import threading

import numpy as np
import pytest
import slicer
import vtk

import scans
from running_server import Server, free_port, scan
from SagittalLib import geometry, volumes
from SagittalLib.client import Api, Cancelled, Connection, SagittalError, Stop


@pytest.mark.parametrize("dtype", list(scans.TYPES), ids=lambda t: t.__name__)
def test_the_server_reads_each_type_where_it_lies(api, scene, dtype):
    array = scan(np.int16).clip(0, 120).astype(dtype)
    volume = scans.volume_of(scene, array, scans.oblique_matrix())
    file = volumes.pack(volumes.snapshot(volume), True, Stop())
    volumes.upload(api, file, Stop())
    read = api.volume(file.id)
    assert read["geometry"]["shape"] == list(array.shape[::-1]) and read["name"] == "Ball.nrrd"
    lps = np.diag([-1, -1, 1, 1]) @ geometry.ijk_to_ras(volume)
    assert np.allclose(read["geometry"]["origin_lps_mm"], lps[:3, 3])
    assert np.allclose(np.reshape(read["geometry"]["direction"], (3, 3)) * read["geometry"]["spacing_mm"], lps[:3, :3])
    assert read["range"] == [array.min(), array.max()]
    voxels = api.connection.request("GET", f"volumes/{file.id}/voxels", {"format": "nii"}).body
    stored = np.frombuffer(voxels[352:352 + array.nbytes], array.dtype).reshape(array.shape)
    assert np.array_equal(stored, array)


def test_packed_in_parts_it_is_one_gzip_file():
    raw = np.random.default_rng(1).integers(0, 50, 3 * volumes.CHUNK // 2 + 17, np.uint8).tobytes()
    for data in (raw, b"", b"x"):
        packed = b"".join(volumes.gzip_parts(memoryview(data), Stop(), 3)) if data else gzip.compress(b"")
        assert gzip.decompress(packed) == data
    stop = Stop()
    stop.set()
    with pytest.raises(Cancelled):
        volumes.gzip_parts(memoryview(raw), stop, 2)


def test_the_same_voxels_have_the_same_name(scene):
    one, two = (volumes.pack(volumes.snapshot(scans.volume_of(scene, scan(), name="A")), True, Stop()) for _ in range(2))
    raw = volumes.pack(volumes.snapshot(scans.volume_of(scene, scan(), name="A")), False, Stop())
    assert one.id == two.id != raw.id and b"encoding: raw" in raw.data[:300]


def test_what_cannot_be_segmented_is_named(scene):
    empty = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "Empty")
    with pytest.raises(SagittalError, match="no voxels"):
        volumes.snapshot(empty)
    colour = scene.AddNewNodeByClass("vtkMRMLVectorVolumeNode", "Colour")
    image = vtk.vtkImageData()
    image.SetDimensions(3, 3, 3)
    image.AllocateScalars(vtk.VTK_UNSIGNED_CHAR, 3)
    colour.SetAndObserveImageData(image)
    with pytest.raises(SagittalError, match="3 values"):
        volumes.snapshot(colour)


def test_the_stamp_changes_with_voxels_and_place_only(scene):
    volume = scans.volume_of(scene, scan())
    before = volumes.stamp(volume)
    volume.CreateDefaultDisplayNodes()
    volume.SetName("Other")
    assert volumes.stamp(volume) == before
    slicer.util.arrayFromVolume(volume)[0, 0, 0] += 1
    slicer.util.arrayFromVolumeModified(volume)
    changed = volumes.stamp(volume)
    volume.SetSpacing(1, 1, 2)
    assert len({before, changed, volumes.stamp(volume)}) == 3


def test_an_upload_goes_on_after_the_server_was_killed(program, scene, tmp_path, monkeypatch):
    monkeypatch.setattr(volumes, "PIECE", 1 << 16)
    port = free_port()
    server = Server(program, port=port, data_dir=tmp_path)
    noise = np.random.default_rng(1).integers(0, 1000, (40, 64, 64)).astype(np.int16)
    file = volumes.pack(volumes.snapshot(scans.volume_of(scene, noise)), True, Stop())
    api, sent, started = Api(Connection(server.url)), [], []

    def on_progress(done, total):
        sent.append(done)
        if done >= 1 << 17 and not started:
            started.append(threading.Timer(0.3, lambda: started.append(Server(program, port=port, data_dir=tmp_path))))
            server.stop(signal.SIGKILL)
            started[0].start()

    volumes.upload(api, file, Stop(), on_progress)
    assert api.volume(file.id)["geometry"]["shape"] == [64, 64, 40]
    again = len(sent) - sent[::-1].index(-1)
    assert -1 in sent and sent[again] >= 1 << 16
    started[1].stop()
