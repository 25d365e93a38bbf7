"""The tests that pages name for what they promise are there."""
import re

import pytest

from doc_pages import ROOT


def suite_tests():
    names = set()
    for file in ROOT.glob("tests/**/*"):
        if file.suffix == ".py":
            names |= set(re.findall(r"^def (test_\w+)", file.read_text(), re.MULTILINE))
        elif file.suffix == ".cpp":
            names |= set(re.findall(r"^TEST\w*\(\w+,\s*(\w+)\)", file.read_text(), re.MULTILINE))
    return names


@pytest.mark.parametrize("page, least", [("clients.md", 50), ("security.md", 20)])
def test_every_row_names_tests_that_are_there(page, least):
    tables = re.findall(r"^\|.*\| test \|\n\|[-|]+\n((?:\|.*\n)+)", (ROOT / "docs" / page).read_text(), re.MULTILINE)
    rows = [row for table in tables for row in table.splitlines()]
    assert len(rows) > least
    tests = suite_tests()
    for row in rows:
        named = re.findall(r"`(test_\w+|[A-Z]\w{9,})`", row.rsplit(" | ", 1)[1])
        assert named, f"no test in {row}"
        assert set(named) <= tests, f"{set(named) - tests} of {row}"
