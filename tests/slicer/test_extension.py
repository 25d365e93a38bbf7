"""The extension as Slicer's build system and its Extensions Index take it: nothing is forgotten, nothing contradicts."""
import json
import re
import shutil
import struct
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "slicer"
MODULES = sorted(path.parent.name for path in FOLDER.glob("*/*.py") if path.stem == path.parent.name)
META = ("HOMEPAGE", "CATEGORY", "CONTRIBUTORS", "DESCRIPTION", "ICONURL", "SCREENSHOTURLS", "DEPENDS")
# Of Slicer's schema of entries, version 1.0.1; additional keys are refused there.
KEYS = {"$schema": str, "category": str, "scm_url": str, "scm_revision": str, "scm_type": str, "build_dependencies": list,
        "build_subdirectory": str, "enabled": bool, "tier": int}
NEEDED = {"$schema", "category", "scm_url"}

# Slicer's own macros, as far as they say which files become parts of the extension.
USE_FILE = """
macro(slicerMacroBuildScriptedModule)
  cmake_parse_arguments(MY "WITH_GENERIC_TESTS;WITH_SUBDIR;VERBOSE" "NAME" "SCRIPTS;RESOURCES" ${ARGN})
  if(MY_UNPARSED_ARGUMENTS OR NOT MY_NAME)
    message(FATAL_ERROR "unknown: ${MY_UNPARSED_ARGUMENTS}")
  endif()
  foreach(kind SCRIPTS RESOURCES)
    foreach(file ${MY_${kind}})
      file(APPEND ${CMAKE_BINARY_DIR}/listed.txt "${MY_NAME} ${kind} ${CMAKE_CURRENT_SOURCE_DIR}/${file}\\n")
    endforeach()
  endforeach()
endmacro()
macro(slicer_add_python_unittest)
  cmake_parse_arguments(MY "" "SCRIPT" "SLICER_ARGS" ${ARGN})
  file(APPEND ${CMAKE_BINARY_DIR}/listed.txt "- TEST ${CMAKE_CURRENT_SOURCE_DIR}/${MY_SCRIPT}\\n")
endmacro()
set(BUILD_TESTING ON)
"""
CONFIG = """
set(Slicer_USE_FILE ${CMAKE_CURRENT_LIST_DIR}/Use.cmake)
set(Slicer_EXTENSION_GENERATE_CONFIG ${CMAKE_CURRENT_LIST_DIR}/Told.cmake)
set(Slicer_EXTENSION_CPACK ${CMAKE_CURRENT_LIST_DIR}/Pack.cmake)
"""
TOLD = "".join('file(APPEND ${CMAKE_BINARY_DIR}/told.txt "%s ${EXTENSION_%s}\\n")\n' % (one, one) for one in META)


