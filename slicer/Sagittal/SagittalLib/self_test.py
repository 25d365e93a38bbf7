"""What the extension does inside a whole Slicer, step by step; each step is a line that begins with PASS or FAIL."""
import argparse
import time

import numpy as np
import slicer
import vtk
from vtk.util.numpy_support import numpy_to_vtk

from . import geometry
from .interactive import Interactive
from .local_server import LocalServer, find_program
from .segments import SceneSegment
from .settings import MemoryStore, Settings
from .strokes import slice_views
from .tools import LASSO, PlaceTools
from .client import SagittalError, Stop
from .work import Workers

SIDE = 48
LONGEST_WAIT = 300.0


class Failed(Exception):
    """A step did not do what it should."""


def run_interactive(scene, address="", process_events=None):
    """Lines as they come. address: of a server; else the program on this computer is started."""
    checks = InteractiveChecks(scene, address, process_events or (lambda: slicer.app.processEvents()))
    try:
        for check in (checks.server, checks.point, checks.box, checks.lasso, checks.exclude, checks.undo, checks.redo,
                      checks.neighbour, checks.reset, checks.dragged, checks.deleted, checks.zoomed, checks.oblique):
            yield run_step(check)
    finally:
        checks.close()


def run_step(check):
    """One line about one check."""
    begin = time.time()
    try:
        found = check()
    except (Failed, SagittalError) as error:
        return "FAIL %s: %s" % (check.__doc__, error)
    return "PASS %s (%.1f s)%s" % (check.__doc__, time.time() - begin, ": %s" % found if found else "")


def until(condition, seconds):
    """Lets Slicer work until condition(); its value. Raises AssertionError."""
    end = time.monotonic() + seconds
    while True:
        slicer.app.processEvents()
        value = condition()
        if value:
            return value
        assert time.monotonic() < end, "Nothing happened within %d s." % seconds
        time.sleep(0.01)


def run_script(run, *options):
    """`run` with what the command line gives for `options`; ends Slicer, with 1 where it raised. Prints why."""
    parser = argparse.ArgumentParser()
    for name in options:
        parser.add_argument("--" + name, default="")
    given, _ = parser.parse_known_args()
    try:
        run(**{name: value for name, value in vars(given).items() if value})
    except Exception as error:  # whatever it is, it is a failure
        print("Failed: %s" % error)
        slicer.util.exit(1)
    else:
        slicer.util.exit(0)


def _drag_around(view, world, radius_mm):
    """A circle around a point of the world with the left button held, in a view that is brought there."""
    node, interactor = view.mrmlSliceNode(), view.interactor()
    node.JumpSlice(*world)
    to_xy = np.linalg.inv(geometry.to_array(node.GetXYToRAS()))
    x, y = (to_xy @ np.append(world, 1.0))[:2]
    radius = radius_mm * np.linalg.norm(to_xy[:2, :3], axis=1).mean()

    def at(turn, event):
        place = x + radius * np.cos(turn), y + radius * np.sin(turn)
        interactor.SetEventInformation(int(round(place[0])), int(round(place[1])), 0, 0, "\0", 0, None)
        event()

    at(0.0, interactor.MouseMoveEvent)
    at(0.0, interactor.LeftButtonPressEvent)
    for turn in np.linspace(0.2, 6.2, 31):
        at(turn, interactor.MouseMoveEvent)
    at(6.2, interactor.LeftButtonReleaseEvent)


