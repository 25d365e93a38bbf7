"""What only a whole Slicer can show: `Slicer --python-script SagittalHubSelfTest.py --server http://localhost:1527`, or
Reload and Test in the module (developer mode). It prints pass or fail.

It needs a server that has a model which takes one image; without --model NAME, the first such model is run."""
import time

import slicer

from SagittalLib.self_test import run_script, until

SECONDS = 1800
LONGEST_MS = 50


def run(say=print, server="", model=""):
    """Opens the module, runs a model on noise, looks at what it found. Raises AssertionError."""
    from SagittalLib.settings import Settings
    settings = Settings(slicer.app.settings())
    if server:
        settings.set("server", server)
    slicer.util.selectModule("SagittalHub")
    panel = slicer.modules.SagittalHubWidget.panel
    volume = _volume()
    say("Asking %s …" % settings.get("server"))
    panel.connect()
    until(lambda: panel.find.list.topLevelItemCount > 0 or panel.find.trouble.visible, 30)
    assert not panel.find.trouble.visible, panel.find.trouble.text
    panel.choose(model or _first_model(panel), "local")
    until(lambda: panel.run.run_button.enabled or panel.run.trouble.visible, 30)
    assert panel.run.run_button.enabled, panel.run.trouble.text or "The model cannot be run on one image."
    say("Running …")
    job = _run(panel)
    until(lambda: panel.logic.runs.get(job).has_ended, SECONDS)
    ended = panel.logic.runs.get(job)
    assert ended.state == "done", ended.error
    if ended.has_segments:
        until(lambda: _nodes_of(job), 120)
        _check(_nodes_of(job)[0], volume, ended)
    say("Passed: %s found %d segments." % (ended.title, sum(len(one.segments) for one in ended.segmentations)))


def _run(panel):
    """Presses the button; the id of the run."""
    before = len(panel.logic.runs.jobs)
    begin = time.monotonic()
    panel.run.run()
    held_ms = 1000 * (time.monotonic() - begin)
    run = panel.run
    until(lambda: len(panel.logic.runs.jobs) > before or run.dialog is not None or run.trouble.visible, 300)
    assert run.dialog is None, "The model asks for a licence: accept it in the window, then run this again."
    assert not run.trouble.visible, run.trouble.text
    assert held_ms < LONGEST_MS, "Starting held up Slicer for %.0f ms." % held_ms
    return panel.logic.runs.jobs[0].id


def _check(node, volume, job):
    names = [one.name for one in job.segmentations[0].segments]
    segmentation = node.GetSegmentation()
    found = [segmentation.GetNthSegment(n).GetName() for n in range(segmentation.GetNumberOfSegments())]
    assert found == names, "The names are others: %s." % found
    role = slicer.vtkMRMLSegmentationNode.GetReferenceImageGeometryReferenceRole()
    assert node.GetNodeReference(role) is volume, "It does not lie on the volume."
    tree = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
    assert tree.GetItemByDataNode(node), "It is not in the tree of the data."


def _volume():
    import numpy
    noise = numpy.random.default_rng(1).integers(-200, 200, (48, 64, 64)).astype(numpy.int16)
    return slicer.util.addVolumeFromArray(noise, name="Sagittal self-test")


def _first_model(panel):
    from SagittalLib.hub.calls import HubCalls
    models = HubCalls(panel.logic.api).models({"source": "local"})["models"]
    names = [one["name"] for one in models if one["kind"] != "interactive" and one["inputs"] <= 1]
    assert names, "The server has no model of its own to run: fetch one with “sagittal model fetch”."
    return names[0]


def _nodes_of(job):
    nodes = slicer.util.getNodesByClass("vtkMRMLSegmentationNode")
    return [node for node in nodes if node.GetAttribute("Sagittal.Job") == job]


if __name__ == "__main__":
    run_script(run, "server", "model")
