"""From the scan to the mask: every prompt, its sign, undo and redo, several segments."""
import json
import signal

import numpy as np
import pytest

from viewer import make_scan

BALL = (48, 40)  # its middle on the middle axial slice, in pixels


def circle(x, y, radius, n=24):
    turns = np.linspace(0, 2 * np.pi, n)
    return [(x + radius * np.cos(t), y + radius * np.sin(t)) for t in turns]


@pytest.fixture
def opened(viewer, scan):
    return viewer.drop(scan)


def test_a_dropped_scan_is_shown_in_three_planes(opened):
    assert opened.shape == (96, 80, 64)
    for plane, (x, y) in {"axial": (48, 40), "coronal": (48, 32), "sagittal": (40, 32)}.items():
        middle, edge = opened.colour(x + 3, y + 3, plane), opened.colour(x + 30, y + 3, plane)
        assert middle[0] > edge[0] + 60, plane


def test_a_point_makes_a_mask_that_is_shown(opened):
    opened.click(*BALL)
    opened.wait_prompts(1)
    mask = opened.mask()
    assert mask.any()
    k, j, i = np.argwhere(mask)[len(np.argwhere(mask)) // 2]
    assert opened.volumes() != ["0 ml"]
    cursor_slice = mask[32]
    if cursor_slice.any():
        spots = np.argwhere(cursor_slice & np.roll(cursor_slice, 2, 0) & np.roll(cursor_slice, 2, 1))
        j, i = spots[len(spots) // 2]
        assert opened.is_tinted(i + 0.5, j + 0.5)
    prompts = opened.api("segments/1/prompts")["prompts"]
    assert prompts == [{"type": "point", "ijk": [48, 40, 32], "include": True}]


@pytest.mark.parametrize("plane, spot, ijk", [("coronal", (50.5, 20.5), [50, 40, 43]), ("sagittal", (44.5, 30.5), [48, 44, 33])])
def test_points_of_other_planes_are_where_they_were_clicked(opened, plane, spot, ijk):
    opened.click(*spot, plane=plane)
    opened.wait_prompts(1)
    assert opened.api("segments/1/prompts")["prompts"][0]["ijk"] == ijk


@pytest.mark.parametrize("include", [True, False])
@pytest.mark.parametrize("plane, axis", [("axial", 2), ("coronal", 1), ("sagittal", 0)])
@pytest.mark.parametrize("tool", ["Box", "Scribble", "Lasso"])
def test_prompts_lie_flat_in_the_plane_they_were_drawn_in(opened, tool, plane, axis, include):
    """Half-open ranges: two voxels of the ball at most off what was drawn, one slice thick, at the plane's middle slice."""
    middles = {"axial": (48, 40), "coronal": (48, 32), "sagittal": (40, 32)}
    x, y = middles[plane]
    if not include:
        opened.press("t")
    opened.tool(tool)
    opened.drag(circle(x, y, 10) if tool == "Lasso" else [(x - 9.5, y - 9.5), (x + 9.5, y + 9.5)], plane=plane)
    opened.wait_prompts(1)
    (prompt,) = opened.api("segments/1/prompts")["prompts"]
    assert prompt["type"] == tool.lower() and prompt["include"] == include
    bounds = list(zip(prompt["ijk0"], prompt["ijk1"])) if tool == "Box" else prompt["bounds"]
    middle = [48, 40, 32]
    reach = [10, 10, 10] if tool != "Scribble" else [13, 13, 13]
    for n, (low, high) in enumerate(bounds):
        if n == axis:
            assert (low, high) == (middle[n], middle[n] + 1)
        else:
            assert abs(low - (middle[n] - reach[n])) <= 3 and abs(high - (middle[n] + reach[n])) <= 3


def test_a_box_is_dragged_on_a_slice(opened):
    opened.tool("Box")
    opened.drag([(32.5, 24.5), (63.5, 55.5)])
    opened.wait_prompts(1)
    (prompt,) = opened.api("segments/1/prompts")["prompts"]
    assert prompt == {"type": "box", "ijk0": [32, 24, 32], "ijk1": [64, 56, 33], "include": True}
    assert opened.mask().any()


def test_a_scribble_is_painted_with_the_brush(opened):
    opened.press("s")
    opened.drag([(42, 40), (54, 40)])
    opened.wait_prompts(1)
    (prompt,) = opened.api("segments/1/prompts")["prompts"]
    (i0, i1), (j0, j1), (k0, k1) = prompt["bounds"]
    assert prompt["type"] == "scribble" and (k0, k1) == (32, 33)
    assert i0 <= 42 and i1 >= 54 and j1 - j0 >= 2
    assert opened.mask().any()


def test_a_lasso_is_drawn_around_the_organ(opened):
    opened.press("l")
    opened.drag(circle(*BALL, 17))
    opened.wait_prompts(1)
    (prompt,) = opened.api("segments/1/prompts")["prompts"]
    (i0, i1), (j0, j1), _ = prompt["bounds"]
    assert prompt["type"] == "lasso"
    assert np.allclose([i0, i1, j0, j1], [31, 65, 23, 57], atol=2)
    assert opened.mask()[32, 40, 48]


def test_a_lasso_of_clicks_ends_with_the_slicer_extensions_key(opened):
    opened.press("l")
    for spot in circle(*BALL, 16, n=7)[:-1]:
        opened.click(*spot)
    opened.press("Shift+L")
    opened.wait_prompts(1)
    assert opened.api("segments/1/prompts")["prompts"][0]["type"] == "lasso"


def test_negative_prompts_by_key_and_by_right_click(opened):
    opened.click(*BALL)
    opened.wait_prompts(1)
    opened.press("t")
    opened.click(48, 12)
    opened.wait_prompts(2)
    opened.press("t")
    opened.click(20, 40, button="right")
    opened.wait_prompts(3)
    assert [prompt["include"] for prompt in opened.api("segments/1/prompts")["prompts"]] == [True, False, False]


def test_undo_and_redo_bring_the_very_masks_back(opened):
    masks = [opened.mask()]
    for spot in (BALL, (56, 44)):
        opened.click(*spot)
        opened.wait_prompts(len(masks))
        masks.append(opened.mask())
    shown = opened.volumes()
    for n in (1, 0):
        opened.press("Control+z")
        opened.wait_prompts(n)
        assert (opened.mask() == masks[n]).all()
    assert opened.volumes() == ["0 ml"]
    assert not opened.is_tinted(*BALL)
    for n in (1, 2):
        opened.press("Control+y")
        opened.wait_prompts(n)
        assert (opened.mask() == masks[n]).all()
    assert opened.volumes() == shown


def test_reset_empties_the_segment_and_can_be_undone(opened):
    opened.click(*BALL)
    opened.wait_prompts(1)
    before = opened.mask()
    opened.press("r")
    opened.wait_prompts(0)
    assert not opened.mask().any()
    opened.press("Control+z")
    opened.wait_prompts(1)
    assert (opened.mask() == before).all()


def test_the_next_segment_has_its_own_mask_and_colour(opened):
    opened.click(*BALL)
    opened.wait_prompts(1)
    first = opened.mask()
    opened.press("e")
    opened.page.wait_for_selector(".segments li:nth-child(2).active")
    opened.click(20, 20)
    opened.wait_prompts(1, segment=2)
    assert (opened.mask(1) == first).all()
    one, two = opened.api()["segments"]
    assert one["colour"] != two["colour"]


def test_a_segment_begins_with_positive_prompts(opened):
    for way_back in ("e", "r"):
        opened.press("t")
        assert opened.page.get_attribute(".tools .negative", "aria-pressed") == "true"
        opened.press(way_back)
        opened.page.wait_for_selector(".tools .positive[aria-pressed=true]")


def test_a_point_can_be_given_without_a_mouse(opened):
    opened.page.focus(".view.axial canvas")
    for key in ("ArrowRight", "ArrowRight", "ArrowUp", "PageUp", "Enter"):
        opened.press(key)
    opened.wait_prompts(1)
    assert opened.api("segments/1/prompts")["prompts"][0]["ijk"] == [50, 39, 33]


def test_a_segment_takes_name_code_and_colour_from_the_terminology(opened):
    opened.page.dblclick(".segments .name")
    opened.page.fill("#term", "left kidney")
    opened.page.wait_for_selector(".terms li[aria-selected=true]:has-text('Left kidney')")
    opened.press("ArrowDown")
    opened.page.wait_for_selector(".terms li:first-child[aria-selected=false]")
    opened.press("ArrowUp")
    opened.press("Enter")
    opened.page.wait_for_selector(".segments .name:has-text('Left kidney')")
    (segment,) = opened.api()["segments"]
    assert segment["name"] == "Left kidney" and segment["term"]["type"]["scheme"] == "SCT"
    assert opened.page.input_value(".segments input[type=color]") == segment["colour"]


def test_a_term_typed_whole_is_taken_with_its_code(opened):
    opened.page.dblclick(".segments .name")
    opened.page.fill("#term", "spleen")
    opened.press("Enter")
    opened.page.wait_for_selector(".segments .name:has-text('Spleen')")
    assert opened.api()["segments"][0]["term"]["type"]["value"] == "78961009"


def test_a_name_of_ones_own_needs_no_term(opened):
    opened.page.dblclick(".segments .name")
    opened.page.fill("#term", "lesion 3, follow-up")
    opened.press("Enter")
    opened.page.wait_for_selector(".segments .name:has-text('lesion 3, follow-up')")
    assert opened.api()["segments"][0]["term"] is None


def test_a_hidden_segment_is_not_drawn(opened):
    opened.tool("Lasso")
    opened.drag(circle(*BALL, 17))
    opened.wait_prompts(1)
    opened.tool("Look")
    assert opened.is_tinted(50.5, 44.5)
    opened.press("v")
    opened.page.wait_for_timeout(200)
    assert not opened.is_tinted(50.5, 44.5)


def test_a_prediction_can_be_stopped_and_leaves_nothing(opened, server):
    """The server is held for as long as it takes to press Cancel; where it was done before, once more."""
    for _ in range(10):
        with opened.page.expect_request("**/prompts*"):
            opened.click(*BALL)
        server.process.send_signal(signal.SIGSTOP)
        opened.page.wait_for_selector(".busy:not(.absent)")
        opened.page.click(".busy button:has-text('Cancel')")
        opened.page.wait_for_timeout(100)
        server.process.send_signal(signal.SIGCONT)
        opened.wait_quiet()
        if opened.api("segments/1")["prompts"] == 0:
            break
        opened.press("Control+z")
        opened.wait_prompts(0)
    else:
        pytest.fail("ten predictions, none of them stopped")
    assert not opened.mask().any() and opened.volumes() == ["0 ml"]
    assert opened.page.locator(".toast.bad").count() == 0
    opened.click(*BALL)
    opened.wait_prompts(1)


def test_clicks_in_a_row_all_count(opened):
    for x in (44, 48, 52):
        opened.click(x, 40)
    opened.wait_prompts(3)
    assert opened.page.locator(".toast.bad").count() == 0


def test_the_page_follows_the_sessions_events(viewer, scan):
    heard = []
    viewer.page.on("websocket", lambda socket: socket.on("framereceived", lambda text: heard.append(json.loads(text))))
    viewer.drop(scan)
    viewer.click(*BALL)
    viewer.wait_prompts(1)
    viewer.page.wait_for_timeout(300)
    kinds = [event["type"] for event in heard]
    assert kinds[0] == "hello" and "mask" in kinds
    final = [event for event in heard if event["type"] == "mask" and not event["coarse"]]
    assert final[-1]["voxels"] == viewer.mask().sum()


def test_a_coarse_result_is_shown_while_it_is_refined(viewer, tmp_path):
    """The final mask, as event and as answer, is held back for as long as it takes to look."""
    large, answers, coarse = tmp_path / "large.nii", [], []
    make_scan(large, (100, 160, 160), radius=60)

    def pass_previews(socket):
        def pass_on(text):
            event = json.loads(text)
            coarse.extend([event] if event["type"] == "mask" and event["coarse"] else [])
            if event["type"] != "mask" or event["coarse"]:
                socket.send(text)
        socket.connect_to_server().on_message(pass_on)

    viewer.page.route_web_socket("**/events", pass_previews)
    viewer.page.route("**/prompts?**", lambda route: answers.append((route, route.fetch())))
    viewer.open(large)
    viewer.click(80, 80)
    viewer.page.wait_for_selector(".busy:not(.absent):has-text('Refining')")
    while not answers:
        viewer.page.wait_for_timeout(100)
    assert coarse, "no coarse mask came before the final one"
    assert viewer.is_tinted(83.5, 83.5) and viewer.volumes() == ["0 ml · refining"]
    assert viewer.page.is_visible(".busy progress") and viewer.page.is_enabled(".busy button:has-text('Cancel')")
    route, answer = answers[0]
    route.fulfill(response=answer)
    viewer.wait_prompts(1)
    viewer.wait_mask()


def test_a_preview_that_comes_after_its_answer_is_not_shown(viewer, tmp_path):
    """All masks come by event once the answer is there, in their order."""
    large, late = tmp_path / "large.nii", []
    make_scan(large, (100, 160, 160), radius=60)

    def hold_masks(socket):
        socket.connect_to_server().on_message(lambda text: late.append(text) if json.loads(text)["type"] == "mask" else socket.send(text))
        late.append(socket)

    viewer.page.route_web_socket("**/events", hold_masks)
    viewer.open(large)
    viewer.click(80, 80)
    viewer.wait_prompts(1)
    viewer.wait_mask()
    socket, *masks = late
    shown = viewer.volumes()
    assert any(json.loads(text)["coarse"] for text in masks), "no coarse mask came"
    for text in masks:
        socket.send(text)
        viewer.page.wait_for_timeout(200)
        assert viewer.volumes() == shown


def test_a_segment_with_a_mask_is_removed_after_a_question_only(opened):
    opened.click(*BALL)
    opened.wait_prompts(1)
    opened.page.once("dialog", lambda dialog: dialog.dismiss())
    opened.press("Delete")
    assert len(opened.api()["segments"]) == 1
    opened.page.once("dialog", lambda dialog: dialog.accept())
    opened.press("Delete")
    opened.page.wait_for_selector(".segments .name:has-text('Segment 1')", state="detached")
    assert not opened.is_tinted(*BALL)
