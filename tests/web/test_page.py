"""The page itself: offline, cached, small, labelled, readable."""
import gzip
import re

import pytest
import requests


@pytest.fixture(scope="module")
def page(server):
    return requests.get(server.url, timeout=30)


def assets(page) -> list[str]:
    return re.findall(r'(?:src|href)="\./(assets/[^"]+)"', page.text)


def test_what_the_page_loads_has_a_hash_and_is_kept_for_ever(server, page):
    for name in assets(page):
        answer = requests.get(f"{server.url}/{name}", timeout=30)
        assert answer.status_code == 200
        assert "immutable" in answer.headers["Cache-Control"]
        assert answer.headers["Content-Encoding"] == "gzip"


def test_the_page_itself_is_asked_for_anew(server, page):
    assert page.headers["Cache-Control"] == "no-cache"
    again = requests.get(server.url, headers={"If-None-Match": page.headers["ETag"]}, timeout=30)
    assert again.status_code == 304 and again.content == b""


def test_a_client_without_gzip_gets_it_plain(server, page):
    plain = requests.get(server.url, headers={"Accept-Encoding": "identity"}, timeout=30)
    assert "Content-Encoding" not in plain.headers
    assert plain.text == page.text


def test_the_page_may_only_run_its_own_code_and_ask_its_own_server(page):
    policy = page.headers["Content-Security-Policy"]
    assert "script-src 'self'" in policy and "connect-src 'self'" in policy and "unsafe" not in policy


def test_the_page_without_the_library_is_below_a_megabyte(server, page):
    """Packed; the library is loaded by the page's code, not named in the page."""
    sizes = [len(gzip.compress(requests.get(f"{server.url}/{name}", timeout=30).content)) for name in assets(page)]
    assert sum(sizes) < 1_000_000


def test_everything_that_can_be_used_has_a_name(viewer, scan):
    for show in (viewer.start, lambda: viewer.open(scan)):
        show()
        nameless = viewer.page.evaluate("""() => [...document.querySelectorAll('button, input:not(.absent), select, canvas[tabindex]')]
            .filter(e => !(e.getAttribute('aria-label') || e.textContent.trim() || e.labels?.length || e.title)).map(e => e.outerHTML)""")
        assert nameless == []


def test_text_has_the_contrast_that_guidelines_ask_for(viewer, scan):
    viewer.open(scan)
    assert viewer.poor_contrast() == []


def test_the_help_shows_the_slicer_extensions_keys(viewer, scan):
    viewer.open(scan)
    viewer.press("?")
    text = viewer.page.inner_text("dialog")
    for word in ("Point", "Box", "Scribble", "Lasso", "Next segment", "Reset segment", "Undo"):
        assert word in text
    viewer.press("Escape")
    viewer.page.wait_for_selector("dialog", state="detached")


def test_the_navigation_marks_the_page_and_leads_to_the_server(viewer, scan):
    viewer.open(scan)
    viewer.page.wait_for_selector(".pages a[aria-current=page]:has-text('Segment')")
    session = viewer.session
    viewer.page.click(".pages a:has-text('Server')")
    viewer.page.wait_for_selector("h1:has-text('Sagittal')")
    viewer.page.go_back()
    viewer.wait_open()
    assert viewer.session == session


def test_everything_in_the_workspace_is_reached_with_the_tab_key(viewer, scan):
    viewer.open(scan)
    wanted = viewer.page.evaluate("""() => { const all = [...document.querySelectorAll('a, button, input, select, canvas[tabindex]')].filter(e => !e.disabled && e.checkVisibility());
      all.forEach((e, n) => e.dataset.stop = n); return all.length; }""")
    reached = set()
    for _ in range(wanted + 5):
        viewer.press("Tab")
        reached.add(viewer.page.evaluate("document.activeElement.dataset.stop ?? null"))
    assert reached >= {str(n) for n in range(wanted)}


def test_messages_are_above_dialogs(viewer, scan):
    viewer.open(scan)
    viewer.page.click(".top button:has-text('Share')")
    viewer.page.click("dialog button:has-text('Copy')")
    viewer.page.wait_for_selector("dialog .toast:has-text('Copied')")
    viewer.press("Escape")
    viewer.page.wait_for_selector("body > #toasts .toast:has-text('Copied')")


def test_keys_zoom_about_the_crosshair(viewer, scan):
    """Where the first slice is dark, 18 voxels off the ball's middle, it lies 14 off after a zoom of 1.25."""
    viewer.open(scan)
    brightness = []
    for key in ("f", "+", "-"):
        viewer.press(key)
        viewer.page.wait_for_timeout(200)
        brightness.append(int(viewer.colour(66, 44)[0]))
    assert brightness[1] > brightness[0] + 60 and brightness[2] == brightness[0]


def test_keys_choose_tools(viewer, scan):
    viewer.open(scan)
    for key, label in {"b": "Box", "s": "Scribble", "l": "Lasso", "o": "Point", "Escape": "Look", "p": "Point"}.items():
        viewer.press(key)
        assert viewer.page.get_attribute(f".tools button:has-text('{label}')", "aria-pressed") == "true"
