"""The choice of a server's model, and what is said of its licence."""
import json

import numpy as np
import pytest

import scans
from running_server import Server, free_port
from SagittalLib.client import Api, ServerError
from SagittalLib.server_models import OWN, ServerModels, licence_of, read_models
from SagittalLib.settings import MemoryStore, Settings
from second_model import SECOND, SMALL, second_model
from test_module import CENTRE, Window, application, picture, qt_slicer, world_of  # noqa: F401
from test_session import Person


@pytest.fixture(scope="module")
def server(program, tmp_path_factory):
    running = Server(program, "--model", SMALL, "--model", second_model(tmp_path_factory.mktemp("models")))
    yield running
    running.process.kill()
    running.process.wait()


class Sent:
    """With which models sessions were opened, and how many pieces of volumes were sent."""

    def __init__(self, monkeypatch):
        self.opened, self.pieces = [], 0
        open_session, put_piece = Api.open_session, Api.put_piece

        def opened(api, volume, model=None, **more):
            self.opened.append(model)
            return open_session(api, volume, **more, **({"model": model} if model else {}))

        def put(api, *arguments, **named):
            self.pieces += 1
            return put_piece(api, *arguments, **named)

        monkeypatch.setattr(Api, "open_session", opened)
        monkeypatch.setattr(Api, "put_piece", put)


@pytest.fixture
def sent(monkeypatch):
    return Sent(monkeypatch)


@pytest.fixture
def window(sent, application, scene):  # noqa: F811
    scans.oblique_volume(scene)
    made = Window(application, scene)
    made.widget.enter()
    yield made
    made.widget.exit()
    made.widget.cleanup()


def choose(window, name):
    box = window.widget.configuration.model.box
    box.setCurrentIndex([box.itemData(n) for n in range(box.count)].index(name))


def test_another_model_gets_the_segments_and_not_the_volume_again(window, sent, tmp_path):
    view, panel = window.widget.interactive, window.widget.configuration
    window.until(lambda: view.session().state == "ready")
    assert [panel.model.box.itemText(n) for n in range(panel.model.box.count)] == [
        f"The server's own ({SMALL})", SMALL, SECOND]
    assert ">Apache-2.0</a>, commercial use allowed" in panel.model.licence.text
    view.point(world_of(window, CENTRE))
    window.until(lambda: window.is_idle and window.mask().any())
    first, pieces, own = window.mask(), sent.pieces, view.session()._session.id
    choose(window, SECOND)
    assert "licenses/CC-BY-NC-SA-4.0.html" in panel.model.licence.text
    assert "<b>non-commercial</b>" in panel.model.licence.text
    window.until(lambda: view.session().state == "ready")
    second = view.session()._session.id
    assert second != own and sent.opened == [None, SECOND] and sent.pieces == pieces
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


def test_the_licence_is_shown_before_any_volume_is_there(application, scene):  # noqa: F811
    made = Window(application, scene)
    made.widget.enter()
    shown = made.widget.configuration.model.licence
    assert "has not told" in shown.text
    made.until(lambda: "Apache-2.0" in shown.text)
    made.widget.exit()
    made.widget.cleanup()


def test_what_runs_is_stopped_when_the_model_is_changed(window, sent):
    view = window.widget.interactive
    window.until(lambda: view.session().state == "ready")
    view.point(world_of(window, CENTRE))
    old = view.session()
    choose(window, SECOND)
    window.until(lambda: view.session().state == "ready" and not old.is_busy)
    view.point(world_of(window, CENTRE))
    window.until(lambda: window.is_idle and window.mask().any())
    assert sent.opened[-1] == SECOND and old is not view.session() and old._closed


def test_a_session_of_another_model_is_not_gone_on_with(sent, server, scene, main_thread):
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
    assert sent.opened == [None, SECOND, None]


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
    assert read_models(info) == ({SECOND: "CC BY-NC-SA 4.0"}, SECOND)
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


@pytest.mark.parametrize("text, name, commercial, linked", [
    ("Apache-2.0", "Apache-2.0", True, True),
    ("  Apache License", "Apache-2.0", True, True),
    ("CC BY-NC-SA 4.0", "CC-BY-NC-SA-4.0", False, True),
    ("Attribution-NonCommercial-ShareAlike 4.0 International", "CC-BY-NC-SA-4.0", False, True),
    ("Creative Commons Attribution-Non-Commercial 3.0", "CC-BY-NC-3.0", False, True),
    ("CC-BY-4.0", "CC-BY-4.0", True, True),
    ("CC BY-NC", "CC BY-NC", False, False),
    ("For research use only", "For research use only", False, False),
    ("<b>Ours</b>", "<b>Ours</b>", None, False),
    ("", "", None, False),
])
def test_a_licence_is_known_by_its_words(text, name, commercial, linked):
    found = licence_of(text)
    assert (found.name, found.commercial, bool(found.url)) == (name, commercial, linked)


def test_the_servers_words_are_not_read_as_html():
    from SagittalLib.widgets.model_choice import licence_html
    assert licence_html(licence_of("<b>Ours</b>")).startswith("&lt;b&gt;Ours&lt;/b&gt;, commercial use not stated")
    assert licence_html(licence_of("")) == "not stated"


@pytest.mark.parametrize("models", [None, 3, [3], [{}], [{"name": 3}], [{"name": ""}], [{"name": "x" * 101}]])
def test_what_a_server_says_wrongly_is_left_out(models):
    assert read_models({"models": models, "default_model": ["x"]}) == ({}, "")
