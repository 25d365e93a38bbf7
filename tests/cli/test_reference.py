"""Manual pages, the reference page and the completion of shells: made by the program of its own declarations."""
import json
import os
import re
import shutil
import subprocess
from pathlib import Path
import pytest



ROOT = Path(__file__).resolve().parents[2]
COMPLETION = ROOT / "packaging/completion"


def commands_below(command):
    yield command
    for below in command["commands"]:
        yield from commands_below(below)


@pytest.fixture(scope="module")
def reference(sagittal, tmp_path_factory):
    folder = tmp_path_factory.mktemp("reference")
    result = sagittal("reference", folder, env={"HOME": "~", "PATH": os.environ["PATH"]})
    assert result.returncode == 0, result.stderr
    return folder


@pytest.fixture(scope="module")
def commands(reference):
    return list(commands_below(json.loads((reference / "cli.json").read_text())))


@pytest.fixture(scope="module")
def shell_environment(program, tmp_path_factory):
    """The program by its name in the PATH, and a folder with two files as the working directory."""
    folder = tmp_path_factory.mktemp("shell")
    (folder / "bin").mkdir()
    (folder / "bin/sagittal").symlink_to(os.path.realpath(program))
    (folder / "work").mkdir()
    for name in ["scan.nii.gz", "spleen.nrrd"]:
        (folder / "work" / name).touch()
    return {"cwd": folder / "work", "env": {"PATH": f"{folder / 'bin'}:/usr/bin:/bin", "HOME": str(folder)}}


def test_every_command_that_help_lists_has_a_page(sagittal, reference, commands):
    for command in commands:
        words = command["name"].split()[1:]
        text = sagittal(*words, "--help").stdout
        listed = re.findall(r"^  ([a-z]+) ", text.partition("Subcommands:")[2], re.MULTILINE)
        assert listed == [below["name"].split()[-1] for below in command["commands"]], command["name"]
        assert (reference / "man1" / (command["name"].replace(" ", "-") + ".1")).exists()
    assert len(list((reference / "man1").iterdir())) == len(commands) > 30


def test_every_option_that_help_lists_is_on_its_page(sagittal, reference, commands):
    for command in commands:
        text = sagittal(*command["name"].split()[1:], "--help").stdout
        options = {name for line in re.findall(r"^  (-\S+)", text, re.MULTILINE)
                   for name in re.sub(r"\{\w+\}", "", line).split(",")}
        assert options == {name for option in command["options"] for name in option["names"]}, command["name"]
        page = (reference / "man1" / (command["name"].replace(" ", "-") + ".1")).read_text().replace("\\-", "-")
        assert all(f"\\fB{option}\\fR" in page for option in options)


@pytest.mark.skipif(not shutil.which("mandoc"), reason="mandoc is not installed")
def test_manual_pages_are_well_formed(reference):
    pages = sorted((reference / "man1").iterdir())
    said = subprocess.run(["mandoc", "-Tlint", "-Wwarning", *pages], capture_output=True, text=True).stdout.splitlines()
    assert [line for line in said if "missing date" not in line] == []


@pytest.mark.skipif(not shutil.which("lexgrog"), reason="man-db is not installed")
def test_apropos_finds_each_page_by_what_it_does(reference, commands):
    for command in commands:
        page = reference / "man1" / (command["name"].replace(" ", "-") + ".1")
        said = subprocess.run(["lexgrog", page], capture_output=True, text=True).stdout
        assert command["help"].replace("`", "") in said.replace("`", ""), said


def test_variables_of_the_environment_are_those_that_the_program_reads(reference):
    page = (reference / "man1/sagittal.1").read_text()
    named = set(re.findall(r"^\\fB([A-Z_]+)\\fR$", page, re.MULTILINE))
    sources = "".join(file.read_text() for folder in ("src", "apps") for file in (ROOT / folder).rglob("*.cpp")
                      if file.name != "reference_pages.cpp")
    assert named and all(f'("{name}")' in sources for name in named)
    assert {name for name in re.findall(r'\("(SAGITTAL_[A-Z_]+)"\)', sources)} <= named


