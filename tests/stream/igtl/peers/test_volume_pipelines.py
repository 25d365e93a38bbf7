"""A volume of a viewer goes through `sagittal stream run` and comes back as labels: of nnunetv2, with pyigtl and with what
3D Slicer's connector sends."""
import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyigtl
import pytest
from igtl_wire import PATIENCE_S, Connection, Message, free_port, status

PARITY = Path(__file__).resolve().parents[3] / "parity"
sys.path.append(str(PARITY))
from nnunet_images import cases, read_nifti  # noqa: E402


@pytest.fixture(scope="module")
def port(program):
    port = free_port()
    settings = [f"segment.model={PARITY / 'nnunet/2d'}", f"input.port={port}", "segment.precision=fp32", "segment.mirror=true"]
    pairs = [word for setting in settings for word in ("--set", setting)]
    process = subprocess.Popen([program, "stream", "run", "volume_segmentation", *pairs], stdout=subprocess.DEVNULL)
    yield port
    process.terminate()
    process.wait(PATIENCE_S)


@pytest.fixture(scope="module")
def client(port):
    client = pyigtl.OpenIGTLinkClient("127.0.0.1", port)
    deadline = time.monotonic() + PATIENCE_S
    while not client.is_connected():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    yield client
    client.stop()


def scan():
    (image,), _, spacing = cases()["2d"]
    matrix = np.diag([*spacing[::-1], 1.0])
    matrix[:3, 3] = 10, -20, 30
    return image, matrix


def test_a_volume_comes_back_as_nnunets_labels(client):
    image, matrix = scan()
    client.send_message(pyigtl.ImageMessage(image, matrix, device_name="CT"))
    labels = client.wait_for_message("Segmentation-label", timeout=PATIENCE_S)
    expected = read_nifti(PARITY / "nnunet/2d/labels.nii.gz")
    assert labels.image.dtype == np.uint8 and labels.image.shape == expected.shape
    assert set(np.unique(labels.image)) == {0, 1, 2} and np.mean(labels.image == expected) >= 0.999
    # pyigtl sends LPS and shows what comes in RAS as it is
    assert np.allclose(labels.ijk_to_world_matrix, np.diag([-1.0, -1.0, 1.0, 1.0]) @ matrix, atol=1e-4)


def test_slicer_is_told_what_the_labels_are_called(port):
    image, matrix = scan()
    slicer = Connection.to(port)
    slicer.send(Message("STATUS", "", status(), 2, {"dummy": "dummy"}))
    packed = pyigtl.ImageMessage(image, matrix, "RAS", device_name="CT").pack()
    slicer.send(Message("IMAGE", "CT", bytes(packed)[58:], 2, {"MRMLNodeName": "CT chest"}))
    while (answer := slicer.receive()).type != "IMAGE":
        pass
    assert answer.device == "Segmentation-label" and len(answer.content) == 72 + image.size
    names = json.loads((PARITY / "nnunet/2d/nnUNetTrainer__nnUNetPlans__2d/dataset.json").read_text())["labels"]
    assert json.loads(answer.metadata["Labels"]) == {str(n): name for name, n in names.items() if n}
    slicer.close()
