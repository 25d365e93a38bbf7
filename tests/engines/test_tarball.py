"""The tarball on a bare Debian 12, where no package was installed for it."""
import json
import re

import pytest

from answered_click import click, expect_ball
from bare_system import ROOT, BareSystem, built

GLIBC = re.compile(r"linux-vdso\.so|ld-linux-x86-64\.so|lib(c|m|mvec|dl|rt|pthread|resolv|util|anl)\.so")


@pytest.fixture(scope="module")
def machine(tmp_path_factory):
    archive = built("sagittal-*-linux-x86_64.tar.gz")
    system = BareSystem(tmp_path_factory.mktemp("bare"), "tarball")
    try:
        (system.root / "opt" / archive.name).write_bytes(archive.read_bytes())
        system.run(f"cd /opt && tar xzf {archive.name} && mv sagittal-*/ sagittal && ln -s /opt/sagittal/bin/sagittal /usr/local/bin/")
        yield system
    finally:
        system.remove()


def test_it_brings_every_library_but_glibc(machine):
    lines = machine.run("ldd /opt/sagittal/bin/sagittal /opt/sagittal/lib/sagittal/onnx.so").splitlines()
    libraries = [line.split() for line in lines if line.startswith("\t") and "statically linked" not in line]
    assert len(libraries) > 50
    for line in libraries:
        found = line[2] if "=>" in line else line[0]
        assert GLIBC.search(line[0]) or found.startswith("/opt/sagittal/"), line


def test_each_library_has_its_licence_and_its_source(machine):
    documents = machine.root / "opt/sagittal/share/doc/sagittal"
    rows = [line.split("\t") for line in (documents / "libraries.tsv").read_text().splitlines()[1:]]
    libraries = {path.name for path in (machine.root / "opt/sagittal/lib/sagittal").iterdir()} - {"onnx.so"}
    assert {file for file, *_ in rows} == libraries
    for file, package, source, version in rows:
        assert (documents / f"licences/{package}.txt").stat().st_size > 100 and source and version, file


def test_the_doctor_is_content_through_a_link(machine):
    asked = machine.run("sagittal doctor")
    assert "/opt/sagittal/share/sagittal/models/sagittal-small" in asked


def test_a_click_from_outside_is_answered(machine):
    machine.spawn("sagittal", "serve")
    machine.wait_for(lambda: machine.inside("sagittal", "doctor", "--server", "http://127.0.0.1:1527").returncode == 0, "the server")
    expect_ball(click(machine.leader()))
    machine.stop()


def test_an_onnx_network_runs(machine):
    """With the tarball's OpenCV, which is loaded with the first of them."""
    network = ROOT / "tests/stream/operators/onnx/segment.onnx"
    (machine.root / "root/segment.onnx").write_bytes(network.read_bytes())
    (machine.root / "root/find.yaml").write_text("""pipeline: 1
operators:
  probe: {type: phantom}
  find: {type: onnx, model: segment.onnx}
  labels: {type: segmentation}
flows:
  - probe.frame -> find
  - find.out -> labels
""")
    ran = json.loads(machine.run("sagittal stream run /root/find.yaml --seconds 2 --json"))
    assert all(flow["taken"] > 0 for flow in ran["flows"]), ran
