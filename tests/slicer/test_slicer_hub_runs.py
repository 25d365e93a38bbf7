"""Models run on volumes of the scene, and what they find as segmentations."""
import json
import signal

import numpy as np
import pytest
import slicer
import vtk

import hub_scene
import slicer_scene
from hub_scene import Hub, Order
from nnunet_images import read_nifti
from SagittalLib import geometry, volumes
from SagittalLib.client import SagittalError, ServerError, Stop
from SagittalLib.hub import scans, segmentation
from SagittalLib.hub.record import RECORD


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="module")
def server(program, data):
    running = hub_scene.make_server(program, data, "--max-jobs-per-user", "3")
    yield running
    running.stop()


@pytest.fixture
def hub(scene, main_thread, server):
    made = Hub(scene, main_thread, server.url)
    yield made
    made.logic.close()


def test_an_oblique_volume_under_a_transform_gives_what_the_command_gives(hub, scene, main_thread, sagittal, data, tmp_path):
    volume = hub_scene.scan(scene)
    transform = hub_scene.under_transform(scene, volume)
    job = hub.until_ended(hub.run(volume))
    assert job.state == "done" and hub.ended == [job] and job.scan_text == "CT chest"
    (node,) = hub.answer(hub.logic.open, job)

    file = tmp_path / "scan.nrrd"
    file.write_bytes(volumes.pack(volumes.snapshot(volume), True, Stop()).data)
    done = sagittal("hub", "run", "organs", file, "-o", tmp_path / "out", "--data-dir", data, "--json")
    assert done.returncode == 0, done.stderr
    expected = read_nifti(next((tmp_path / "out").glob("*.nii.gz")))
    found = hub_scene.labels_of(node, volume)
    described = json.loads(done.stdout)["outputs"][0]["segments"]
    assert [s["name"] for s in described] == list(found) and len(found) == 2
    for segment in described:
        assert np.array_equal(found[segment["name"]], expected == segment["number"]) and found[segment["name"]].any()

    assert node.GetTransformNodeID() == transform.GetID() and node.GetName() == "CT chest: organs"
    assert node.GetNodeReference(slicer.vtkMRMLSegmentationNode.GetReferenceImageGeometryReferenceRole()) is volume
    assert main_thread.longest < 0.05


def test_segments_have_names_colours_and_terms(hub, scene):
    job = hub.until_ended(hub.run(hub_scene.scan(scene)))
    (node,) = hub.answer(hub.logic.open, job)
    liver = next(s for s in job.outputs[0].segments if "iver" in s.name)
    ids = node.GetSegmentation().GetSegmentIDs()
    segment = next(s for s in map(node.GetSegmentation().GetSegment, ids) if s.GetName() == liver.name)
    assert np.allclose(segment.GetColor(), np.array(liver.colour) / 255)
    tag = slicer.vtkSegment.GetTerminologyEntryTagName()
    entry = slicer.vtkSlicerTerminologyEntry()
    slicer.vtkSlicerTerminologiesModuleLogic().DeserializeTerminologyEntry(_tag(segment, tag), entry)
    kind = entry.GetTypeObject()
    assert (kind.GetCodingSchemeDesignator(), kind.GetCodeValue(), kind.GetCodeMeaning()) == ("SCT", "10200004", "Liver structure")
    assert entry.GetCategoryObject().GetCodeValue() and _tag(segment, "DICOM.SegmentAlgorithmType") == "AUTOMATIC"
    layers = {id(node.GetSegmentation().GetSegment(i).GetRepresentation("Binary labelmap")) for i in ids}
    assert len(layers) == 1, "they do not meet"


def _tag(segment, name):
    text = vtk.reference("")
    return str(text) if segment.GetTag(name, text) else ""


def saved_text(scene):
    """What Slicer writes of a scene."""
    scene.SetSaveToXMLString(1)
    scene.Commit()
    return scene.GetSceneXMLString()


