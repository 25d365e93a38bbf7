"""A release by one script, in a copy of this repository: what it makes, what it refuses, and that nothing is changed by a dry run."""
import hashlib
import io
import json
import os
import re
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
VERSION = "9.8.7"
HEADERS = ["libboost-dev", "libcli11-dev", "libtomlplusplus-dev", "nlohmann-json3-dev"]


def git(repository, *words):
    return subprocess.run(["git", "-c", "user.name=T", "-c", "user.email=t@example.org", *words], cwd=repository, capture_output=True,
                          text=True, check=True).stdout.strip()


def now():
    """The version of this checkout."""
    return re.search(r"^project\(\w+ VERSION (\S+)", (ROOT / "CMakeLists.txt").read_text(), re.MULTILINE)[1]


@pytest.fixture
def repository(tmp_path):
    """The files of this checkout, committed, with a section for the version in the changelog."""
    folder = tmp_path / "repository"
    kept = ["CMakeLists.txt", "CHANGELOG.md", "LICENSE", ".gitignore", "holoscan/pyproject.toml", "web/package-lock.json",
            *(f"tools/{name}" for name in ("release.sh", "release_files.sh", "release_requirements.txt", "sbom.py"))]
    for name in kept:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    changelog = folder / "CHANGELOG.md"
    changelog.write_text(changelog.read_text().replace("# Changelog\n", f"# Changelog\n\n## {VERSION} (unreleased)\n\n- Something.\n", 1))
    (folder / "README.md").write_text(f"take sagittal_{now()}_amd64.deb or sagittal-{now()}-linux-x86_64.tar.gz\n")
    git(folder, "init", "-q", "-b", "main")
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "begin")
    git(folder, "config", "user.name", "T")
    git(folder, "config", "user.email", "t@example.org")
    return folder


def documents():
    """What lies in share/doc of a package: licences of what it is made of, with those of a library that it brings."""
    files = {f"licences/{name}.txt": Path(f"/usr/share/doc/{name}/copyright").read_bytes() for name in HEADERS}
    files["licences/zlib1g.txt"] = Path("/usr/share/doc/zlib1g/copyright").read_bytes()
    files["licences/viewer.txt"] = b"fflate 0.8.3: MIT\n\nCopyright\n"
    files["libraries.tsv"] = b"file\tpackage\tsource\tversion\nlibz.so.1\tzlib1g\tzlib\t1:1.2.13.dfsg-1\n"
    return {f"share/doc/sagittal/{name}": text for name, text in files.items()}


@pytest.fixture
def packages(tmp_path):
    """A tarball and a Debian package as `make package` lays them out, with little in them."""
    folder = tmp_path / "packages"
    folder.mkdir()
    files = {"bin/sagittal": b"program", "share/sagittal/models/sagittal-small/LICENSE": b"Apache-2.0\n", **documents()}
    name = f"sagittal-{VERSION}-linux-x86_64"
    with tarfile.open(folder / f"{name}.tar.gz", "w:gz") as archive:
        for path, data in files.items():
            member = tarfile.TarInfo(f"{name}/{path}")
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    tree = tmp_path / "tree"
    for path, data in files.items():
        if not path.endswith("libraries.tsv"):
            (tree / "usr" / path).parent.mkdir(parents=True, exist_ok=True)
            (tree / "usr" / path).write_bytes(data)
    (tree / "DEBIAN").mkdir()
    (tree / "DEBIAN/control").write_text(f"Package: sagittal\nVersion: {VERSION}\nArchitecture: amd64\nMaintainer: T <t@example.org>\n"
                                         "Depends: adduser, zlib1g (>= 1:1.2.13)\nDescription: test\n")
    subprocess.run(["dpkg-deb", "--build", "--root-owner-group", tree, folder / f"sagittal_{VERSION}_amd64.deb"], check=True,
                   capture_output=True)
    return folder


def release(repository, packages, *words):
    return subprocess.run([repository / "tools/release.sh", *words], capture_output=True, text=True,
                          env={**os.environ, "RELEASE_PACKAGES": str(packages), "RELEASE_VENV": str(ROOT / "build/release_venv")})


