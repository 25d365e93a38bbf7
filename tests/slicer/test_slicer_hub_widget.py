"""The panel of the Hub module, as people use it. Pictures of it go to $SAGITTAL_PICTURES where that is set."""
import os
import time
from pathlib import Path

import pytest
import slicer

import hub_scene
import qt_slicer
from job_client import publish
from hub_scene import add_channels
from pauses import LONGEST_PAUSE_S, TimedWorkers
from SagittalLib.hub.job import read_job
from SagittalLib.settings import MemoryStore, Settings
from test_slicer_hub_jobs import JOB

WIDTH = 460


@pytest.fixture(scope="module")
def server(program, sagittal, tmp_path_factory):
    """With models of MHub's repository and one of its own."""
    data, repository = tmp_path_factory.mktemp("data"), tmp_path_factory.mktemp("repository")
    publish(repository, "lung_spots")
    add_channels(data, "brain", ("t1", "flair"))
    publish(repository, "a_model_of_the_prostate_with_quite_a_long_name_indeed", modality="MR")
    assert sagittal("hub", "sync", "--from", repository, "--data-dir", data).returncode == 0
    running = hub_scene.make_server(program, data)
    yield running
    running.stop()


class Person:
    """Uses a panel; events are processed as Slicer does, and no single one may take long."""

    def __init__(self, scene, url, folder):
        from SagittalLib.hub.ui.hub_panel import HubPanel
        self.settings = Settings(MemoryStore())
        self.settings.set("server", url)
        self.panel = HubPanel(scene, self.settings, make_workers=TimedWorkers, file_of_instance=lambda uid: "/nowhere/" + uid if uid.startswith("1.2.") else "")
        self.folder = Path(os.environ.get("SAGITTAL_PICTURES", folder))

    def enter(self):
        self.panel.root.show()
        self.panel.enter()

    def until(self, condition, seconds=60):
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, f"nothing happened in time: {self.words()}"
            qt_slicer.application().processEvents()
            time.sleep(0.005)

    def words(self):
        panel = self.panel
        return [panel.trouble.text, panel.find.trouble.text, panel.find.count.text, panel.run.trouble.text, panel.run.about.text,
                *[row.note.text for row in panel.run._rows], panel.jobs.error.text, panel.jobs.title.text]

    def search(self, words):
        self.panel.find.words.setText(words)
        self.until(lambda: not self.panel.find._timer.active)

    def rows(self, table):
        return [[table.topLevelItem(n).text(c) for c in range(table.columnCount)] for n in range(table.topLevelItemCount)]

    def choose(self, name):
        found = next(n for n, row in enumerate(self.rows(self.panel.find.list)) if row[0] == name)
        self.panel.find.list.setCurrentItem(self.panel.find.list.topLevelItem(found))
        self.until(lambda: name in self.panel.model_title.text)

    def picture(self, name, height=0):
        made = qt_slicer.screenshot(self.panel.root, self.folder / (name + ".png"), WIDTH, height)
        assert len({made.pixel(x, y) for x in range(0, made.width(), 7) for y in range(0, made.height(), 7)}) > 4
        return made


@pytest.fixture
def person(scene, server, tmp_path):
    qt_slicer.install(scene)
    made = Person(scene, server.url, tmp_path)
    yield made
    made.panel.root.hide()
    made.panel.close()
    assert made.panel.workers.pauses.longest < LONGEST_PAUSE_S


def ready(person):
    return lambda: person.panel.run.run_button.enabled


def test_models_are_found_by_words_and_filters(person):
    person.enter()
    find = person.panel.find
    person.until(lambda: find.list.topLevelItemCount == 5)
    assert "5 models" in find.count.text and not find.trouble.visible
    person.picture("catalogue", 620)
    modality = find.choices["modality"]
    assert [modality.itemText(n) for n in range(modality.count)] == ["Any", "CT", "MR"]
    modality.setCurrentIndex(2)
    person.until(lambda: find.list.topLevelItemCount == 1)
    assert "1 of 5" in find.count.text
    person.search("nothing like it")
    person.until(lambda: "No model fits" in find.count.text)
    person.picture("nothing_found", 620)
    find.clear_button.click()
    person.until(lambda: find.list.topLevelItemCount == 5)


