"""The site is built without a warning, works without a network, and its references are the program's."""
import json
import re
import subprocess

import pytest

from doc_pages import ROOT


@pytest.fixture(scope="module")
def site(program, tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run([ROOT / "tools/docs.sh", program, folder], capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr  # sphinx-build -W
    return folder


def words_of(page):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", page.read_text()))


def test_every_page_has_its_place_in_the_navigation(site):
    front = (site / "index.html").read_text()
    for page in site.rglob("*.html"):
        name = str(page.relative_to(site))
        if not name.startswith("_") and name not in ("index.html", "search.html"):
            assert f'href="{name}"' in front, name


def test_no_mark_of_the_source_is_left(site):
    for page in site.rglob("*.html"):
        text = words_of(page)
        assert not re.search(r"\{(download|toctree|doc)\}|\]\([\w./#-]+\)|^```", text), page


def test_nothing_is_fetched_from_elsewhere(site):
    for page in site.rglob("*.html"):
        loaded = re.findall(r'<(?:script|img)[^>]* src="([^"]+)"|<link rel="(?:stylesheet|preload)"[^>]* href="([^"]+)"',
                            page.read_text())
        assert not [one for pair in loaded for one in pair if one.startswith(("http:", "https:", "//"))], page


def test_the_command_line_page_has_every_command_and_option(site, declared):
    text = words_of(site / "reference/cli.html")
    for command in declared.values():
        assert command["usage"] in text
        assert all(name in text for option in command["options"] for name in option["names"] if name not in ("-h", "--help"))


def test_the_rest_page_has_every_request_and_object(site, program, tmp_path):
    import urllib.request

    from running_server import Server
    server = Server(program)
    with urllib.request.urlopen(f"{server.url}/api/v1/openapi.json") as answer:
        api = json.load(answer)
    server.stop()
    text = words_of(site / "reference/rest.html")
    for path, methods in api["paths"].items():
        for method in methods:
            assert f"{method.upper()} {path.removeprefix('/api/v1')}" in text
    assert all(f'id="{name.lower()}"' in (site / "reference/rest.html").read_text() for name in api["components"]["schemas"])


def test_search_works_from_the_disk(site, browser):
    page = browser.new_page()
    page.goto(f"file://{site}/search.html?q=dicomweb")
    page.wait_for_selector("ul.search li a")
    assert "A server for the lab" in page.locator("ul.search").inner_text()
    page.close()
