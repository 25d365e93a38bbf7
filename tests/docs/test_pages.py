"""Pages hold together: links, anchors, pictures, blocks of code that say what they are."""
import re

import pytest

from doc_pages import ROOT, fences, pages, prose, text_of

LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
GENERATED = {"docs/reference/cli.md", "docs/reference/rest.md"}
KNOWN = {"sh", "text", "yaml", "json", "python", "cpp", "nginx", "mermaid", "{toctree}"}


def anchors(page):
    """Of each heading, as GitHub and MyST make them."""
    found = []
    for title in re.findall(r"^#+ (.*)$", prose(page), re.MULTILINE):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", title).lower()
        found.append(re.sub(r"[^\w\- ]", "", plain).replace(" ", "-"))
    return found


@pytest.mark.parametrize("page", pages(), ids=str)
def test_links_lead_somewhere(page):
    for target in LINK.findall(prose(page)):
        if re.match(r"(https?|mailto):", target):
            continue
        path, _, anchor = target.partition("#")
        file = (ROOT / page.parent / path).resolve() if path else ROOT / page
        inside = str(file.relative_to(ROOT))
        assert file.exists() or inside in GENERATED, target
        if anchor and file.suffix == ".md":
            assert anchor in anchors(file.relative_to(ROOT)), target


@pytest.mark.parametrize("page", pages(), ids=str)
def test_blocks_say_what_they_are(page):
    assert {language for language, _ in fences(page)} <= KNOWN
    indented = re.findall(r"\n\n    \S.*", prose(page))
    lists = re.search(r"^ *([-*]|\d+\.) ", prose(page), re.MULTILINE)
    assert not indented or lists, f"fence it: {indented}"


def test_every_page_is_reached_from_the_first():
    reached, waiting = set(), ["docs/index.md", "README.md"]
    while waiting:
        page = waiting.pop()
        if page in reached or page in GENERATED:
            continue
        reached.add(page)
        for target in LINK.findall(text_of(page)):
            file = (ROOT / page).parent / target.partition("#")[0]
            if file.suffix == ".md" and file.exists():
                waiting.append(str(file.resolve().relative_to(ROOT)))
    assert {str(page) for page in pages() if str(page).startswith("docs/")} <= reached


def test_plain_json_and_yaml_can_be_read():
    import json
    found = [body for page in pages() for language, body in fences(page) if language == "json"]
    assert found
    for body in found:
        json.loads(body)
