"""The extension against a real server and the libraries of 3D Slicer, on a look-alike of its Qt."""
import gc
import os
import sys
import threading
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
os.environ.setdefault("QT_QPA_PLATFORM", "xcb" if os.environ.get("DISPLAY") else "offscreen")
# Slicer's package takes in every folder of its name beside which it is looked for: not those of this repository.
_path = sys.path[:]
sys.path[:] = [p for p in _path if Path(p).resolve() not in (ROOT, ROOT / "tests")]
import slicer  # noqa: E402,F401

sys.path[:] = _path
MODULES = [f"slicer/{module.name}" for module in (ROOT / "slicer").iterdir()]
for folder in ("tests/slicer/qt_shim", "tests/slicer", "tests/server", *MODULES):
    sys.path.insert(0, str(ROOT / folder))

from pauses import LONGEST_PAUSE_S, Pauses, TimedWorkers  # noqa: E402
from running_server import Server  # noqa: E402
from SagittalLib.client import Api, Connection  # noqa: E402
from SagittalLib.settings import MemoryStore, Settings  # noqa: E402
from SagittalLib.work import Workers  # noqa: E402


@pytest.fixture(scope="module")
def server(program):
    """A server with a folder of its own and the model in the box."""
    running = Server(program)
    yield running
    running.process.kill()
    running.process.wait()


@pytest.fixture
def api(server):
    """Blocking calls: for what a test checks on its own."""
    return Api(Connection(server.url))


class MainThread(Pauses):
    """Stands in for Slicer's event loop: empties the workers' results, and knows for how long it was held up."""

    def __init__(self, workers):
        super().__init__()
        self.workers = workers

    def until(self, condition, seconds=120.0):
        """Runs until condition() is true; its value."""
        end = time.monotonic() + seconds
        while True:
            value = condition()
            if value:
                return value
            assert time.monotonic() < end, "nothing happened in time"
            self.workers.wait_for_results(0.05)
            self.timed(self.workers.pump)


@pytest.fixture
def main_thread():
    workers = Workers()
    yield MainThread(workers)
    workers.close()


@pytest.fixture
def scene():
    """An empty MRML scene with the nodes' classes of segmentations, markups and transforms."""
    import slicer_scene

    made = slicer_scene.make_scene()
    yield made
    made.Clear(True)


@pytest.fixture
def application(scene, server, monkeypatch):
    """A Slicer; its settings name the server."""
    import qt_slicer

    qt_slicer.install(scene)
    from SagittalLib import application as shared_module

    shared_module._shared.clear()
    monkeypatch.setattr(shared_module, "Settings", lambda store: Settings(MemoryStore()))
    monkeypatch.setattr(shared_module, "Workers", TimedWorkers)
    made = shared_module.shared()
    made.settings.set("server", server.url)
    yield made
    made._timer.stop()
    made.workers.close()
    made.local_server.stop()


@pytest.fixture
def window(application, scene, monkeypatch):
    """The module's panel on an oblique volume; nothing that is done with it may hold up Slicer for long."""
    import scans
    from module_panel import Window
    from SagittalLib.widgets.prompts_panel import PromptsPanel

    pauses = application.workers.pauses
    later = PromptsPanel._later
    monkeypatch.setattr(PromptsPanel, "_later", lambda panel, call: later(panel, lambda: pauses.timed(call)))
    scans.oblique_volume(scene)
    made = Window(application, scene)
    pauses.timed(made.widget.enter)
    yield made
    pauses.timed(made.widget.exit)
    made.widget.cleanup()
    assert pauses.longest < LONGEST_PAUSE_S


@pytest.fixture
def effect(application, scene):
    """The effect of the Segment Editor on an empty segment "a" of an oblique volume."""
    import scans
    from SegmentEditorEffects import ScriptedEffect
    from SegmentEditorSagittalLib.SegmentEditorEffect import SegmentEditorEffect

    volume = scans.oblique_volume(scene)
    node = scene.AddNewNodeByClass("vtkMRMLSegmentEditorNode")
    node.SetAndObserveSourceVolumeNode(volume)
    node.SetAndObserveSegmentationNode(scans.segmentation_of(scene, volume, "a"))
    node.SetSelectedSegmentID("a")
    made = SegmentEditorEffect(ScriptedEffect(node))
    made.setupOptionsFrame()
    made.activate()
    yield made
    made.deactivate()
    made.prompts.close()
    made.interactive.close()


@pytest.fixture(autouse=True)
def no_threads_are_left():
    """Threads that a test leaves behind would speak to the server of the next one."""
    before = set(threading.enumerate())
    yield

    def left():
        return [t for t in threading.enumerate() if t not in before and t.name.startswith("sagittal-events")]

    end = time.monotonic() + 5
    while left() and time.monotonic() < end:
        time.sleep(0.02)
    assert not left()


@pytest.fixture(scope="module", autouse=True)
def what_other_tests_left_is_no_garbage():
    """Python's collector would look through all of it again and again, on the main thread: 70 ms each time."""
    gc.collect()
    gc.freeze()
