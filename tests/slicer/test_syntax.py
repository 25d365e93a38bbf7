"""Every file of the extension is Python 3.9 with nothing but what Slicer brings, and keeps the house's form."""
import ast
import re
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "slicer"
FILES = sorted(FOLDER.rglob("*.py"))
BROUGHT = {"slicer", "qt", "ctk", "vtk", "vtkmodules", "numpy", "mrml", "SegmentEditorEffects",
           "qSlicerSegmentationsEditorEffectsPythonQt"}
OURS = {"SagittalLib"} | {path.stem for path in FILES}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(FOLDER)))
def test_file(path):
    text = path.read_text()
    tree = ast.parse(text, feature_version=(3, 9))
    assert all(len(line) <= 120 for line in text.splitlines())
    assert "type: ignore" not in text and "TODO" not in text
    for node in ast.walk(tree):
        names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and node.level == 0:
            names = [node.module]
        for name in names:
            first = name.split(".")[0]
            assert first in BROUGHT | OURS or first in sys.stdlib_module_names, name
        assert not isinstance(node, ast.Match), "match is newer than Python 3.9"
        annotation = getattr(node, "annotation", None) or getattr(node, "returns", None)
        if annotation is not None:
            assert not re.search(r"\|", ast.unparse(annotation)), "X | Y is newer than Python 3.9"


def test_the_client_needs_only_the_standard_library():
    for path in (FOLDER / "Sagittal/SagittalLib/client").glob("*.py"):
        for name in re.findall(r"^(?:import|from) (\w+)", path.read_text(), re.M):
            assert name in sys.stdlib_module_names or name == "numpy", f"{path.name}: {name}"
