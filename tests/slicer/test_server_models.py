"""The choice of a server's model, and what is said of its licence."""
import json
import subprocess
import threading

import numpy as np
import pytest

import qt_slicer
import scans
from module_panel import CENTRE, Window, picture, until, world_of
from running_server import Server, free_port
from SagittalLib import geometry
from SagittalLib.client import Api, ServerError
from SagittalLib.server_models import OWN, Licence, ServerModels, read_models
from SagittalLib.settings import MemoryStore, Settings
from second_model import SECOND, SMALL, second_model
from test_session import Person


@pytest.fixture(scope="module")
def server(program, tmp_path_factory):
    running = Server(program, "--model", SMALL, "--model", second_model(tmp_path_factory.mktemp("models")))
    yield running
    running.stop()


class Calls:
    """What was asked of servers."""

    def __init__(self, monkeypatch):
        self.opened, self.pieces = [], 0
        self._instead(monkeypatch, "open_session", lambda api, volume, **more: self.opened.append(more))
        self._instead(monkeypatch, "put_piece", self._piece)

    def _piece(self, *arguments, **named):
        self.pieces += 1

    @staticmethod
    def _instead(monkeypatch, name, note):
        original = getattr(Api, name)

        def call(*arguments, **named):
            note(*arguments, **named)
            return original(*arguments, **named)

        monkeypatch.setattr(Api, name, call)

    @property
    def models(self):
        return [more.get("model") for more in self.opened]


@pytest.fixture(autouse=True)
def models(monkeypatch):
    return Calls(monkeypatch)


def choose(window, name):
    box = window.widget.configuration.model.box
    box.setCurrentIndex([box.itemData(n) for n in range(box.count)].index(name))


def test_another_model_gets_the_segments_and_not_the_volume_again(window, models, tmp_path):
    view, panel = window.widget.interactive, window.widget.configuration
    window.until(lambda: view.session().state == "ready")
    assert [panel.model.box.itemText(n) for n in range(panel.model.box.count)] == [
        f"The server's own ({SMALL})", SMALL, SECOND]
    assert ">Apache-2.0</a>, commercial use allowed" in panel.model.licence.text
    view.point(world_of(window, CENTRE))
    window.until(lambda: window.is_idle and window.mask().any())
    first, pieces, own = window.mask(), models.pieces, view.session()._session.id
    choose(window, SECOND)
    assert "licenses/CC-BY-NC-SA-4.0.html" in panel.model.licence.text
    assert "<b>non-commercial</b>" in panel.model.licence.text
    window.until(lambda: view.session().state == "ready")
    second = view.session()._session.id
    assert second != own and models.models == [None, SECOND] and models.pieces == pieces
    window.until(lambda: [one["id"] for one in view.session().api.sessions()] == [second])  # the first one is deleted
    assert view.volume.GetAttribute("Sagittal.Session") == second
    assert view.session().api.session(second)["segments"] == []
    view.toggle()
    view.point(world_of(window, [CENTRE[0] + 6, *CENTRE[1:]]))
    window.until(lambda: window.is_idle)
    recorded = view.session().api.prompts(second, 1)["prompts"]
    assert [p["type"] for p in recorded] == ["init", "point"]
    assert not np.array_equal(window.mask(), first)
    window.press("Ctrl+Z")
    window.until(lambda: window.is_idle)
    assert np.array_equal(window.mask(), first)
    picture(panel.widget, "models.png", tmp_path, width=460)
    assert not window.told


def test_the_licence_is_shown_before_any_volume_is_there(models, application, scene):
    made = Window(application, scene)
    made.widget.enter()
    shown = made.widget.configuration.model.licence
    assert "has not told" in shown.text
    made.until(lambda: "Apache-2.0" in shown.text)
    made.widget.exit()
    made.widget.cleanup()


def test_what_runs_is_stopped_when_the_model_is_changed(window, models):
    view = window.widget.interactive
    window.until(lambda: view.session().state == "ready")
    view.point(world_of(window, CENTRE))
    old = view.session()
    choose(window, SECOND)
    window.until(lambda: view.session().state == "ready" and not old.is_busy)
    view.point(world_of(window, CENTRE))
    window.until(lambda: window.is_idle and window.mask().any())
    assert models.models[-1] == SECOND and old is not view.session() and old._closed


