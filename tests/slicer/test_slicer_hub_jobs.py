"""Descriptions of runs and results from a server that cannot be trusted."""
import copy

import numpy as np
import pytest
import slicer

from SagittalLib.client import BadAnswer
from SagittalLib.client.masks import MaskReply
from SagittalLib.hub.job import duration, read_job, read_jobs
from SagittalLib.hub.record import LONGEST_TEXT, MOST_LINES, RECORD, keep, record_lines, summary
from SagittalLib.hub.results import Layers, ijk_to_ras
from SagittalLib.hub.terminology import code_text, entry_of

JOB = {"id": "a", "model": "m", "title": "", "state": "running", "stage": "predicting", "fraction": 0.5, "place": None,
       "notes": [], "error": None, "created": "2026-11-21T10:00:00Z", "started": "2026-11-21T10:00:05Z",
       "ended": "2026-11-21T10:03:10Z", "inputs": [{"role": "ct", "description": "scan", "volume": "0" * 64, "series": None}],
       "outputs": [{"path": "a/b.nii.gz", "kind": "segmentation", "bytes": 3, "segments": [
           {"number": 1, "name": "", "id": "", "colour": [1, 2, 300], "codes": None, "volume_ml": 1.5}]}]}


def test_a_run_in_words():
    job = read_job(JOB)
    assert (job.title, job.scan_text, job.progress_text, job.duration_text) == ("m", "ct: scan", "Running: predicting", "3 min 5 s")
    assert job.outputs[0].segments[0].name == "Segment 1" and job.outputs[0].segments[0].colour == (1, 2, 255)
    assert read_job({**JOB, "state": "queued", "place": 3}).progress_text == "Place 3 in the queue"
    assert read_job({**JOB, "state": "staging", "stage": "staging"}).progress_text == "Preparing the scan"
    assert [duration(n) for n in (0.4, 59, 61, 7325)] == ["0 s", "59 s", "1 min 1 s", "2 h 2 min"]


@pytest.mark.parametrize("name, value", [("id", ...), ("state", ...), ("fraction", "x"), ("fraction", None), ("notes", 3),
                                         ("inputs", [3]), ("outputs", [{}]), ("error", {"code": 1}), ("place", "x"), ("error", 3)])
def test_what_is_no_run_is_a_bad_answer(name, value):
    forged = copy.deepcopy(JOB)
    forged[name] = value
    if value is ...:
        del forged[name]
    with pytest.raises(BadAnswer):
        read_job(forged)


@pytest.mark.parametrize("change", [{"colour": [1, 2]}, {"colour": ["x", 1, 2]}, {"number": None}, {"volume_ml": "x"}, {"codes": 3}])
def test_segments_that_are_none_are_a_bad_answer(change):
    forged = copy.deepcopy(JOB)
    forged["outputs"][0]["segments"][0].update(change)
    with pytest.raises(BadAnswer):
        read_job(forged)


def test_lists_and_geometries_that_are_none_are_bad_answers():
    for answer in ({}, {"jobs": 3}, {"jobs": [3]}):
        with pytest.raises(BadAnswer):
            read_jobs(answer)
    for forged in ({}, {"direction": [1] * 8}, {"direction": [1] * 9, "spacing_mm": [1, 1, 1], "origin_lps_mm": [0, 0, float("nan")]}):
        with pytest.raises(BadAnswer):
            ijk_to_ras(forged)


def mask(bounds, crop):
    return MaskReply(bounds, np.array(crop, np.uint8), 1, 1, 1.0, False, False)


def test_segments_that_do_not_meet_share_a_layer():
    layers, (segment,) = Layers((4, 1, 1)), read_job(JOB).outputs[0].segments
    layers.add(segment, mask(((0, 2), (0, 1), (0, 1)), [[[1, 0]]]))
    layers.add(segment, mask(((0, 3), (0, 1), (0, 1)), [[[0, 1, 1]]]))
    layers.add(segment, mask(((1, 2), (0, 1), (0, 1)), [[[1]]]))
    layers.add(segment, mask(((0, 0), (0, 0), (0, 0)), np.zeros((0, 0, 0))))
    assert [(p.layer, p.label) for p in layers.placed] == [(0, 1), (0, 2), (1, 1), (0, 3)]
    first, second = layers.images(np.eye(4))
    assert [first.GetScalarComponentAsDouble(i, 0, 0, 0) for i in range(3)] == [1, 2, 2]
    assert second.GetExtent() == (1, 1, 0, 0, 0, 0) and second.GetScalarComponentAsDouble(1, 0, 0, 0) == 1


def test_an_image_that_no_memory_holds_is_a_bad_answer():
    with pytest.raises(BadAnswer, match="too many"):
        Layers((1 << 12, 1 << 12, 1 << 12))


def test_terms_are_those_of_slicers_own_serialisation():
    code = {"scheme": "SCT", "value": "1", "meaning": "kidney ~^| left"}
    codes = {"category": {**code, "value": "2"}, "type": code, "modifier": code, "region": None, "region_modifier": code}
    entry = slicer.vtkSlicerTerminologyEntry()
    slicer.vtkSlicerTerminologiesModuleLogic().DeserializeTerminologyEntry(entry_of(codes), entry)
    assert entry.GetTypeObject().GetCodeMeaning() == "kidney     left"
    assert entry.GetCategoryObject().GetCodeValue() == "2" and entry.GetTypeModifierObject().GetCodeValue() == "1"
    assert entry_of({}) == "" and code_text(codes) == "SCT 1 · SCT 1 · SCT 1" and code_text({}) == ""


RECORD_OF_A_RUN = {"model": "lungmask", "version": "2.0", "image_digest": "sha256:ab", "workflow_sha256": "cd",
                   "inputs": [{"role": "ct", "sha256": "ef"}], "finished": "2026-11-22T10:00:00Z", "gpus": None}


def test_how_a_result_was_made_in_lines():
    assert record_lines(RECORD_OF_A_RUN) == [
        "model: lungmask", "version: 2.0", "SHA-256 of the workflow: cd", "digest of the image: sha256:ab",
        "input 1 · role: ct", "input 1 · sha256: ef", "finished: 2026-11-22T10:00:00Z"]
    assert summary(RECORD_OF_A_RUN) == "lungmask, version 2.0, sha256:ab, 2026-11-22T10:00:00Z"
    assert record_lines({}) == [] and summary({"gpus": 1}) == ""


def test_a_forged_record_stays_small(scene):
    forged = {"model": "x" * 10 ** 6, "evil\nkey": "a\nb", "list": list(range(10 ** 4))}
    lines = record_lines(forged)
    assert len(lines) == MOST_LINES + 1 and lines[-1] == "and: 9922 more lines"
    assert max(map(len, lines)) < LONGEST_TEXT + 30 and lines[1] == "evil key: a b"
    node = scene.AddNewNodeByClass("vtkMRMLSegmentationNode")
    keep(node, forged)
    assert len(node.GetAttribute(RECORD)) < 1 << 15 and len(node.GetDescription()) < 2 * LONGEST_TEXT
    keep(scene.AddNewNodeByClass("vtkMRMLSegmentationNode"), {})
    deep = {}
    for _ in range(5000):
        deep = {"a": deep}
    assert record_lines(deep) == ["a · a · a · a · a · a · a: …"]