def test_how_it_was_made_is_kept_with_the_scene(hub, scene):
    job = hub.until_ended(hub.run(hub_scene.scan(scene)))
    (node,) = hub.answer(hub.logic.open, job)
    made = hub.answer(hub.logic.record, job)
    assert made["model"] == "organs" and made["sagittal"] and len(made["inputs"][0]["sha256"]) == 64
    saved = saved_text(scene)
    other = slicer_scene.make_scene()
    other.SetLoadFromXMLString(1)
    other.SetSceneXMLString(saved)
    other.Import()
    again = other.GetFirstNodeByClass("vtkMRMLSegmentationNode")
    assert again is not node and json.loads(again.GetAttribute(RECORD)) == made
    assert again.GetDescription().startswith("organs, ") and again.GetAttribute("Sagittal.Job") == job.id


def test_opened_again_it_is_shown_and_not_doubled(hub, scene, main_thread, server):
    job = hub.until_ended(hub.run(hub_scene.scan(scene)))
    (node,) = hub.answer(hub.logic.open, job)
    assert job.id in saved_text(scene) and job.inputs[0].volume in saved_text(scene)
    node.GetDisplayNode().SetVisibility(False)
    assert hub.answer(hub.logic.open, job) == [node] and node.GetDisplayNode().GetVisibility()
    scene.RemoveNode(node)
    told = []
    for _ in range(2):
        hub.logic.open(job, told.append, told.append)
    main_thread.until(lambda: len(told) == 2)
    (node,) = told[0]
    assert told[1] == [node] and scene.GetNumberOfNodesByClass("vtkMRMLSegmentationNode") == 1
    scene.RemoveNode(node)
    assert segmentation.find(scene, job.id, job.outputs[0].path) is None
    other = Hub(scene, main_thread, server.url)  # as after a restart of Slicer
    main_thread.timed(other.logic.runs.refresh)
    main_thread.until(lambda: other.logic.runs.jobs)
    (again,) = other.answer(other.logic.open, other.job(job))
    assert again.GetReferenceImageGeometryReferenceRole() and len(hub.logic.api.sessions()) == 0
    other.logic.close()


def test_it_is_put_beside_the_volume_in_the_tree_of_the_data(hub, scene):
    tree = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
    volume = hub_scene.scan(scene)
    study = tree.CreateStudyItem(tree.GetSceneItemID(), "Study 1")
    tree.CreateItem(study, volume)
    (node,) = hub.answer(hub.logic.open, hub.until_ended(hub.run(volume)))
    assert tree.GetItemParent(tree.GetItemByDataNode(node)) == study


def test_a_volume_is_sent_once_and_anew_when_it_has_changed(hub, scene, api):
    volume = hub_scene.scan(scene, name="one")
    told = []

    def send():
        return hub.answer(lambda done, failed: hub.logic.scans.send(volume, False, done, failed,
                                                                    lambda sent, total: told.append(sent)))

    first = send()
    assert told and scans.ids_of(volume) == [first]
    told.clear()
    assert send() == first and not told
    api.remove_volume(first)
    assert send() == first and told
    slicer.util.arrayFromVolume(volume)[0, 0, 0] += 1
    slicer.util.arrayFromVolumeModified(volume)
    assert send() != first and len(scans.ids_of(volume)) == 2


def test_a_result_comes_although_the_server_has_forgotten_the_image(hub, scene, api):
    volume = hub_scene.scan(scene)
    job = hub.until_ended(hub.run(volume))
    api.remove_volume(job.inputs[0].volume)
    (node,) = hub.answer(hub.logic.open, job)
    assert len(hub_scene.labels_of(node, volume)) == 2
    scene.RemoveNode(node)
    api.remove_volume(job.inputs[0].volume)
    slicer.util.arrayFromVolume(volume)[0, 0, 0] += 1
    slicer.util.arrayFromVolumeModified(volume)
    with pytest.raises(SagittalError, match="not as it was"):
        hub.answer(hub.logic.open, job)
    scene.RemoveNode(volume)
    with pytest.raises(SagittalError, match="forgotten"):
        hub.answer(hub.logic.open, job)