@pytest.fixture
def slow_opening(monkeypatch):
    """Sessions are opened on the server, whose answer comes when it is told to: (ids of sessions, go on)."""
    ids, go_on = [], threading.Event()
    original = Api.open_session

    def call(*arguments, **named):
        answer = original(*arguments, **named)
        ids.append(answer["id"])
        go_on.wait(20)
        return answer

    monkeypatch.setattr(Api, "open_session", call)
    yield ids, go_on
    go_on.set()


@pytest.mark.parametrize("kind", ["model", "server"])
def test_a_session_that_is_still_being_opened_is_deleted_too(slow_opening, application, scene, program, kind):
    ids, go_on = slow_opening
    scans.oblique_volume(scene)
    window = Window(application, scene)
    window.widget.enter()
    view, other = window.widget.interactive, Server(program) if kind == "server" else None
    until(lambda: ids and view.models.is_known)
    old, first = view.session(), ids[0]
    assert first in [one["id"] for one in old.api.sessions()]
    if other:
        application.settings.set("server", other.url)
        view.reconnect()
    else:
        choose(window, SECOND)
    go_on.set()
    window.until(lambda: view.session() is not old and view.session().state == "ready")
    window.until(lambda: first not in [one["id"] for one in old.api.sessions()])
    assert view.volume.GetAttribute("Sagittal.Session") == view.session()._session.id != first
    window.widget.exit()
    window.widget.cleanup()
    view.session().end()
    if other:
        other.stop()


def test_a_session_that_was_to_be_gone_on_with_is_deleted_too(models, server, scene, main_thread, monkeypatch):
    volume = scans.oblique_volume(scene)
    segmentation = scans.segmentation_of(scene, volume, "a")
    one = Person(server, scene, main_thread, volume, segmentation)
    main_thread.until(lambda: one.session.state == "ready")
    one.session.close()
    first, asked, go_on = one.session._session.id, threading.Event(), threading.Event()
    original = Api.info
    monkeypatch.setattr(Api, "info", lambda *args, **named: (asked.set(), go_on.wait(20), original(*args, **named))[2])
    two = Person(server, scene, main_thread, volume, segmentation)
    main_thread.until(asked.is_set)
    two.session.end()
    go_on.set()
    main_thread.until(lambda: first not in [known["id"] for known in two.session.api.sessions()])
    assert volume.GetAttribute("Sagittal.Session") is None


def test_tools_that_a_model_does_not_take_cannot_be_chosen(window, tmp_path):
    prompts = window.widget.prompts
    window.until(lambda: window.widget.interactive.session().state == "ready")
    assert all(made.enabled for made in prompts.buttons.values())
    window.press("L")
    assert prompts.chosen == "lasso"
    choose(window, SECOND)
    assert prompts.chosen is None and not prompts.buttons["lasso"].enabled and prompts.buttons["box"].enabled
    assert "does not take" in prompts.buttons["lasso"].toolTip
    window.press("L")
    assert prompts.chosen is None
    picture(prompts.widget, "no_lasso.png", tmp_path, width=460)
    choose(window, SMALL)
    window.press("L")
    assert prompts.chosen == "lasso"


def test_a_session_of_another_model_is_not_gone_on_with(models, server, scene, main_thread):
    volume = scans.oblique_volume(scene)
    segmentation = scans.segmentation_of(scene, volume, "a")
    sessions = []
    for model in ("", SMALL, SECOND, SECOND, ""):
        person = Person(server, scene, main_thread, volume, segmentation, model)
        person.point([CENTRE[0] + len(sessions), *CENTRE[1:]])
        sessions.append(person.session._session.id)
        person.session.close()
        assert not person.errors
    assert sessions[0] == sessions[1] and sessions[2] == sessions[3] and len(set(sessions)) == 3
    assert models.models == [None, SECOND, None]