def test_a_model_is_run_on_the_volume_and_its_segments_come(person, scene):
    volume = hub_scene.scan(scene, name="ct_thorax")
    person.enter()
    person.until(lambda: person.panel.find.list.topLevelItemCount == 5)
    person.choose("organs")
    person.until(ready(person))
    panel = person.panel
    assert panel.run._rows[0].volume is volume and "executes nothing" in panel.run.about.text
    person.picture("model", 900)
    panel.run.run_button.click()
    person.until(lambda: panel.tabs.currentIndex == 1 and panel.jobs.details.visible)
    person.picture("running", 620)
    person.until(lambda: scene.GetNumberOfNodesByClass("vtkMRMLSegmentationNode") == 1)
    person.until(lambda: panel.jobs.open_button.visible)
    assert [row[0] for row in person.rows(panel.jobs.segments)] == ["Liver", "Spleen"]
    panel.jobs.record_button.setChecked(True)
    person.until(lambda: "model: organs" in panel.jobs.record.plainText)
    assert "sha256: " in panel.jobs.record.plainText and "Sagittal: " in panel.jobs.record.plainText
    person.picture("record", 880)
    panel.jobs.record_button.setChecked(False)
    panel.jobs.log_button.setChecked(True)
    person.until(lambda: "voxels" in panel.jobs.log.plainText)
    person.picture("done", 760)
    panel.jobs.open_button.click()
    person.until(lambda: panel.jobs.open_button.enabled)
    assert scene.GetNumberOfNodesByClass("vtkMRMLSegmentationNode") == 1
    panel.jobs.save_in(str(person.folder))
    person.until(lambda: "Saved in" in panel.jobs.notes.text)
    assert (person.folder / "organs.nii.gz").stat().st_size > 0
    (person.folder / "organs.nii.gz").unlink()


def test_inputs_are_chosen_by_role_and_sent_as_dicom_where_they_came_so(person, scene):
    for name in ("brain_t1", "brain_flair"):
        volume = hub_scene.scan(scene, name=name)
    volume.SetAttribute("DICOM.instanceUIDs", "1.2.3 1.2.4")
    person.enter()
    person.until(lambda: person.panel.find.list.topLevelItemCount == 5)
    person.choose("brain")
    person.until(ready(person))
    run = person.panel.run
    assert [row.volume.GetName() for row in run._rows] == ["brain_t1", "brain_flair"]
    assert [row.as_dicom for row in run._rows] == [False, True] and run.send_dicom.visible
    person.picture("roles", 900)
    run.send_dicom.setChecked(False)
    assert not run._rows[1].as_dicom
    run._rows[1].choice.setCurrentNode(run._rows[0].volume)
    assert "same volume is chosen as T1" in run._rows[1].note.text


def test_without_a_volume_it_is_said_what_is_missing(person):
    person.enter()
    person.until(lambda: person.panel.find.list.topLevelItemCount == 5)
    person.choose("organs")
    person.until(lambda: person.panel.run._rows)
    assert "Load a volume first" in person.panel.run._rows[0].note.text and not person.panel.run.run_button.enabled
    person.picture("no_volume", 800)


def test_what_this_server_cannot_run_is_said_with_what_mends_it(person, scene):
    hub_scene.scan(scene)
    person.enter()
    person.until(lambda: person.panel.find.list.topLevelItemCount == 5)
    name = "a_model_of_the_prostate_with_quite_a_long_name_indeed"
    person.choose(name)
    person.until(lambda: person.panel.run._rows and person.panel.run._backends)
    person.picture("long_names", 900)
    person.choose("sagittal-small")
    person.until(lambda: "answers prompts" in person.panel.run.trouble.text)
    assert not person.panel.run.run_button.visible


def test_numbers_that_a_model_wrote_are_shown(person, monkeypatch):
    person.enter()
    person.until(lambda: person.panel.find.list.topLevelItemCount == 5)
    files = {"a/risk.json": ("json", '{"risk": 0.25}'), "big.csv": ("table", "x" * (1 << 17))}
    outputs = [{"path": path, "kind": kind, "bytes": len(text), "segments": []} for path, (kind, text) in files.items()]
    job = read_job({**JOB, "id": "numbers", "state": "done", "notes": ["It ran in a writable layer."], "outputs": outputs})
    panel = person.panel
    monkeypatch.setattr(panel.logic._calls, "text", lambda id, path, stop: files[path][1])
    panel.logic.runs.jobs.insert(0, job)
    panel.jobs.choose("numbers")
    panel.tabs.setCurrentIndex(1)
    person.until(lambda: "0.25" in panel.jobs.values.plainText and "too long" in panel.jobs.values.plainText)
    assert "writable layer" in panel.jobs.notes.text and not panel.jobs.open_button.visible
    person.picture("numbers", 700)


