"""The tests that docs/clients.md names for what clients do are there."""
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_every_trap_has_its_test():
    rows = [line for line in (ROOT / "docs/clients.md").read_text().splitlines()
            if line.startswith("| ") and not line.startswith("| trap")]
    assert len(rows) > 50
    tests = set()
    for file in ROOT.glob("tests/**/*"):
        if file.suffix == ".py":
            tests |= set(re.findall(r"^def (test_\w+)", file.read_text(), re.MULTILINE))
        elif file.suffix == ".cpp":
            tests |= set(re.findall(r"^TEST\w*\(\w+,\s*(\w+)\)", file.read_text(), re.MULTILINE))
    for row in rows:
        named = re.findall(r"`(test_\w+|[A-Z]\w{9,})`", row.rsplit(" | ", 1)[1])
        assert named, f"no test in {row}"
        assert set(named) <= tests, f"{set(named) - tests} of {row}"
