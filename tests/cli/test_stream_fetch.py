"""`sagittal stream fetch`, and pipelines that run without what they would fetch."""
import hashlib
import json

import pytest

from file_server import FileServer

FILE = b"recorded " * 2000
PIPELINE = """
pipeline: 1
title: Needs a recording
assets:
  clip:
    title: A clip
    url: https://example.org/data/clip.bin
    sha256: "{sha256}"
    bytes: {bytes}
    licence: {{name: MIT, url: "https://example.org/licence"}}
    attribution: Somebody
operators:
  source: {{type: sequence_file, file: "asset:clip", stand_in: {{type: phantom, width: 32, height: 32}}}}
  count: {{type: statistics}}
flows:
  - source.frame -> count
"""


@pytest.fixture
def pipeline(tmp_path):
    (tmp_path / "pipes").mkdir()
    file = tmp_path / "pipes/needs.yaml"
    file.write_text(PIPELINE.format(sha256=hashlib.sha256(FILE).hexdigest(), bytes=len(FILE)))
    return file


@pytest.fixture
def stream(sagittal, tmp_path):
    return lambda command, *args: sagittal("stream", command, *args, "--data-dir", tmp_path / "data")


def test_a_fetch_asks_for_the_licence_first(stream, pipeline):
    with FileServer({"/data/clip.bin": FILE}) as server:
        for accepted in ([], ["--accept-licence", "GPL-3.0"]):
            refused = stream("fetch", pipeline, "--mirror", server.url, *accepted)
            assert refused.returncode == 2 and "MIT" in refused.stderr and "https://example.org/licence" in refused.stderr
        assert server.requests == []


def test_what_was_fetched_is_listed_and_used(stream, pipeline, tmp_path):
    folder = ["--pipelines", pipeline.parent]
    assert "not fetched" in stream("list", *folder).stdout
    with FileServer({"/data/clip.bin": FILE}, break_after=5000) as server:
        fetched = stream("fetch", pipeline, "--mirror", server.url, "--accept-licence", "mit", "--json")
        assert fetched.returncode == 0, fetched.stderr
        assert len(server.requests) == 4, "broken connections are taken up again"
        again = json.loads(stream("fetch", pipeline, "--mirror", server.url, "--json").stdout)
        assert len(server.requests) == 4 and again["assets"][0]["was_there"] is True
    (asset,) = json.loads(fetched.stdout)["assets"]
    assert (tmp_path / "data/assets").joinpath(asset["path"]).read_bytes() == FILE
    source = json.loads((tmp_path / "data/assets").joinpath(asset["path"]).with_name("source.json").read_text())
    assert (source["licence"], source["attribution"], source["licence_accepted"]) == ("MIT", "Somebody", True)
    assert [p.name for p in (tmp_path / "data/assets").iterdir()] == [source["name"] + "-" + source["sha256"][:16]]
    listed = json.loads(stream("list", *folder, "--json").stdout)["pipelines"]
    assert next(p for p in listed if p["name"] == "needs")["assets"][0]["fetched"] is True
    run = stream("run", pipeline)
    assert run.returncode == 1 and "clip.bin" in run.stderr, "the fetched file is what runs"


@pytest.mark.parametrize("served", [FILE[:-1] + b"?", FILE + b"more", FILE[:-1]], ids=["changed", "longer", "shorter"])
def test_another_file_than_declared_leaves_nothing(stream, pipeline, tmp_path, served):
    with FileServer({"/data/clip.bin": served}) as server:
        failed = stream("fetch", pipeline, "--mirror", server.url, "--accept-licence", "MIT")
    assert failed.returncode == 1
    assert not list((tmp_path / "data/assets").glob("clip-*")) and "not fetched" in stream("list", "--pipelines", pipeline.parent).stdout


def test_without_it_something_generated_runs_and_says_so(stream, pipeline):
    run = stream("run", pipeline, "--seconds", "0.5", "--json")
    assert run.returncode == 0, run.stderr
    assert "NOT REAL DATA" in run.stderr and "sagittal stream fetch" in run.stderr and "A clip" in run.stderr
    operators = {op["name"]: op for op in json.loads(run.stdout)["operators"]}
    assert operators["source"]["type"] == "phantom" and operators["count"]["runs"] > 3


def test_the_bone_example_runs_by_its_name_alone(stream, shared_data):
    """With the real files too, from a server in the place of GitHub."""
    generated = stream("run", "bone_ultrasound", "--seconds", "1", "--set", "slicer.port=0", "--json")
    assert generated.returncode == 0 and "NOT REAL DATA" in generated.stderr
    (listed,) = [p for p in json.loads(stream("list", "--json").stdout)["pipelines"] if p["name"] == "bone_ultrasound"]
    paths = {asset["url"].split("githubusercontent.com")[1]: (shared_data / "us_plus" / asset["url"].split("/")[-1]).read_bytes() for asset in listed["assets"]}
    with FileServer(paths) as server:
        fetched = stream("fetch", "bone_ultrasound", "--mirror", server.url, "--accept-licence", "BSD-3-Clause")
    assert fetched.returncode == 0, fetched.stderr
    real = stream("run", "bone_ultrasound", "--seconds", "2", "--set", "slicer.port=0", "--json")
    assert real.returncode == 0 and "NOT REAL" not in real.stderr, real.stderr
    operators = {op["name"]: op for op in json.loads(real.stdout)["operators"]}
    assert operators["bone"]["type"] == "network" and operators["bone"]["runs"] > 10
