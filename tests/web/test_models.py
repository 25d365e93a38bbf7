"""The page of models: the catalogue, its filters, a model, and cards that mean harm."""
import json
from pathlib import Path

import pytest
import requests

from viewer import Viewer, start_with_viewer

SAMPLES = Path(__file__).resolve().parent.parent / "hub/data/repository"
HOSTILE = """<img src=x onerror="document.title='hurt'"><script>document.title='hurt'</script>"""


@pytest.fixture(scope="module")
def catalogue(program, sagittal, model, tmp_path_factory):
    """A server whose catalogue holds the samples and a hostile card."""
    data, repository = tmp_path_factory.mktemp("data"), tmp_path_factory.mktemp("repository")
    for folder in SAMPLES.glob("models/*"):
        target = repository / "models" / folder.name
        target.mkdir(parents=True)
        for file in folder.rglob("*"):
            if file.is_file():
                (target / file.relative_to(folder)).parent.mkdir(parents=True, exist_ok=True)
                (target / file.relative_to(folder)).write_bytes(file.read_bytes())
    hostile = json.loads((SAMPLES / "models/lung_spots/meta.json").read_text())
    hostile["name"], hostile["title"] = "hostile", "Harm " + "x" * 300
    hostile["summary"]["description"] = HOSTILE
    hostile["summary"]["outputs"][0]["description"] = HOSTILE
    hostile["details"]["authors"] = [HOSTILE]
    hostile["details"]["cite"] = HOSTILE
    hostile["details"]["publications"] = [{"title": HOSTILE, "uri": "javascript:document.title='hurt'"}, {"title": "plain", "uri": "http://example.org/a?b=<c>"}]
    hostile["info"]["use"]["text"] = HOSTILE
    hostile["info"]["use"]["tables"] = [{"label": HOSTILE, "entries": {HOSTILE: HOSTILE}}]
    (repository / "models/hostile").mkdir()
    (repository / "models/hostile/meta.json").write_text(json.dumps(hostile))
    done = sagittal("hub", "sync", "--from", repository, "--data-dir", data)
    assert done.returncode == 0, done.stderr
    server = start_with_viewer(program, *model, data_dir=data)
    yield server
    server.stop()


@pytest.fixture
def models(browser, catalogue):
    """The list, come to by the navigation."""
    viewer = Viewer(browser, catalogue.url).start()
    viewer.page.click(".pages a:has-text('Models')")
    viewer.page.wait_for_selector(".model")
    yield viewer
    viewer.close()
    assert viewer.complaints == []


def titles(viewer: Viewer) -> list[str]:
    return [text.split()[0] for text in viewer.page.locator(".model h2").all_inner_texts()]


def wait_count(viewer: Viewer, n: int, total: int) -> None:
    viewer.page.wait_for_selector(f".found [role=status]:text-is('{n} of {total} models')" if n < total else f".found [role=status]:text-is('{n} models')")
    assert viewer.page.locator(".model").count() == n


def total(catalogue) -> int:
    return requests.get(f"{catalogue.url}/api/v1/hub/models", timeout=30).json()["total"]


def test_the_catalogue_lists_what_models_find_and_what_their_licence_allows(models, catalogue):
    wait_count(models, total(catalogue), total(catalogue))
    text = models.page.inner_text(".model:has(h2:has-text('Lung Spots'))")
    for word in ("An invented model", "Right lung", "CT", "CC-BY-NC-4.0: non-commercial", "nnU-Net v1", "MHub"):
        assert word in text
    assert "Apache-2.0" in models.page.inner_text(".model:has(h2:has-text('Heart Pair'))")
    assert models.page.get_attribute(".pages a:has-text('Models')", "aria-current") == "page"


@pytest.mark.parametrize("field, value, found", [
    ("search", "invented spots", "Lung"), ("structure", "cyst", "Lung"), ("modality", "MR", "Heart"), ("licence", "commercial", "Heart"),
    ("engine", "nnunet_v1", "Lung"), ("body_part", "Chest", "Lung")])
def test_filters_narrow_the_list_and_are_in_the_address(models, catalogue, field, value, found):
    choose = models.page.fill if field in ("search", "structure") else models.page.select_option
    before = len(titles(models))
    choose(f"#filter-{field}", value)
    models.page.wait_for_function("n => document.querySelectorAll('.model').length < n", arg=before)
    assert found in titles(models)
    expected = requests.get(f"{catalogue.url}/api/v1/hub/models", params={field: value}, timeout=30).json()["models"]
    wait_count(models, len(expected), total(catalogue))
    models.page.reload()
    models.page.wait_for_selector(".model")
    wait_count(models, len(expected), total(catalogue))
    assert models.page.input_value(f"#filter-{field}") == value
    models.page.click(".filters button:has-text('Clear')")
    wait_count(models, total(catalogue), total(catalogue))


