"""Recorded exchanges of 3D Slicer's first protocol, ITK-SNAP (both generations), MONAI Label's module and OHIF with the server, replayed byte by
byte: whatever changes in the server or in the libraries of the tests, installed clients go on sending this, and must be able to read what
comes. exchanges/record.py says how they were made."""
import base64
import gzip
import json
import re
from pathlib import Path

import pytest

import ct_series
from exchange import body_size, headers, send, split_head, unpack
from running_server import Server, scan

FOLDER = Path(__file__).resolve().parent / "exchanges"
SHAPE, SERIES = (10, 12, 14), "1.2.826.0.1.3680043.8.498.77"  # as recorded
VOLATILE = {"date", "server", "content-length", "access-control-expose-headers", "connection", "etag"}
ID = re.compile(rb"[0-9a-f]{32}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@pytest.fixture(scope="module")
def server(program, model, tmp_path_factory):
    scans = tmp_path_factory.mktemp("scans")
    ct_series.write(scans, scan(shape=SHAPE), SERIES)
    running = Server(program, *model, "--studies", scans)
    yield running
    assert running.stop() == 0


def voxels_in(body: bytes) -> int:
    """The size of a mask, in whichever form a client reads it."""
    if body.startswith(b"\x1f\x8b"):
        return len(gzip.decompress(body))
    if body.startswith(b'{"result"') or b'"result":' in body:
        return len(gzip.decompress(base64.b64decode(json.loads(body)["result"], validate=True)))
    data = body.split(b"encoding: ", 1)[1]
    packed = data.startswith(b"gzip")
    voxels = data.split(b"\n\n", 1)[1].split(b"\r\n--", 1)[0]
    return len(gzip.decompress(voxels) if packed else voxels)


def form_of(body: bytes):
    """What a client relies on: of JSON and text all, but for ids; of masks the size."""
    if b"NRRD" in body or body.startswith(b"\x1f\x8b") or b'"result":' in body:
        return voxels_in(body)
    try:
        return shape_of(json.loads(body))
    except ValueError:
        return body


def shape_of(value):
    """JSON without the values of numbers and texts that may change: versions, names, sentences."""
    if isinstance(value, dict):
        return {name: shape_of(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [shape_of(inner) for inner in value]
    return value if isinstance(value, bool) or value in ("ok", "success", "error", "No image uploaded") else type(value).__name__


@pytest.mark.parametrize("client", ["slicer", "itksnap", "monai", "ohif"])
def test_recorded_requests_get_the_recorded_answers(server, client):
    ids = {}  # of sessions, recorded: now
    exchanges = json.loads((FOLDER / f"{client}.json").read_text())
    assert len(exchanges) > 5
    for number, exchange in enumerate(exchanges):
        request, recorded = unpack(exchange["request"]), unpack(exchange["answer"])
        for old, new in ids.items():
            request = request.replace(old, new)
        answer = send(server.port, request)
        where = f"{client} {number}: {request.splitlines()[0]!r} {split_head(answer)[1][:200]!r}"
        before, now = headers(recorded), headers(answer)
        assert now[""] == before[""], where
        if "text/html" in before["content-type"]:  # any page will do
            continue
        assert body_size(answer) == len(split_head(answer)[1]) and "transfer-encoding" not in now, where
        assert {n: v for n, v in before.items() if n not in VOLATILE | {"content-type", "content-disposition"}} == {
            n: v for n, v in now.items() if n not in VOLATILE | {"content-type", "content-disposition"}}, where
        assert now["content-type"].split(";")[0] == before["content-type"].split(";")[0], where
        assert form_of(split_head(answer)[1]) == form_of(split_head(recorded)[1]), where
        if re.search(rb"start_session|PUT /session/", request.splitlines()[0]):
            ids[ID.search(split_head(recorded)[1]).group()] = ID.search(split_head(answer)[1]).group()
