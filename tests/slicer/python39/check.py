"""Run by Python 3.9: imports every module of the extension and runs the tests that need no scene."""
import importlib
import sys
from pathlib import Path

import pytest
import slicer  # noqa: F401  with qt and the rest, from beside this file

ROOT = Path(__file__).resolve().parents[3]
WITHOUT_A_SCENE = ("test_connection.py", "test_events_client.py", "test_work.py")


def modules():
    """(folder to import from, name) of each file."""
    for folder in sorted((ROOT / "slicer").iterdir()):
        for path in sorted(folder.rglob("*.py")) if folder.is_dir() else ():
            inner = path.relative_to(folder).with_suffix("")
            name = ".".join(inner.parts[:-1] if inner.name == "__init__" else inner.parts)
            if "Testing" not in inner.parts:
                yield folder, name


def main():
    assert sys.version_info[:2] == (3, 9), sys.version
    count = 0
    for folder, name in modules():
        if str(folder) not in sys.path:
            sys.path.insert(0, str(folder))
        importlib.import_module(name)
        count += 1
    print("%d modules imported by Python %s" % (count, sys.version.split()[0]))
    return pytest.main(["-q", "-p", "no:cacheprovider", "--confcutdir", str(ROOT / "tests"),
                        *[str(ROOT / "tests/slicer" / n) for n in WITHOUT_A_SCENE]])


if __name__ == "__main__":
    sys.exit(main())