class Configured:
    """What CMake makes of a copy of the extension that stands alone."""

    def __init__(self, folder):
        self.source = folder / "slicer"
        shutil.copytree(FOLDER, self.source, ignore=shutil.ignore_patterns("__pycache__"))
        fake, build = folder / "fake", folder / "build"
        fake.mkdir()
        for name, text in (("SlicerConfig", CONFIG), ("Use", USE_FILE), ("Told", TOLD), ("Pack", "")):
            (fake / f"{name}.cmake").write_text(text)
        done = subprocess.run(["cmake", "-S", self.source, "-B", build, f"-DSlicer_DIR={fake}"], capture_output=True,
                              text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        self.listed = [line.split(" ", 2) for line in (build / "listed.txt").read_text().splitlines()]
        told = [line.split(" ", 1) for line in (build / "told.txt").read_text().splitlines()]
        self.meta = {name: value.strip() for name, value in told}

    def files(self, *kinds):
        return {str(Path(file).relative_to(self.source)) for _, kind, file in self.listed if kind in kinds}


@pytest.fixture(scope="module")
def configured(tmp_path_factory):
    return Configured(tmp_path_factory.mktemp("extension"))


@pytest.fixture
def entry():
    return json.loads((FOLDER / "Sagittal.json").read_text())


def files_of_modules():
    every = {path for module in MODULES for path in (FOLDER / module).rglob("*") if path.is_file()}
    return {str(path.relative_to(FOLDER)) for path in every
            if "__pycache__" not in path.parts and path.name != "CMakeLists.txt"}


def test_every_module_is_built(configured):
    assert {name for name, _, _ in configured.listed} - {"-"} == set(MODULES) and len(MODULES) == 4
    for module in MODULES:
        assert f"{module}/{module}.py" in configured.files("SCRIPTS")


def test_every_file_of_a_module_is_installed_and_there(configured):
    scripts = {name for name in files_of_modules() if name.endswith(".py")}
    assert configured.files("SCRIPTS", "TEST") == scripts
    assert configured.files("RESOURCES") == files_of_modules() - scripts
    only_tests = configured.files("TEST") - configured.files("SCRIPTS")
    assert all("/Testing/" in name for name in only_tests)


def test_modules_that_are_shown_have_an_icon_and_a_self_test(configured):
    for module in MODULES:
        if module != "SegmentEditorSagittal":  # it is an effect, and hidden
            assert f"{module}/Resources/Icons/{module}.png" in configured.files("RESOURCES")
            assert f"{module}/Testing/Python/{module}SelfTest.py" in configured.files("SCRIPTS", "TEST")


def test_the_entry_is_one_of_the_index(entry):
    assert NEEDED <= set(entry) <= set(KEYS)
    assert all(type(value) is KEYS[key] for key, value in entry.items())
    assert re.fullmatch(r"https://raw\.githubusercontent\.com/Slicer/Slicer/main/Schemas/"
                        r"slicer-extension-catalog-entry-schema-v1\.0\.1\.json#", entry["$schema"])
    assert entry["tier"] in (1, 3, 5) and entry["build_subdirectory"] == "."
    address = urlsplit(entry["scm_url"])
    assert address.scheme == "https" and "slicer" in address.path.split("/")[-1].lower()  # what the index asks of a name


def test_the_entry_and_the_build_say_the_same(entry, configured):
    text = (FOLDER / "CMakeLists.txt").read_text()
    assert re.search(r"project\((\w+)\)", text).group(1) == "Sagittal"  # the entry's file name
    meta = configured.meta
    assert all(meta[name] for name in META)
    assert meta["CATEGORY"] == entry["category"] and meta["HOMEPAGE"] == entry["scm_url"]
    assert (meta["DEPENDS"] == "NA") == (entry["build_dependencies"] == [])
    for name in ("ICONURL", "SCREENSHOTURLS"):  # the index reads the file, not what CMake makes of it
        assert f'set(EXTENSION_{name} "{meta[name]}")' in text


def test_pictures_of_the_index_are_in_the_extension(entry, configured):
    begin = f"{entry['scm_url']}/raw/{entry['scm_revision']}/"
    addresses = [configured.meta["ICONURL"], *configured.meta["SCREENSHOTURLS"].split()]
    assert all(address.startswith(begin) for address in addresses)
    files = [FOLDER / address[len(begin):] for address in addresses]
    sizes = [struct.unpack(">8s8x2I", file.read_bytes()[:24]) for file in files]
    assert all(head == b"\x89PNG\r\n\x1a\n" for head, _, _ in sizes) and sizes[0][1:] == (128, 128)
    assert {file.name for file in files[1:]} == {file.name for file in (FOLDER / "Screenshots").iterdir()}


def test_the_licence_is_that_of_the_project():
    assert (FOLDER / "LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()


def test_the_address_is_set_in_two_files(entry):
    naming = {path.name for path in FOLDER.rglob("*") if path.is_file() and "__pycache__" not in path.parts
              and entry["scm_url"].encode() in path.read_bytes()}
    assert naming == {"CMakeLists.txt", "Sagittal.json"} and entry["scm_url"] in (ROOT / "docs/developing.md").read_text()


def test_the_page_of_the_folder_leads_nowhere_else():
    text = (FOLDER / "README.md").read_text()
    linked = re.findall(r"\]\(([^)#]+)", text)
    assert all((FOLDER / link).resolve().is_relative_to(FOLDER) and (FOLDER / link).exists() for link in linked)
    named = re.findall(r"`([\w./-]+/)`", text)
    assert {"Sagittal/", "SagittalHub/", "SagittalStreams/", "SegmentEditorSagittal/"} <= set(named)
    assert all((ROOT / page).exists() for page in re.findall(r"`(docs/[\w-]+\.md)`", text))