class InteractiveChecks:
    """A ball in noise, segmented in each way."""

    def __init__(self, scene, address, process_events):
        self._scene = scene
        self._process_events = process_events
        self._address = address
        self._server = LocalServer()
        self._workers = Workers()
        self._errors = []
        self._settings = Settings(MemoryStore())
        self._view = None
        self._made = []

    def server(self):
        """the server answers"""
        address = self._address or self._server.start(find_program(), Stop())
        self._settings.set("server", address)
        self._view = Interactive(self._scene, self._workers, self._settings, lambda: None, self._errors.append)
        self._begin(np.eye(4))
        told = []
        self._view.test_connection(lambda text, works: told.append((text, works)))
        self._until(lambda: told)
        if not told[0][1]:
            raise Failed(told[0][0])
        return told[0][0]

    def point(self):
        """a point segments the ball"""
        self._view.point(self._world(0, 0, 0))
        return self._settled_mask(200)

    def box(self):
        """a box segments the ball"""
        self._view.next_segment()
        corners = [self._world(i, j, 0) for i in (-9, 9) for j in (-9, 9)]
        self._view.box(np.array(corners), self._world(0, 0, 1) - self._world(0, 0, 0))
        return self._settled_mask(200)

    def lasso(self):
        """a lasso segments the ball"""
        self._view.next_segment()
        turns = np.linspace(0, 2 * np.pi, 40, endpoint=False)
        self._view.lasso(np.array([self._world(8 * np.cos(t), 8 * np.sin(t), 0) for t in turns]))
        return self._settled_mask(200)

    def exclude(self):
        """a point that excludes changes the segment"""
        self._before = self._mask()
        self._view.toggle()
        self._view.point(self._world(0, 0, 0))
        self._settle()
        if np.array_equal(self._before, self._mask()):
            raise Failed("the mask is the same")
        self._after = self._mask()

    def undo(self):
        """undo brings it back"""
        self._view.undo()
        self._settle()
        if not np.array_equal(self._before, self._mask()):
            raise Failed("the mask is another")

    def redo(self):
        """redo does it again"""
        self._view.redo()
        self._settle()
        if not np.array_equal(self._after, self._mask()):
            raise Failed("the mask is another")

    def neighbour(self):
        """other segments stayed as they were"""
        first = self._view.segmentation.GetSegmentation().GetNthSegmentID(0)
        _, crop = SceneSegment(self._view.segmentation, first, self._view.volume).read()
        if crop.sum() < 200:
            raise Failed("the first segment has %d voxels" % crop.sum())

    def reset(self):
        """starting over empties the segment"""
        self._view.reset()
        self._settle()
        if self._mask().any():
            raise Failed("something is left")

    def dragged(self):
        """a lasso that is dragged in a slice view segments the ball"""
        views = slice_views()
        if not views:
            return "not tried, for there is no slice view"
        told = []
        tools = PlaceTools(self._scene, lambda call: call(), told.append, told.append, told.append)
        tools.activate(LASSO)
        _drag_around(views[0], self._world(0, 0, 0), 8.0)
        tools.remove()
        if not told:
            raise Failed("the drag was not heard")
        self._view.lasso(told[0])
        return self._settled_mask(200)

    def deleted(self):
        """a deleted segment comes back by undo"""
        before, name = self._mask(), self._view.segment_id
        self._view.delete_segment()
        if self._view.segmentation.GetSegmentation().GetSegment(name) is not None:
            raise Failed("it is still there")
        self._view.undo()
        self._settle()
        if self._view.segment_id != name or not np.array_equal(before, self._mask()):
            raise Failed("it did not come back as it was")

    def zoomed(self):
        """auto-zoom is an option of the server's session"""
        for on in (False, True):
            self._view.set_auto_zoom(on)
            session = self._view.session()
            told = []
            self._workers.run(lambda stop: session.api.session(session._opened().id), told.append, told.append,
                              session._lane)
            self._until(lambda: told)
            if not isinstance(told[0], dict) or told[0].get("auto_zoom") is not on:
                raise Failed("the server says %s" % told[0])

    def oblique(self):
        """an oblique volume under a transform is segmented in its place"""
        transform = vtk.vtkTransform()
        transform.RotateWXYZ(35, 1, 2, 3)
        self._begin(geometry.to_array(transform.GetMatrix()) @ np.diag([0.8, 1.0, 1.6, 1.0]))
        self._view.point(self._world(0, 0, 0))
        return self._settled_mask(200)

    def close(self):
        if self._view is not None:
            self._view.close()
        for node in self._made:
            self._scene.RemoveNode(node)
        self._workers.close()
        self._server.stop()

    def _begin(self, matrix):
        axes = np.meshgrid(*[np.arange(SIDE) - SIDE / 2] * 3, indexing="ij")
        ball = sum(axis * axis for axis in axes) < 64
        voxels = (100 * ball + np.random.default_rng(1).integers(0, 20, ball.shape)).astype(np.int16)
        image = vtk.vtkImageData()
        image.SetDimensions(SIDE, SIDE, SIDE)
        image.GetPointData().SetScalars(numpy_to_vtk(voxels.ravel(), True, vtk.VTK_SHORT))
        volume = self._scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "Sagittal self-test")
        volume.SetAndObserveImageData(image)
        volume.SetIJKToRASMatrix(geometry.to_matrix(matrix))
        segmentation = self._scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Sagittal self-test")
        segmentation.CreateDefaultDisplayNodes()
        segmentation.SetReferenceImageGeometryParameterFromVolumeNode(volume)
        self._made += [volume, segmentation]
        self._view.choose(volume, segmentation, "")

    def _world(self, i, j, k):
        middle = SIDE / 2
        return geometry.ijk_to_world(self._view.volume, [[middle + i, middle + j, middle + k]])[0]

    def _mask(self):
        link = self._view.link()
        bounds, crop = link.scene.read()
        whole = np.zeros((SIDE, SIDE, SIDE), np.uint8)
        whole[tuple(slice(low, high) for low, high in reversed(bounds))] = crop
        return whole

    def _settled_mask(self, least):
        self._settle()
        count = int(self._mask().sum())
        if count < least:
            raise Failed("%d voxels" % count)
        return "%d voxels" % count

    def _settle(self):
        self._until(lambda: self._errors or not (self._view.session().is_busy or self._view.session().is_preparing))
        if self._errors:
            raise Failed(self._errors.pop())

    def _until(self, condition):
        end = time.time() + LONGEST_WAIT
        while not condition():
            if time.time() > end:
                raise Failed("nothing happened for %d s" % LONGEST_WAIT)
            self._workers.wait_for_results(0.02)
            self._workers.pump()
            self._process_events()