def test_a_search_that_finds_nothing_says_so(models):
    models.page.fill("#filter-search", "no such organ at all")
    models.page.wait_for_selector(".models:has-text('No model fits all of this')")


def test_a_model_has_a_page_of_its_own_and_the_way_back_keeps_the_filters(models):
    models.page.fill("#filter-search", "invented lungs")
    models.page.wait_for_function("() => location.hash.includes('search=')")
    models.page.click(".model h2 a:has-text('Lung Spots')")
    models.page.wait_for_selector(".card")
    text = models.page.inner_text(".catalogue")
    for word in ("A chest scan.", "2 mm", "without contrast agent", "Right lung", "SCT 39607008", "The weights are not for commercial use.",
                 "Tester et al.", "A. Tester, B. Tester", "For tests.\nFor nothing else.", "It does not exist.", "sagittal hub show lung_spots"):
        assert word in text
    models.page.click("a:has-text('All models')")
    models.page.wait_for_selector(".model")
    assert models.page.input_value("#filter-search") == "invented lungs"


def test_a_model_is_linked_to_by_its_address(browser, catalogue):
    viewer = Viewer(browser, catalogue.url)
    viewer.page.goto(f"{catalogue.url}/#page=models&model=heart_pair")
    viewer.page.wait_for_selector("h1:has-text('Heart Pair')")
    viewer.page.goto(f"{catalogue.url}/#page=models&model=no_such_model")
    viewer.page.wait_for_selector(".error:has-text('no_such_model')")
    viewer.close()
    assert viewer.complaints == []


def test_links_to_others_are_followed_by_people_only(models):
    models.page.click(".model h2 a:has-text('Lung Spots')")
    models.page.wait_for_selector(".card a[target=_blank]")
    for link in models.page.locator(".card a[target=_blank]").all():
        assert {"noopener", "noreferrer"} <= set(link.get_attribute("rel").split())
        assert link.get_attribute("href").startswith(("https://", "http://"))
    assert models.page.locator(".catalogue img, .catalogue iframe").count() == 0


def test_a_hostile_card_is_shown_as_text(models):
    for where in (".model:has(h2:has-text('Harm'))", ".catalogue"):
        models.page.wait_for_selector(f"{where} >> text=onerror")
        assert models.page.locator("main img, main script").count() == 0
        assert models.page.locator("a[href^='javascript']").count() == 0
        assert models.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        if where == ".catalogue":
            break
        models.page.click(".model h2 a:has-text('Harm')")
        models.page.wait_for_selector(".card")
    assert models.page.title() != "hurt"


def test_an_empty_catalogue_says_how_it_is_filled(viewer):
    viewer.page.goto(f"{viewer.url}/#page=models")
    viewer.page.wait_for_selector(".hint-box code:text-is('sagittal hub sync')")


def test_a_server_without_models_has_no_such_page_in_its_navigation(viewer):
    def without(route):
        answer = route.fetch()
        route.fulfill(response=answer, json={name: value for name, value in answer.json().items() if name not in ("hub", "jobs")})
    viewer.page.route("**/api/v1/info", without)
    viewer.start()
    viewer.page.wait_for_selector(".pages a:has-text('Server')")
    assert viewer.page.locator(".pages a").all_inner_texts() == ["Segment", "Streams", "Server"]


def test_models_and_scan_are_a_click_apart(viewer, scan):
    viewer.open(scan)
    session = viewer.session
    viewer.page.click(".pages a:has-text('Models')")
    viewer.page.wait_for_selector("h1:text-is('Models')")
    viewer.page.click(".pages a:has-text('Segment')")
    viewer.wait_open()
    assert viewer.session == session


def test_both_views_have_names_contrast_and_keys(models):
    for show in ("list", "model"):
        if show == "model":
            models.page.focus(".model h2 a:has-text('Lung Spots')")
            models.press("Enter")
            models.page.wait_for_selector(".card")
        nameless = models.page.evaluate("""() => [...document.querySelectorAll('a, button, input, select')].filter(e => e.checkVisibility())
            .filter(e => !(e.getAttribute('aria-label') || e.textContent.trim() || e.labels?.length)).map(e => e.outerHTML)""")
        assert nameless == [] and models.poor_contrast() == []
        assert models.page.locator("h1:visible").count() == 1