def test_nothing_of_this_machine_is_in_the_pages(reference):
    text = (reference / "cli.md").read_text()
    assert "~/.local/share/sagittal" in text
    assert str(ROOT) not in text and "/root" not in text


def complete(sagittal, *words):
    return [line.split("\t")[0] for line in sagittal("complete", *words).stdout.splitlines()]


def test_what_may_come_next_is_said(sagittal):
    assert complete(sagittal, "se") == ["segment", "serve"]
    assert complete(sagittal, "hub", "s") == ["sync", "search", "show"]
    assert complete(sagittal, "serve", "--tls") == ["--tls-cert", "--tls-key"]
    assert complete(sagittal, "hub", "run", "--on", "") == ["local", "slurm"]
    assert complete(sagittal, "hub", "run", "--on=s") == ["--on=slurm"]
    assert complete(sagittal, "hub", "run", "--on", "=", "s") == ["slurm"]
    assert complete(sagittal, "segment", "--picture", "") == []
    assert complete(sagittal, "hub", "run", "--json", "m") == []
    assert complete(sagittal, "reference", "-") == complete(sagittal, "-")
    assert complete(sagittal, "nonsense", "--tls") == []
    assert "--help" in complete(sagittal, "--h") and complete(sagittal, "--help", "do") == ["doctor"]


def bash(environment, line):
    script = """source "$1"; COMP_WORDS=($2); [ "${2: -1}" = " " ] && COMP_WORDS+=("")
    COMP_CWORD=$(( ${#COMP_WORDS[@]} - 1 )); _sagittal; printf '%s\\n' "${COMPREPLY[@]}" """
    return subprocess.run(["bash", "-c", script, "bash", COMPLETION / "sagittal.bash", line], capture_output=True,
                          text=True, check=True, **environment).stdout.split()


def test_bash_completes(shell_environment):
    assert bash(shell_environment, "sagittal hub s") == ["sync", "search", "show"]
    assert bash(shell_environment, "sagittal hub run --on ") == ["local", "slurm"]
    assert bash(shell_environment, "sagittal info ") == []  # so that -o default offers files


@pytest.mark.skipif(not shutil.which("fish"), reason="fish is not installed")
def test_fish_completes_with_what_each_is_for(shell_environment):
    def fish(line):
        script = f"source {COMPLETION}/sagittal.fish; complete --do-complete '{line}'"
        said = subprocess.run(["fish", "--no-config", "-c", script], capture_output=True, text=True, check=True,
                              **shell_environment)
        return said.stdout.splitlines()

    assert "search\tList the models, or those that fit" in fish("sagittal hub s")
    assert fish("sagittal hub run --on s") == ["slurm"]
    assert fish("sagittal info sc") == ["scan.nii.gz"]


@pytest.mark.skipif(not shutil.which("zsh"), reason="zsh is not installed")
def test_zsh_completes(shell_environment):
    """In a real line editor: the keys are typed into a pseudo-terminal, as a person does."""
    script = f"""
zmodload zsh/zpty; zpty shell zsh -f
keys() {{ zpty -w -n shell "$1" }}
until_seen() {{
  local seen text; integer tries=0
  while [[ $seen != *$1* ]] && (( ++tries < 400 )); do zpty -r -t shell text && seen+=$text || sleep 0.05; done
  print -r -- $seen
}}
keys $'fpath=({COMPLETION} $fpath); autoload -Uz compinit; compinit -u -D; print $((40+2))READY\\n'
until_seen 42READY >/dev/null
keys $'sagittal hub sea\\t'; until_seen search
keys $'\\x15sagittal info sc\\t'; until_seen scan.nii.gz
keys $'\\x15sagittal serve --tls-c\\t'; until_seen --tls-cert
zpty -d shell
"""
    said = subprocess.run(["zsh", "-f", "-c", script], capture_output=True, text=True, timeout=100, **shell_environment)
    assert all(word in said.stdout for word in ["search", "scan.nii.gz", "--tls-cert"]), said