def test_a_server_that_is_away_is_said(scene, tmp_path):
    qt_slicer.install(scene)
    person = Person(scene, "http://127.0.0.1:9", tmp_path)
    person.enter()
    person.until(lambda: "Nothing listens" in person.panel.find.trouble.text)
    person.picture("away", 500)
    person.panel.server.setText("http://no address")
    person.panel._address_typed()
    person.until(lambda: "no address of a server" in person.panel.trouble.text)
    person.panel.close()


def test_a_run_that_failed_and_one_that_waits(person, scene):
    volume = hub_scene.scan(scene)
    person.enter()
    panel = person.panel
    from SagittalLib.hub.logic import Order
    panel.logic.run(Order("organs", "local", [("", volume, False)] * 2), lambda job: panel._started(job), print)
    person.until(lambda: panel.jobs.error.visible)
    assert "the model takes 1" in panel.jobs.error.text and panel.jobs.end_button.text == "Remove"
    waiting = read_job({**JOB, "id": "b", "state": "queued", "place": 2, "title": "A model with a title that is far too long",
                        "inputs": [{"role": "ct", "description": "a series whose description goes on and on.zip"}]})
    panel.logic.runs.jobs.append(waiting)
    panel.jobs.changed()
    assert person.rows(panel.jobs.list)[-1][2] == "Place 2 in the queue"
    person.picture("failed", 760)
    panel.jobs.end()
    person.until(lambda: panel.jobs.dialog.visible)
    failed = panel.jobs._shown.id
    panel.jobs.dialog.accept()
    person.until(lambda: panel.logic.runs.get(failed) is None)


def test_a_licence_is_shown_before_the_first_run(scene, program, tmp_path):
    hub_scene.make_server(program, tmp_path).stop()
    (next((tmp_path / "models").rglob("plans.json")).parent / "LICENSE").write_text(hub_scene.LICENCE + "\n")
    server = hub_scene.make_server(program, tmp_path)
    qt_slicer.install(scene)
    hub_scene.scan(scene)
    person = Person(scene, server.url, tmp_path)
    person.enter()
    person.until(lambda: person.panel.find.list.topLevelItemCount == 2)
    person.choose("organs")
    person.until(ready(person))
    person.panel.run.run_button.click()
    person.until(lambda: person.panel.run.dialog is not None)
    qt_slicer.screenshot(person.panel.run.dialog, person.folder / "licence.png", 440)
    person.panel.run.dialog.reject()
    assert not person.panel.logic.runs.jobs
    person.panel.run.run_button.click()
    person.panel.run.dialog.accept()
    person.until(lambda: person.panel.logic.runs.jobs)
    person.panel.root.hide()
    person.panel.close()
    server.stop()


def test_the_self_test_that_people_run_passes(scene, server, monkeypatch):
    qt_slicer.install(scene)
    import SagittalHub
    widget = SagittalHub.SagittalHubWidget()
    monkeypatch.setattr(slicer.app, "settings", lambda store=MemoryStore(): store, raising=False)
    monkeypatch.setattr(slicer.util, "selectModule", lambda name: (widget.setup(), widget.enter(), widget.parent.show()), raising=False)
    monkeypatch.setattr(slicer.util, "addVolumeFromArray", lambda voxels, name: in_tree(scene, voxels, name), raising=False)
    slicer.modules.SagittalHubWidget = widget
    monkeypatch.syspath_prepend(Path(SagittalHub.__file__).parent / "Testing/Python")
    import SagittalHubSelfTest
    told = []
    SagittalHubSelfTest.run(told.append, server.url, "organs")
    assert told[-1].startswith("Passed: organs")
    widget.parent.hide()
    widget.cleanup()


def in_tree(scene, voxels, name):
    """A volume in the tree of the data, where Slicer's own program puts it."""
    volume = hub_scene.volume_of(scene, voxels, (1, 1, 1), name)
    tree = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
    tree.CreateItem(tree.GetSceneItemID(), volume)
    return volume


def test_the_module_is_what_slicer_loads(scene):
    qt_slicer.install(scene)
    import SagittalHub

    class Parent:
        pass

    module = SagittalHub.SagittalHub(Parent())
    assert module.parent.title == "Sagittal Hub" and "licence" in module.parent.helpText
    widget = SagittalHub.SagittalHubWidget()
    widget.setup()
    assert widget.layout.count() == 1
    widget.cleanup()
    assert SagittalHub.file_of_instance("1.2.3") == ""
    slicer.dicomDatabase = None