def test_a_server_that_has_another_model_now_says_so(program, scene, main_thread, tmp_path):
    port, data = free_port(), tmp_path / "data"
    server = Server(program, port=port, data_dir=data)
    volume = scans.oblique_volume(scene)
    segmentation = scans.segmentation_of(scene, volume, "a")
    one = Person(server, scene, main_thread, volume, segmentation, SMALL)
    one.point(CENTRE)
    one.session.close()
    server.stop()
    server = Server(program, "--model", second_model(tmp_path), port=port, data_dir=data)
    info = Api(one.session.api.connection).info()
    found, own = read_models(info)
    assert own == SECOND and list(found) == [SECOND] and found[SECOND].licence.name == "CC-BY-NC-SA-4.0"
    two = Person(server, scene, main_thread, volume, segmentation, SMALL)
    told = two.point(CENTRE, wait=False)
    main_thread.until(lambda: told)
    assert told == ["refused"] and isinstance(two.errors[0], ServerError)
    assert f"There is no model {SMALL} here, only {SECOND}" in str(two.errors[0])
    two.session.close()
    three = Person(server, scene, main_thread, volume, segmentation, SECOND)
    three.point([3, 3, 3], False)
    assert three.session._session.model == SECOND and not three.errors
    three.session.close()
    server.stop()


def test_each_server_keeps_its_choice(main_thread):
    store = MemoryStore()
    settings = Settings(store)
    settings.set("server", "gpu-box")
    settings.set_model("large")
    settings.set("server", "https://seg.example.org")
    assert settings.model(settings.address()) == ""
    settings.set_model("small")
    again = Settings(store)
    assert [again.model(a) for a in ("http://gpu-box:1527", "https://seg.example.org")] == ["large", "small"]
    models = ServerModels(again, main_thread.workers, lambda: None)
    assert models.entries() == [("The server's own", OWN), ("small", "small")] and models.licence() is None
    models.take(Api(again.connection()), {"models": [{"name": "big", "licence": None}], "default_model": "big"})
    assert models.entries()[1:] == [("big", "big"), ("small (not on this server)", "small")] and models.licence() is None
    again.set_model(OWN)
    assert models.licence().name == "" and json.loads(store["Sagittal/models"]) == {"http://gpu-box:1527": "large"}
    for broken in ("", "[", "[]", '{"https://seg.example.org": 3}'):
        store["Sagittal/models"] = broken
        assert again.model("https://seg.example.org") == ""
    again.set("server", "no address")
    assert again.address() == "" and models.chosen == OWN


@pytest.mark.parametrize("told, licence", [
    ({"licence": "CC BY-NC-SA 4.0", "licence_id": "CC-BY-NC-SA-4.0", "commercial_use": False},
     Licence("CC-BY-NC-SA-4.0", False, "https://spdx.org/licenses/CC-BY-NC-SA-4.0.html")),
    ({"licence": "For research", "licence_id": None, "commercial_use": False}, Licence("For research", False, "")),
    ({"licence": "Ours", "licence_id": "LicenseRef-Ours", "commercial_use": None}, Licence("LicenseRef-Ours", None, "")),
    ({"licence": None}, Licence("", None, "")),
    ({"licence": 3, "licence_id": ["x"], "commercial_use": "yes"}, Licence("", None, "")),
    ({"licence": "x" * 300, "licence_id": "y" * 300}, Licence("x" * 100, None, "")),
])
def test_a_licence_is_what_the_server_tells(told, licence):
    found, _ = read_models({"models": [{"name": "m", **told}]})
    assert found["m"].licence == licence


@pytest.mark.parametrize("capabilities, takes", [
    ({"point": True, "box2d": False, "box3d": True, "lasso": False}, [True, True, True, False]),
    ({"box2d": False, "box3d": False, "scribble": False}, [True, False, False, True]),
    (None, [True] * 4), (["point"], [True] * 4), ({"point": 0}, [True] * 4),
])
def test_what_a_server_does_not_rule_out_may_be_tried(main_thread, capabilities, takes):
    settings = Settings(MemoryStore())
    models = ServerModels(settings, main_thread.workers, lambda: None)
    kinds = ("point", "box", "scribble", "lasso")
    assert all(models.takes(kind) for kind in kinds)
    models.take(Api(settings.connection()),
                {"models": [{"name": "m", "capabilities": capabilities}], "default_model": "m"})
    assert [models.takes(kind) for kind in kinds] == takes


