"""A model's card as rich text, written by strangers."""
import re

import pytest

from SagittalLib.hub.card_page import facts_of, licence_of, page, structures_of

HOSTILE = """<img src=x onerror="document.title='hurt'">"""
CARD = {"name": "m", "title": HOSTILE, "summary": HOSTILE, "modalities": ["CT", "PT"], "engine": "other", "source": "mhub",
        "version": HOSTILE, "warnings": [HOSTILE], "citation": HOSTILE, "authors": [HOSTILE],
        "licence": {"weights": "CC-BY-NC-4.0", "weights_text": HOSTILE, "commercial_use": False},
        "outputs": [{"type": "segmentation", "label": HOSTILE, "structures": [
            {"name": HOSTILE, "colour": "red'><b>", "type": {"scheme": HOSTILE, "value": "1", "meaning": "x"}}]}],
        "inputs": [{"description": HOSTILE, "modalities": ["CT"], "contrast": True, "non_contrast": True}],
        "sections": [{"title": HOSTILE, "text": HOSTILE, "tables": [{"label": HOSTILE, "entries": [[HOSTILE, HOSTILE]]}],
                      "references": [{"label": HOSTILE, "uri": "javascript:alert(1)"}]}],
        "publications": [{"title": "paper", "uri": "https://example.org/?a=1&b='2'"}, {"title": "file", "uri": "file:///etc/passwd"}],
        "links": {"page": "http://[", "code": "https://example.org/code"}, "workflows": [{"name": "a"}, {"name": HOSTILE}]}


def test_what_strangers_wrote_is_text():
    html = page(CARD)
    assert "<img" not in html and "&lt;img" in html
    assert re.findall("href='([^']*)'", html) == ["https://example.org/?a=1&amp;b=&#x27;2&#x27;", "https://example.org/code"]
    assert "color:#808080" in html and "The model is not for commercial use." in html and "CT or PET" in html


@pytest.mark.parametrize("card", [{}, {"name": "m"}, {name: None for name in CARD}, {**CARD, "outputs": 3, "sections": [3, {}],
                                                                                     "inputs": [{}], "warnings": [3]}])
def test_a_card_that_lacks_nearly_all_is_shown(card):
    assert "Licence" in page(card)


def test_the_list_says_much_in_few_words():
    assert facts_of(CARD) == "CT or PET · Other engine · MHub" and licence_of(CARD) == "CC-BY-NC-4.0"
    assert [licence_of({"licence": one}) for one in ({}, {"commercial_use": True}, {"commercial_use": False}, {"weights": "X"},
                                                     {"weights": "X", "commercial_use": False})] \
        == ["not stated", "commercial use", "non-commercial", "X", "X, non-commercial"]
    assert structures_of({"structures": [{"name": str(n)} for n in range(6)]}) == "0, 1, 2, 3 and 2 more"