def test_a_result_whose_volume_is_not_in_the_scene_lies_where_the_server_has_it(hub, scene):
    volume = hub_scene.scan(scene)
    matrix = geometry.ijk_to_ras(volume)
    job = hub.until_ended(hub.run(volume))
    scene.RemoveNode(volume)
    (node,) = hub.answer(hub.logic.open, job)
    text = node.GetSegmentation().GetConversionParameter("Reference image geometry")
    assert np.allclose(np.array(text.split(";")[:16], float).reshape(4, 4), matrix) and node.GetName() == "organs"


def test_a_run_that_fails_says_why_in_the_servers_words(hub, scene):
    volume = hub_scene.scan(scene)
    job = hub.until_ended(hub.run(volume, volume))
    assert job.state == "failed" and "the model takes 1" in job.error and not job.has_segments
    with pytest.raises(ServerError, match="There is no model"):
        hub.answer(hub.logic.run, Order("none", "local", [("", volume, False)]))


def test_a_run_is_watched_and_cancelled(hub, scene, main_thread):
    job = hub.run(hub_scene.scan(scene, times=60))
    main_thread.timed(hub.logic.runs.watch, job.id)
    main_thread.until(lambda: hub.job(job).state == "running" and hub.logic.runs.log)
    assert "voxels" in hub.logic.runs.log or "model" in hub.logic.runs.log
    main_thread.timed(hub.logic.runs.cancel, job.id)
    assert hub.until_ended(job).state == "cancelled"
    main_thread.timed(hub.logic.runs.cancel, job.id)  # from here on it is forgotten
    main_thread.until(lambda: hub.job(job) is None)
    assert main_thread.longest < 0.05


def test_sending_is_stopped(hub, scene, main_thread):
    told = []
    sending = hub.logic.run(Order("organs", "local", [("", hub_scene.scan(scene), False)]), told.append, told.append)
    sending.cancel()
    main_thread.until(lambda: not main_thread.workers._lanes)
    main_thread.workers.pump()
    assert not told and not hub.logic.runs.jobs


def test_what_cannot_be_sent_is_said(hub, scene):
    empty = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "nothing")
    with pytest.raises(SagittalError, match="nothing has no voxels"):
        hub.run(empty)


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_a_run_goes_on_when_the_server_is_restarted(scene, main_thread, program, tmp_path, how):
    first = hub_scene.make_server(program, tmp_path, "--drain-seconds", "0")
    hub = Hub(scene, main_thread, first.url)
    job = hub.run(hub_scene.scan(scene, times=12))
    main_thread.timed(hub.logic.runs.watch, job.id)
    main_thread.until(lambda: hub.job(job).state != "queued")
    first.stop(how)
    second = hub_scene.make_server(program, tmp_path, port=first.port)
    assert hub.until_ended(job).state == "done"
    (node,) = hub.answer(hub.logic.open, hub.job(job))
    assert node.GetSegmentation().GetNumberOfSegments() == 2 and main_thread.longest < 0.05
    hub.logic.close()
    second.stop()


def test_a_licence_is_accepted_before_the_first_run(scene, main_thread, program, tmp_path):
    hub_scene.make_server(program, tmp_path).stop()
    (next((tmp_path / "models").rglob("plans.json")).parent / "LICENSE").write_text(hub_scene.LICENCE + "\n")
    server = hub_scene.make_server(program, tmp_path)
    hub = Hub(scene, main_thread, server.url)
    needs = hub.answer(hub.logic.needs, "organs", "local", "")
    assert needs.licence.commercial_use is False and hub_scene.LICENCE in needs.licence.text
    volume, asked = hub_scene.scan(scene), []
    order = Order("organs", "local", [("", volume, False)])
    hub.logic.run(order, asked.append, asked.append, on_licence=lambda licence: asked.append(licence.commercial_use))
    main_thread.until(lambda: asked)
    assert asked == [False] and not hub.logic.runs.jobs
    assert hub.until_ended(hub.run(volume, accept_licence=True)).state == "done"
    hub.run(volume)  # it is remembered
    hub.logic.close()
    server.stop()
