"""What only a whole Slicer can show: `Slicer --python-script SagittalStreamsSelfTest.py --server http://HOST:1527`,
or Reload and Test in the module (developer mode). It prints pass or fail.

It needs a server that has the pipeline `invert`, or another that sends an image back to where it came from."""
import time

import numpy as np
import slicer

from SagittalLib.self_test import run_script, until

SECONDS = 60
LONGEST_MS = 50
SHAPE = (3, 64, 256)


def run(say=print, server="", pipeline="invert"):
    """Opens the module, starts a pipeline, sends a volume, looks at what comes back. Raises AssertionError."""
    from SagittalLib.settings import Settings
    settings = Settings(slicer.app.settings())
    if server:
        settings.set("server", server)
    slicer.util.selectModule("SagittalStreams")
    panel = slicer.modules.SagittalStreamsWidget.panel
    say("Asking %s …" % settings.get("server"))
    panel.pipeline.refresh()
    until(lambda: panel.logic.pipelines.pipelines or panel.logic.pipelines.error, SECONDS)
    assert panel.logic.pipelines.error is None, panel.logic.pipelines.error
    panel.logic.pipelines.start(pipeline)
    panel.connection_wanted()
    until(lambda: panel.logic.is_connected or panel.logic.pipelines.error, SECONDS)
    assert panel.logic.pipelines.error is None, panel.logic.pipelines.error
    try:
        _check(panel, say)
    finally:
        panel.pipeline.stop()
    say("Passed: a volume went through %s and came back at its place." % pipeline)


def _check(panel, say):
    voxels = np.random.default_rng(1).integers(0, 255, SHAPE).astype(np.uint8)
    node = slicer.util.addVolumeFromArray(voxels, name="Sent into a pipeline")
    node.SetSpacing(0.5, 0.75, 2.0)
    node.SetIJKToRASDirections(0.8, -0.6, 0, 0.6, 0.8, 0, 0, 0, 1)
    node.SetOrigin(5, -20, 30)
    say("Sending …")
    held_ms = _timed(lambda: panel.logic.send(node))
    back = until(_image_of(panel), SECONDS)
    assert held_ms < LONGEST_MS, "Sending held up Slicer for %.0f ms." % held_ms
    assert back.GetImageData().GetDimensions() == node.GetImageData().GetDimensions(), "Its size is another."
    assert np.allclose(_place(back), _place(node), atol=1e-3), "It does not lie where the volume lies."
    view = slicer.app.layoutManager().sliceWidget("Red").mrmlSliceNode()
    panel.logic.show_live(back.GetAttribute("Sagittal.StreamDevice"), view)
    until(lambda: np.allclose(_plane_normal(view), _place(back)[:3, 2] / 2.0, atol=1e-3)
           or np.allclose(-_plane_normal(view), _place(back)[:3, 2] / 2.0, atol=1e-3), SECONDS)


def _image_of(panel):
    return lambda: next((node for (kind, _), node in panel.logic.nodes.nodes().items() if kind == "IMAGE"), None)


def _place(node):
    from SagittalLib.streams.nodes import numpy_matrix
    import vtk
    matrix = vtk.vtkMatrix4x4()
    node.GetIJKToRASMatrix(matrix)
    return numpy_matrix(matrix)


def _plane_normal(view):
    from SagittalLib.streams.nodes import numpy_matrix
    return numpy_matrix(view.GetSliceToRAS())[:3, 2]


def _timed(call):
    begin = time.monotonic()
    call()
    return 1000 * (time.monotonic() - begin)


if __name__ == "__main__":
    run_script(run, "server", "pipeline")
