"""From a place of the world to a mask in the scene, with a real server: each prompt, undo, edits, restarts."""
import signal

import numpy as np
import pytest

import scans
from running_server import SHAPE, Server, free_port, scan
from SagittalLib import geometry, prompts
from SagittalLib.client import Connection, SagittalError, ServerError
from SagittalLib.segments import SceneSegment
from SagittalLib.session import VolumeSession

CENTRE = [n // 2 for n in SHAPE][::-1]


class Person:
    """Works on one volume: what is done here is done by hand in Slicer."""

    def __init__(self, server, scene, main_thread, volume, segmentation, model=""):
        self.main, self.volume, self.segmentation = main_thread, volume, segmentation
        self.errors, self.given, self.scene = [], [], scene
        self.session = VolumeSession(volume, Connection(server.url), main_thread.workers, on_error=self.errors.append, model=model)
        self.main.timed(self.session.prepare)

    def link(self, segment="a"):
        return self.session.link(self.segmentation, segment)

    def world(self, ijk):
        return geometry.ijk_to_world(self.volume, [ijk])[0]

    def give(self, prompt, segment="a", wait=True):
        told = []
        self.given.append(prompt)
        self.main.timed(self.session.prompt, self.link(segment), prompt, lambda: told.append("done"), lambda: told.append("refused"))
        if wait:
            self.main.until(lambda: told and not self.link(segment).running)
            assert told == ["done"], self.errors
        return told

    def point(self, ijk, include=True, segment="a", wait=True):
        return self.give(prompts.point(self.volume, self.world(ijk), include), segment, wait)

    def do(self, what, segment="a"):
        self.main.timed(getattr(self.session, what), self.link(segment))
        settled = []
        self.session.workers.run(lambda stop: None, settled.append, lane=self.session._lane)
        self.main.until(lambda: settled and not self.link(segment).running)
        settled.clear()
        self.session.workers.run(lambda stop: None, settled.append, lane=self.session._lane)
        self.main.until(lambda: settled)

    def mask(self, segment="a"):
        return scans.exported_mask(self.segmentation, segment, self.volume)

    def servers_mask(self, segment="a"):
        session = self.session._session
        reply = self.session.api.whole_mask(session.id, self.link(segment).server.number, self.session.shape)
        mask = np.zeros(self.session.shape[::-1], np.uint8)
        (i0, i1), (j0, j1), (k0, k1) = reply.bounds
        mask[k0:k1, j0:j1, i0:i1] = reply.crop
        return mask

    def paint(self, bounds, segment="a"):
        """An edit by hand."""
        sides = [high - low for low, high in bounds[::-1]]
        SceneSegment(self.segmentation, segment, self.volume).write(bounds, np.ones(sides, np.uint8))


@pytest.fixture
def person(server, scene, main_thread):
    volume = scans.oblique_volume(scene)
    made = Person(server, scene, main_thread, volume, scans.segmentation_of(scene, volume, "a", "b"))
    yield made
    made.session.end()
    main_thread.until(lambda: not main_thread.workers._lanes)
    assert not made.errors
    assert main_thread.longest < main_thread.limit


def world_of(person, ijk):
    return geometry.ijk_to_world(person.volume, ijk)


def all_prompts(person):
    """One of each, given as places of the world."""
    c = np.array(CENTRE, float)
    ring = [c + 5 * np.array([np.cos(t), np.sin(t), 0]) for t in np.linspace(0, 2 * np.pi, 24, endpoint=False)]
    volume, world = person.volume, lambda ijk: world_of(person, ijk)
    corners = [c + [-6, -5, 0], c + [6, 6, 0]]
    return {
        "point": prompts.point(volume, world([c])[0]),
        "negative": prompts.point(volume, world([c + [12, 0, 0]])[0], False),
        "box": prompts.box(volume, world(corners), normal=world([c + [0, 0, 1]])[0] - world([c])[0]),
        "lasso": prompts.lasso(volume, world(ring)),
        "scribble": prompts.scribble(volume, world([c + [-4, 0, 0], c + [4, 2, 1]]), 3.0),
    }


@pytest.mark.parametrize("kind", ["point", "box", "lasso", "scribble"])
def test_each_prompt_gives_the_mask_of_the_command_line(person, sagittal, tmp_path, kind):
    given = all_prompts(person)[kind]
    person.give(given)
    expected = scans.command_line_mask(sagittal, person.volume, [given], tmp_path)
    assert expected.sum() > 50 and np.array_equal(person.mask(), expected)


def test_prompts_together_give_the_mask_of_the_command_line(person, sagittal, tmp_path):
    person.paint(((14, 18), (12, 16), (10, 14)))
    start = prompts.initial(((14, 18), (12, 16), (10, 14)), np.ones((4, 4, 4)))
    for kind in ("point", "negative", "scribble"):
        person.give(all_prompts(person)[kind])
    whole = np.zeros(SHAPE, np.uint8)
    whole[10:14, 12:16, 14:18] = 1
    first = {"type": "init", "mask": prompts.masks.encode(whole), "predict": False}
    expected = scans.command_line_mask(sagittal, person.volume, [first, *person.given], tmp_path)
    assert start["bounds"] == [[14, 18], [12, 16], [10, 14]] and np.array_equal(person.mask(), expected)


def test_a_bent_volume_is_segmented_where_its_segmentation_bends_with_it(server, scene, main_thread, sagittal, tmp_path):
    volume = scans.oblique_volume(scene, linear=False)
    bent = Person(server, scene, main_thread, volume, scans.segmentation_of(scene, volume, "a"))
    assert np.allclose(geometry.world_to_ijk(volume, world_of(bent, [[3, 4, 5]])), [[3, 4, 5]], atol=1e-2)
    bent.point(CENTRE)
    expected = scans.command_line_mask(sagittal, volume, bent.given, tmp_path)
    bounds, crop = bent.link().scene.read()
    shown = np.zeros(SHAPE, np.uint8)
    shown[tuple(slice(*b) for b in bounds[::-1])] = crop
    assert np.array_equal(shown, expected)
    bent.segmentation.SetAndObserveTransformNodeID(None)
    with pytest.raises(SagittalError, match="bend"):
        geometry.ijk_to_segmentation(volume, bent.segmentation)
    bent.session.end()
    main_thread.until(lambda: not main_thread.workers._lanes)


def test_a_segmentation_elsewhere_gets_the_mask_in_the_right_place(person):
    person.segmentation.SetAndObserveTransformNodeID(None)
    person.point(CENTRE)
    assert person.mask().sum() == person.link().server.read(person.link().server.bounds).sum() > 50
    assert np.array_equal(person.mask(), person.servers_mask())


def test_neighbours_stay_and_may_overlap(person):
    person.paint(((14, 20), (12, 16), (10, 14)), "b")
    before = person.mask("b")
    person.point(CENTRE)
    assert np.array_equal(person.mask("b"), before)
    assert (person.mask() & before).any() and np.array_equal(person.mask(), person.servers_mask())
    person.point([CENTRE[0] + 1, *CENTRE[1:]], segment="b")
    assert np.array_equal(person.mask("b"), person.servers_mask("b")) and np.array_equal(person.mask(), person.servers_mask())


def test_undo_and_redo_walk_on_both_sides(person):
    shown = [person.mask()]
    for n, include in enumerate((True, False, True)):
        person.point([CENTRE[0] + 6 * n, CENTRE[1], CENTRE[2]], include)
        shown.append(person.mask())
    assert len({m.tobytes() for m in shown}) == 4
    for expected in shown[2::-1]:
        person.do("undo")
        assert np.array_equal(person.mask(), expected) and np.array_equal(person.servers_mask(), expected)
    for expected in shown[1:3]:
        person.do("redo")
        assert np.array_equal(person.mask(), expected) and np.array_equal(person.servers_mask(), expected)
    number = person.link().server.number
    recorded = person.session.api.prompts(person.session._session.id, number)["prompts"]
    assert [p["ijk"] for p in recorded] == [p["ijk"] for p in person.given[:2]]


def test_undo_in_the_editor_is_noticed_with_the_next_prompt(person):
    person.point(CENTRE)
    person.point([3, 3, 3], False)
    person.session.history(person.segmentation).undo()
    person.point([4, 4, 4], False)
    recorded = person.session.api.prompts(person.session._session.id, person.link().server.number)["prompts"]
    assert [p["ijk"] for p in recorded] == [CENTRE, [4, 4, 4]]


def test_undo_goes_on_where_the_scenes_stack_ends(person):
    person.point(CENTRE)
    first = person.mask()
    person.point([CENTRE[0] + 6, *CENTRE[1:]], False)
    person.session.histories.clear()
    person.do("undo")
    assert np.array_equal(person.mask(), first) and np.array_equal(person.servers_mask(), first)
    person.do("undo")
    assert not person.mask().any() and not person.servers_mask().any()


def test_edits_by_hand_reach_the_server_with_the_next_prompt(person):
    person.point(CENTRE)
    person.paint(((0, 4), (0, 4), (0, 4)))
    edited = person.mask()
    person.do("sync")
    assert np.array_equal(person.servers_mask(), edited) and edited[:4, :4, :4].all()
    person.do("reset")
    assert not person.mask().any() and not person.servers_mask().any()
    person.do("undo")
    assert np.array_equal(person.mask(), edited)
    assert np.array_equal(person.servers_mask(), edited)


def test_prompts_in_quick_succession_count_together(person, sagittal, tmp_path):
    told = [person.point([CENTRE[0] + n, *CENTRE[1:]], wait=False) for n in range(3)]
    person.main.until(lambda: not person.link().running)
    assert told == [["done"]] * 3
    assert np.array_equal(person.mask(), person.servers_mask()) and person.mask().any()
    recorded = person.session.api.prompts(person.session._session.id, 1)["prompts"]
    assert [p["ijk"] for p in recorded] == [p["ijk"] for p in person.given]


def test_a_cancelled_prompt_leaves_everything_as_it_was(person):
    person.point(CENTRE)
    before = person.mask()
    for n in range(4):
        told = person.point([CENTRE[0] + 5, CENTRE[1] + n, CENTRE[2]], False, wait=False)
        person.main.until(lambda: person.link().running and (person.link().progress or ("",))[0] != "waiting" or told)
        person.main.timed(person.session.cancel, person.link())
        person.main.until(lambda: not person.link().running)
        if told == ["refused"]:
            break
        person.do("undo")
    assert told == ["refused"]
    assert np.array_equal(person.mask(), before) and np.array_equal(person.servers_mask(), before)


def test_two_volumes_and_two_people_do_not_meet(server, scene, main_thread, person):
    other_volume = scans.volume_of(scene, scan(np.float32), name="Other")
    other = Person(server, scene, main_thread, other_volume, scans.segmentation_of(scene, other_volume, "a"))
    again = Person(server, scene, main_thread, person.volume, scans.segmentation_of(scene, person.volume, "a"))
    again.volume.RemoveAttribute("Sagittal.Session")
    person.point(CENTRE, wait=False)
    other.point([n - 2 for n in CENTRE])
    again.point([CENTRE[0], CENTRE[1] + 3, CENTRE[2]])
    main_thread.until(lambda: not person.link().running)
    for one in (person, other, again):
        assert np.array_equal(one.mask(), one.servers_mask()) and one.mask().any() and not one.errors
    assert len({one.session._session.id for one in (person, other, again)}) == 3
    other.session.end(), again.session.end()


def test_a_volume_is_sent_once(server, scene, main_thread, person):
    person.point(CENTRE)
    copy = scans.volume_of(scene, scan(), scans.oblique_matrix(), name="Copy")
    twin = Person(server, scene, main_thread, copy, scans.segmentation_of(scene, copy, "a"))
    states = []
    twin.session._on_change = lambda: states.append((twin.session.state, twin.session.fraction))
    main_thread.until(lambda: twin.session.state == "ready")
    assert {fraction for state, fraction in states if state == "sending"} <= {0.0, 1.0}
    twin.session.end()


def test_both_sides_may_restart(program, scene, main_thread, tmp_path):
    port = free_port()
    server = Server(program, port=port, data_dir=tmp_path / "data")
    volume = scans.oblique_volume(scene)
    one = Person(server, scene, main_thread, volume, scans.segmentation_of(scene, volume, "a"))
    one.point(CENTRE)
    shown, session = one.mask(), one.session._session.id
    server.stop(signal.SIGKILL)
    server = Server(program, port=port, data_dir=tmp_path / "data")
    one.point([CENTRE[0] + 8, *CENTRE[1:]], False)
    assert one.session._session.id == session
    after = one.mask()
    one.session.close()
    again = Person(server, scene, main_thread, volume, one.segmentation)  # Slicer starts again with the saved scene
    again.point([CENTRE[0] - 8, *CENTRE[1:]], False)
    assert again.session._session.id == session and again.link().server.number == 1
    recorded = again.session.api.prompts(session, 1)["prompts"]
    assert len(recorded) == 3 and shown.any() and after.any()
    again.session.close()
    server.stop()


@pytest.mark.parametrize("near", [(True, False), (False, True)])
def test_a_server_that_seems_nearer_or_farther_than_before_knows_the_volume(near, server, scene, main_thread, monkeypatch):
    seems = iter(near)
    monkeypatch.setattr("SagittalLib.session.is_near", lambda connection, stop: next(seems))
    volume = scans.oblique_volume(scene)
    one = Person(server, scene, main_thread, volume, scans.segmentation_of(scene, volume, "a"))
    one.point(CENTRE)
    session = one.session._session.id
    one.session.close()
    again = Person(server, scene, main_thread, volume, one.segmentation)
    again.point([CENTRE[0] + 8, *CENTRE[1:]], False)
    assert again.session._session.id == session
    again.session.close()


def test_a_server_that_has_forgotten_everything_gets_it_again(program, scene, main_thread):
    port = free_port()
    server = Server(program, "--data-dir", "none", port=port)
    volume = scans.oblique_volume(scene)
    one = Person(server, scene, main_thread, volume, scans.segmentation_of(scene, volume, "a"))
    one.point(CENTRE)
    shown, session = one.mask(), one.session._session.id
    server.stop(signal.SIGKILL)
    server = Server(program, "--data-dir", "none", port=port)
    one.point([3, 3, 3], False)
    assert one.session._session.id != session and not one.errors
    recorded = one.session.api.prompts(one.session._session.id, 1)["prompts"]
    assert [p["type"] for p in recorded] == ["init", "point"]
    assert (one.mask() & shown).sum() > 0.5 * shown.sum()
    one.session.close()
    server.stop()


def test_what_the_server_refuses_is_told_in_its_words(server, scene, main_thread):
    volume = scans.volume_of(scene, scan())
    one = Person(server, scene, main_thread, volume, scans.segmentation_of(scene, volume, "a"))
    told = one.give({"type": "box", "ijk0": [1, 1, 1], "ijk1": [5, 5, 5]}, wait=False)
    main_thread.until(lambda: told)
    assert told == ["refused"] and isinstance(one.errors[0], ServerError) and "box" in str(one.errors[0])
    one.point(CENTRE)
    assert one.mask().any()
    one.session.end()


def test_a_server_that_is_away_is_named(scene, main_thread):
    class Away:
        url = "http://127.0.0.1:%d" % free_port()

    volume = scans.volume_of(scene, scan())
    one = Person(Away, scene, main_thread, volume, scans.segmentation_of(scene, volume, "a"))
    told = one.point(CENTRE, wait=False)
    main_thread.until(lambda: told)
    assert told == ["refused"] and "Is the server running?" in str(one.errors[0]) and len(one.errors) == 1
    assert one.session.state == "failed"


def test_a_coarse_mask_comes_first_and_leaves_nothing_behind(server, scene, main_thread, monkeypatch):
    axes = np.meshgrid(*[np.arange(n) - n / 2 for n in (144, 160, 176)], indexing="ij")
    ball = sum(a * a for a in axes) < 60 ** 2
    array = (300 * ball + np.random.default_rng(1).integers(0, 20, ball.shape)).astype(np.int16)
    volume = scans.volume_of(scene, array)
    person = Person(server, scene, main_thread, volume, scans.segmentation_of(scene, volume, "a"))
    seen = []
    show = person.session._show_preview
    monkeypatch.setattr(person.session, "_show_preview", lambda link, reply: (show(link, reply), seen.append(person.mask().sum())))
    person.point([88, 80, 72])
    assert seen and max(seen) > 0 and person.link().preview == ((0, 0),) * 3
    assert np.array_equal(person.mask(), person.servers_mask())
    person.do("undo")
    assert not person.mask().any() and not person.servers_mask().any()
    person.session.end()
    main_thread.until(lambda: not main_thread.workers._lanes)


def test_what_others_do_in_a_shared_session_is_shown(person):
    person.point(CENTRE)
    session, link = person.session._session.id, person.link()
    person.session.api.share_session(session, True)
    before = person.mask()
    person.session.api.undo(session, link.server.number, person.session.shape)
    person.main.until(lambda: not person.mask().any())
    person.do("undo")  # the scene's own stack still has what was there
    assert np.array_equal(person.mask(), before) and np.array_equal(person.servers_mask(), before)
