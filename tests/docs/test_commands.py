"""Every command in the documentation is run here as it stands, or elsewhere.py names the test that runs it, or why none can."""
import os
import re
import shlex
import shutil
import subprocess

import pytest

from ct_series import write as write_series
from certificate import make_certificate
from doc_pages import ROOT, commands, mentioned, pages
from elsewhere import NOT_RUN, RUN_BY
from running_server import Server
from second_model import second_model
from test_named_tests import suite_tests

ALL = [command for page in pages() for command in commands(page)]
SHAPE = (48, 190, 220)  # [k, j, i], so that the clicks of the examples lie inside
LONGEST = 240


def place_of(text):
    """The pattern of elsewhere.py that holds the command; None: it is run here."""
    return next((pattern for pattern in [*RUN_BY, *NOT_RUN] if re.match(pattern, text)), None)


HERE = sorted({command.text for command in ALL if place_of(command.text) is None})


def test_there_are_commands():
    assert len(ALL) > 60 and len(HERE) > 20


@pytest.mark.parametrize("text", HERE)
def test_what_is_run_here_is_a_command_of_the_program(text):
    assert text.startswith("sagittal "), f"{text}: run it in a test, and say so in tests/docs/elsewhere.py"


@pytest.mark.parametrize("pattern", [*RUN_BY, *NOT_RUN])
def test_every_pattern_is_needed(pattern):
    assert any(place_of(command.text) == pattern for command in ALL), f"nothing needs {pattern!r} any more"


def test_the_tests_that_run_commands_are_there():
    assert set(RUN_BY.values()) <= suite_tests()


def test_the_makefile_has_every_target_that_is_named():
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {word for command in ALL if command.text.startswith("make ")
             for word in command.text.split()[1:] if "=" not in word}
    assert named and named <= targets, named - targets


def called(text, declared):
    """The declaration of the command that is called, and the options given to it."""
    words = shlex.split(text.split("|")[0].replace("…", ""))
    name = words.pop(0)
    while words and f"{name} {words[0]}" in declared:
        name += f" {words.pop(0)}"
    return declared[name], [re.split("=", word)[0] for word in words if re.match(r"--?[a-z]", word)]


@pytest.mark.parametrize("command", {command.text: command for command in
                                     [*ALL, *(one for page in pages() for one in mentioned(page))]
                                     if re.match(r"sagittal [a-z-]", command.text)}.values(), ids=lambda one: one.text)
def test_commands_and_options_exist(command, declared):
    text = command.text.replace("info|verify", "info").replace("engine|stream", "engine")
    if re.fullmatch(r"sagittal [\w ,|]*", text) and "|" in text:
        return  # a list of commands
    told, given = called(text, declared)
    known = {name for option in told["options"] for name in option["names"]}
    assert set(given) <= known, f"{command.page}: {set(given) - known}"
    if told["commands"]:
        rest = command.text[len(told["name"]):].split()
        assert not rest or not re.fullmatch(r"[a-z]+", rest[0]), f"{command.page}: {told['name']} has no {rest[0]}"


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    """A person's folder with what the examples name: scans, labels, a certificate, a second model."""
    import numpy as np
    from native_client import nifti
    folder = tmp_path_factory.mktemp("desk")
    k, j, i = np.ogrid[:SHAPE[0], :SHAPE[1], :SHAPE[2]]
    ball = (k - 45) ** 2 + (j - 180) ** 2 / 4 + (i - 210) ** 2 / 4 < 200
    voxels = (ball * 100 + np.random.default_rng(1).integers(0, 20, SHAPE)).astype(np.int16)
    for name in ("ct.nii.gz", "scan.nii.gz"):
        (folder / name).write_bytes(nifti(voxels))
    for name in ("ct_folder", "dicom_folder"):
        write_series(folder / name, voxels, "1.2.826.0.1.3680043.8.498.77")
    (folder / "prompts.json").write_text('{"prompts": [{"type": "point", "ijk": [20, 30, 40]}]}')
    make_certificate(folder, "localhost")
    shutil.copy(folder / "cert.pem", folder / "server.pem")
    shutil.copy(folder / "key.pem", folder / "server.key")
    second_model(folder, "nnInteractive_v1.0")
    (folder / "models").symlink_to(ROOT / "models")
    return folder


def small(text, desk):
    """The same on this desk: a network's patch is small, and the model of /data lies here."""
    text = re.sub(r"--patch (\d+),\1,\1", "--patch 32,32,32", text)
    return text.replace("/data/models", str(desk))


# Those that another must come before.
FIRST = ["sagittal key add", "sagittal segment"]


def run_order(text):
    return next((number for number, begin in enumerate(FIRST) if text.startswith(begin)), len(FIRST)), text


def test_commands_do_what_the_pages_say(desk, program):
    """One after the other, on one desk: what one makes another reads."""
    home = {**os.environ, "HOME": str(desk), "XDG_DATA_HOME": "", "OMP_WAIT_POLICY": "passive"}
    subprocess.run([program, "convert", "ct_folder", "labels.nii.gz"], cwd=desk, env=home, check=True)
    failed = []
    for text in sorted(HERE, key=run_order):
        words = shlex.split(small(text, desk))[1:]
        if words[0] == "serve":
            server = Server(program, "--data-dir", str(desk / ".local/share/sagittal"), *words[1:], cwd=desk, env=home)
            assert server.stop() == 0, text
            continue
        said = subprocess.run([program, *words], cwd=desk, env=home, capture_output=True, text=True, timeout=LONGEST,
                              stdin=subprocess.DEVNULL)
        if said.returncode != 0:
            failed.append(f"{text}: {said.stderr.strip()[-300:]}")
    assert not failed, "\n".join(failed)
