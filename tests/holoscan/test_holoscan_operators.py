"""The operators: with a stand-in for Holoscan's Python API, and in a real application where SAGITTAL_HOLOSCAN_PYTHON names
a Python that has holoscan-cu12 or -cu13 (no GPU is needed)."""
import os
import subprocess
import sys
import time
import types
from pathlib import Path

import numpy as np
import pytest
from sagittal_holoscan import Envelope, Image, Link, String, Transform

HOLOSCAN = Path(__file__).resolve().parents[2] / "holoscan"


def until(condition, what, seconds=30):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.01)


class Operator:
    """Of Holoscan's, what the operators here use."""

    def __init__(self, fragment, *conditions, name="", **kwargs):
        self.fragment, self.name, self.metadata = fragment, name, {}
        self.setup(types.SimpleNamespace(input=lambda name: None, output=self._output))

    def _output(self, name, policy):
        return types.SimpleNamespace(condition=lambda kind: None)


@pytest.fixture
def operators(monkeypatch):
    core = types.ModuleType("holoscan.core")
    core.Operator = Operator
    core.ConditionType = types.SimpleNamespace(NONE="none")
    core.IOSpec = types.SimpleNamespace(QueuePolicy=types.SimpleNamespace(POP="pop"))
    conditions = types.ModuleType("holoscan.conditions")
    conditions.AsynchronousEventState = types.SimpleNamespace(EVENT_WAITING="waiting", EVENT_DONE="done")
    conditions.AsynchronousCondition = lambda fragment, name: types.SimpleNamespace(event_state=None)
    for name, module in (("holoscan", types.ModuleType("holoscan")), ("holoscan.core", core),
                         ("holoscan.conditions", conditions)):
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.delitem(sys.modules, "sagittal_holoscan.operators", raising=False)
    import sagittal_holoscan.operators as module
    yield module
    sys.modules.pop("sagittal_holoscan.operators", None)


class Kept:
    """A link that keeps what is sent."""

    def __init__(self):
        self.sent = []

    def send(self, message):
        self.sent.append(message)


def compute(op, value=None):
    emitted = []
    op.compute(types.SimpleNamespace(receive=lambda port: value),
               types.SimpleNamespace(emit=lambda value, port: emitted.append((port, value))), None)
    return emitted


def test_a_sender_sends_with_the_time_and_place_that_came(operators):
    link = Kept()
    op = operators.OpenIGTLinkSenderOp(None, link=link, name="sender")
    matrix = np.diag([0.5, 0.5, 1, 1])
    op.metadata.update({"igtl.device": "probe", "igtl.acquired_ns": 5, "igtl.matrix": matrix, "igtl.metadata": {"a": 1}})
    compute(op, {"image": np.ones((2, 3), np.uint8)})
    image = link.sent[0]
    assert image.pixels.shape == (2, 3, 1) and np.array_equal(image.matrix, matrix)
    assert (image.envelope.device, image.envelope.acquired_ns, image.envelope.metadata) == ("probe", 5, {"a": "1"})


def test_a_sender_names_tensors_and_sends_the_other_values(operators):
    link = Kept()
    op = operators.OpenIGTLinkSenderOp(None, link=link, device="out", name="sender")
    compute(op, {"a": np.ones((2, 3, 1), np.uint8), "b": np.ones((2, 3, 1), np.uint8)})
    compute(op, "words")
    compute(op, Transform(envelope=Envelope("x")))
    assert [m.envelope.device for m in link.sent] == ["out_a", "out_b", "out", "out"]
    with pytest.raises(TypeError, match="int cannot be sent"):
        compute(op, 7)


def test_a_receiver_keeps_the_latest_of_each_device(operators):
    link = Link(port=0, role="server")
    op = operators.OpenIGTLinkReceiverOp(None, link=link, outputs=("image", "string"), name="receiver")
    op.start()
    try:
        for n in range(3):
            op._take(Image(np.full((1, 1, 1), n, np.uint8), envelope=Envelope("probe", n, {"n": str(n)})))
            op._take(String(str(n), Envelope("words")))
        op._take(Transform(envelope=Envelope("not asked for")))
        assert op._wake.event_state == "done" and op.dropped == 2
        [(port, tensors)] = compute(op)
        assert port == "image" and tensors["image"].item() == 2
        assert (op.metadata["igtl.device"], op.metadata["igtl.metadata"]) == ("probe", {"n": "2"})
        assert [compute(op)[0][1].text for _ in range(3)] == ["0", "1", "2"]
        assert op._wake.event_state == "waiting" and compute(op) == []
    finally:
        op.stop()


def test_a_receiver_takes_only_the_devices_it_was_told(operators):
    op = operators.OpenIGTLinkReceiverOp(None, link=Link(port=0, role="server"), devices=("probe",), name="receiver")
    op.start()
    try:
        op._take(Image(np.zeros((1, 1, 1), np.uint8), envelope=Envelope("other")))
        assert compute(op) == []
    finally:
        op.stop()
    with pytest.raises(ValueError, match="outputs are some of"):
        operators.OpenIGTLinkReceiverOp(None, link=None, outputs=("picture",))


def environment(python):
    """Holoscan's wheel does not look for the CUDA runtime where PyPI's nvidia-cuda-runtime puts it."""
    find = "import importlib.util as u; s = u.find_spec('nvidia'); print(*(s.submodule_search_locations if s else []))"
    found = subprocess.run([python, "-c", find], capture_output=True, text=True, check=True).stdout.split()
    libraries = [f"{folder}/cuda_runtime/lib" for folder in found] + os.environ.get("LD_LIBRARY_PATH", "").split(":")
    return dict(os.environ, PYTHONPATH=str(HOLOSCAN), LD_LIBRARY_PATH=":".join(filter(None, libraries)))


def test_a_real_application_inverts_images_and_keeps_their_time_and_place():
    python = os.environ.get("SAGITTAL_HOLOSCAN_PYTHON")
    if not python:
        pytest.skip("SAGITTAL_HOLOSCAN_PYTHON names no Python with Holoscan (docs/holoscan.md)")
    got, link = [], Link(port=0, role="server")
    link.on_message(lambda message: got.append(message) if isinstance(message, Image) else None)
    link.open()
    application = subprocess.Popen(
        [python, HOLOSCAN / "examples/invert.py", "--port", str(link.port), "--count", "20"],
        env=environment(python), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        matrix = np.diag([0.5, 0.25, 1, 1])
        deadline, n = time.monotonic() + 60, 0
        while application.poll() is None and time.monotonic() < deadline:
            n += 1
            envelope = Envelope("probe", 10**18 + n * 1000, {"n": str(n)})
            link.send(Image(np.full((4, 5, 3), n % 256, np.uint8), matrix, envelope))
            time.sleep(0.02)
        assert application.wait(10) == 0, application.stdout.read()[-2000:]
        until(lambda: len(got) == 20, f"20 come back, {len(got)} came")
        for image in got:
            sent = int(image.envelope.metadata["n"])
            assert (image.pixels == 255 - sent % 256).all() and np.allclose(image.matrix, matrix)
            assert image.envelope.acquired_ns == 10**18 + sent * 1000
    finally:
        application.kill()
        link.close()