def test_a_dry_run_makes_all_files_and_changes_nothing(repository, packages):
    before = git(repository, "rev-parse", "HEAD")
    said = release(repository, packages, VERSION)
    assert said.returncode == 0, said.stderr
    assert git(repository, "rev-parse", "HEAD") == before and git(repository, "tag") == ""
    assert git(repository, "status", "--porcelain") == ""
    files = repository / f"build/release-{VERSION}/files"
    names = {file.name for file in files.iterdir()}
    package = [f"sagittal-{VERSION}-linux-x86_64.tar.gz", f"sagittal_{VERSION}_amd64.deb"]
    assert names == {"SHA256SUMS", f"sagittal-{VERSION}-source.tar.gz", *package, *(f"{name}.spdx.json" for name in package),
                     *(f"{name}.licences.txt" for name in package)}
    sums = dict(reversed(line.split("  ")) for line in (files / "SHA256SUMS").read_text().splitlines())
    assert sums == {name: hashlib.sha256((files / name).read_bytes()).hexdigest() for name in names - {"SHA256SUMS"}}


def test_the_release_has_its_version_its_date_and_a_tag(repository, packages):
    assert release(repository, packages, VERSION, "--keep").returncode == 0
    assert git(repository, "cat-file", "-t", f"v{VERSION}") == "tag"
    assert git(repository, "rev-parse", f"v{VERSION}^{{commit}}") == git(repository, "rev-parse", "HEAD")
    assert f"VERSION {VERSION} " in (repository / "CMakeLists.txt").read_text()
    assert f'version = "{VERSION}"' in (repository / "holoscan/pyproject.toml").read_text()
    assert (repository / "README.md").read_text() == f"take sagittal_{VERSION}_amd64.deb or sagittal-{VERSION}-linux-x86_64.tar.gz\n"
    assert re.search(rf"^## {VERSION} \(20\d\d-\d\d-\d\d\)$", (repository / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert git(repository, "log", "-1", "--format=%s") == f"release: {VERSION}"


def test_the_list_of_parts_names_each_with_version_and_licence(repository, packages):
    assert release(repository, packages, VERSION).returncode == 0
    files = repository / f"build/release-{VERSION}/files"
    told = json.loads((files / f"sagittal-{VERSION}-linux-x86_64.tar.gz.spdx.json").read_text())
    parts = {part["name"]: part for part in told["packages"]}
    viewer = [folder.rpartition("node_modules/")[2] for folder, entry in
              json.loads((ROOT / "web/package-lock.json").read_text())["packages"].items()
              if folder and not entry.get("dev") and not entry.get("optional")]
    assert {"sagittal", "zlib1g", "sagittal-small", *HEADERS, *viewer} == set(parts)
    assert parts["sagittal"]["versionInfo"] == VERSION and parts["zlib1g"]["versionInfo"] == "1:1.2.13.dfsg-1"
    assert all(part["licenseDeclared"] != "NOASSERTION" for part in parts.values())
    texts = {text["licenseId"]: text["extractedText"] for text in told["hasExtractedLicensingInfos"]}
    assert "Jean-loup Gailly" in texts[parts["zlib1g"]["licenseDeclared"]]
    debian = json.loads((files / f"sagittal_{VERSION}_amd64.deb.spdx.json").read_text())
    assert {row["relatedSpdxElement"] for row in debian["relationships"] if row["relationshipType"] == "DEPENDS_ON"} == {
        "SPDXRef-Package-adduser", "SPDXRef-Package-zlib1g"}
    licences = (files / f"sagittal-{VERSION}-linux-x86_64.tar.gz.licences.txt").read_text()
    assert "Jean-loup Gailly" in licences and "share/doc/sagittal/licences/viewer.txt" in licences


@pytest.mark.parametrize("words, reason", [
    (["1.2"], "is no version"), ([VERSION, "--publish"], "there is no --publish"), (["9.8.6"], "CHANGELOG.md has no section")])
def test_what_is_wrong_is_said(repository, packages, words, reason):
    said = release(repository, packages, *words)
    assert said.returncode == 1 and reason in said.stderr


def test_what_is_not_committed_is_not_released(repository, packages):
    (repository / "LICENSE").write_text("changed")
    assert "not committed" in release(repository, packages, VERSION).stderr


def test_a_version_is_released_once(repository, packages):
    git(repository, "tag", f"v{VERSION}")
    assert "is there already" in release(repository, packages, VERSION).stderr


def test_packages_of_another_version_are_no_release(repository, packages):
    for file in packages.iterdir():
        file.rename(packages / file.name.replace(VERSION, "9.8.6"))
    said = release(repository, packages, VERSION)
    assert said.returncode == 1 and "no package of" in said.stderr


def test_the_version_is_the_same_everywhere():
    assert re.search(r'^version = "(.*)"', (ROOT / "holoscan/pyproject.toml").read_text(), re.MULTILINE)[1] == now()
    assert "version" not in json.loads((ROOT / "web/package.json").read_text())
    assert f"## {now()} (" in (ROOT / "CHANGELOG.md").read_text()