@pytest.mark.parametrize("info, advice", [
    ({"device": "cpu", "precision": "oneDNN 2.6.3, fp32"}, "without a graphics card (oneDNN 2.6.3, fp32)."),
    ({"device": "cpu", "precision": 3}, "without a graphics card."),
    ({"device": "cpu", "precision": "x" * 5000}, "(%s)" % ("x" * 100)),
    ({"device": "cuda", "precision": "x"}, ""), ({}, ""), ({"device": ["cpu"]}, ""),
])
def test_a_server_without_a_graphics_card_says_what_to_expect(main_thread, info, advice):
    models = ServerModels(Settings(MemoryStore()), main_thread.workers, lambda: None)
    assert models.advice() == ""
    models.take(Api(models.settings.connection()), info)
    assert advice in models.advice() and bool(models.advice()) == bool(advice)
    models.settings.set("server", "elsewhere")
    assert models.advice() == ""


def test_the_servers_words_are_not_read_as_html():
    from SagittalLib.widgets.model_choice import licence_html
    assert licence_html(Licence("<b>Ours</b>", None, "")).startswith("&lt;b&gt;Ours&lt;/b&gt;, commercial use not stated")
    assert licence_html(Licence("", None, "")) == "not stated"


@pytest.mark.parametrize("models", [None, 3, [3], [{}], [{"name": 3}], [{"name": ""}], [{"name": "x" * 101}]])
def test_what_a_server_says_wrongly_is_left_out(models):
    assert read_models({"models": models, "default_model": ["x"]}) == ({}, "")


def test_auto_zoom_is_an_option_of_the_session(window):
    view, box = window.widget.interactive, window.widget.prompts.auto_zoom
    window.until(lambda: view.session().state == "ready")

    def told():
        return view.session().api.session(view.session()._session.id)["auto_zoom"]

    assert box.checked and told() is True
    box.click()
    assert window.application.settings.get("auto_zoom") is False
    view.point(world_of(window, CENTRE))
    window.until(lambda: window.is_idle and window.mask().any())
    assert told() is False
    choose(window, SECOND)
    window.until(lambda: view.session().state == "ready")
    assert told() is False
    box.click()
    view.point(world_of(window, CENTRE))
    window.until(lambda: window.is_idle)
    assert told() is True and not window.told


def test_the_effect_notices_another_address(effect, application, program):
    view = effect.interactive
    until(lambda: view.session().state == "ready")
    old, first = view.session(), view.session()._session.id
    other = Server(program)
    application.settings.set("server", other.url)
    view.point(geometry.ijk_to_world(view.volume, [CENTRE])[0])
    until(lambda: view.session().state == "ready" and not view.session().is_busy)
    assert view.session() is not old and str(view.session().api.connection.address) == other.url
    assert scans.exported_mask(view.segmentation, "a", view.volume).any()
    until(lambda: first not in [one["id"] for one in old.api.sessions()])
    effect.activate()
    until(lambda: view.models.is_known)
    assert [name for _, name in view.models.entries()] == [OWN, SMALL]
    view.close()
    other.stop()


def test_a_key_that_is_entered_later_is_used(application, scene, program, tmp_path):
    keys = tmp_path / "keys.json"
    made = subprocess.run([program, "key", "add", "alice", "--api-key-file", keys], capture_output=True, text=True)
    guarded = Server(program, "--api-key-file", keys)
    application.settings.set("server", guarded.url)
    scans.oblique_volume(scene)
    window = Window(application, scene)
    window.widget.enter()
    view = window.widget.interactive
    while view.session().state != "failed":
        qt_slicer.application().processEvents()
    panel = window.widget.configuration
    panel.key.setText(made.stdout.strip())
    panel.key.editingFinished.emit()
    window.until(lambda: view.session().state == "ready")
    window.widget.exit()
    window.widget.cleanup()
    guarded.stop()
