#!/usr/bin/env python3
"""Makes nnia_vectors.json with the real client's serializer and Python's blosc2.

Needs nnInteractive 2.5 (or its client) and blosc2 4; run it from anywhere. Each entry holds a container in base64, and
what it unpacks to: type, shape and CRC-32 of the C-ordered values, or "refused" for what the reader does not support.
"""
import base64
import json
import os
import struct
import zlib
from pathlib import Path

import blosc2
import numpy as np
from blosc2 import Codec, Filter, SplitMode
from nnInteractive.inference.remote import serialization

OUT = Path(__file__).resolve().parent / "nnia_vectors.json"
ENTRIES = []
random = np.random.default_rng(7)


def save(name, array, container, refused=False):
    entry = {"name": name, "dtype": array.dtype.name, "shape": list(array.shape)}
    entry |= {"refused": True} if refused else {"crc32": zlib.crc32(np.ascontiguousarray(array).tobytes())}
    ENTRIES.append(entry | {"container": base64.b64encode(container).decode()})


def check(name, array, container):
    back = serialization.unpack_array(container)
    assert back.dtype == array.dtype and back.shape == array.shape, name
    assert back.tobytes() == np.ascontiguousarray(array).tobytes(), name


def client(name, array, **options):
    container = serialization.pack_array(array, **options)
    check(name, array, container)
    save(name, array, container, refused=array.dtype == np.float16)


def wrap(array, chunks, codec=1):
    name = array.dtype.name.encode()
    parts = [struct.pack(f"<4sBBBB{len(name)}s", b"NNIA", 1, codec, array.ndim, len(name), name),
             struct.pack(f"<{array.ndim}qI", *array.shape, len(chunks))]
    for size, chunk in chunks:
        parts += [struct.pack("<QQ", size, len(chunk)), chunk]
    return b"".join(parts)


def packed(name, array, refused=False, **options):
    options = {"typesize": array.itemsize, "codec": Codec.ZSTD, "clevel": 3, "filters": [Filter.NOFILTER]} | options
    container = wrap(array, [(array.nbytes, blosc2.compress2(memoryview(array).cast("B"), **options))])
    check(name, array, container)
    save(name, array, container, refused)


def old(name, array, **options):
    """A chunk with the header of 16 bytes that Blosc 1 wrote."""
    os.environ["BLOSC_BLOSC1_COMPAT"] = "1"
    chunk = blosc2.compress(memoryview(array).cast("B"), typesize=array.itemsize, clevel=3, **options)
    del os.environ["BLOSC_BLOSC1_COMPAT"]
    assert chunk[2] & 5 != 5, "the header is an extended one"
    container = wrap(array, [(array.nbytes, chunk)])
    check(name, array, container)
    save(name, array, container)


def special(name, array, kind, value=None):
    whole = blosc2.SChunk(chunksize=array.nbytes, cparams={"typesize": array.itemsize})
    whole.fill_special(array.size, kind, value)
    chunk = whole.get_chunk(0)
    assert len(chunk) < 48
    save(name, array, wrap(array, [(array.nbytes, chunk)]))


def steps(count, dtype):
    """Compressible, with structure in every byte plane."""
    return ((np.arange(count) // 37 * 811) % 1999 - 1024).astype(dtype)


def image(shape):
    k, j, i = np.indices(shape)
    inside = (k - 10) ** 2 * 9 + (j - 30) ** 2 + (i - 35) ** 2 < 500
    return np.where(inside, 40 + (j // 5 + k) % 3, -1024).astype(np.int16)


def client_arrays():
    scan = image((20, 64, 72))
    mask = (scan > 0).astype(np.uint8)
    no_filter = [Filter.NOFILTER]
    client("image-int16", scan[None])
    client("image-int16-shuffle", scan, filters=[Filter.SHUFFLE])
    client("image-int16-lz4", scan[6:10], codec=Codec.LZ4, filters=[Filter.SHUFFLE])
    client("image-float32", scan[:, :32].astype(np.float32))
    client("mask", mask, filters=no_filter)
    client("mask-lz4", mask[6:8], codec=Codec.LZ4, filters=no_filter)
    client("mask-bool", mask.astype(bool), filters=no_filter)
    client("mask-zero", np.zeros((7, 11, 13), np.uint8), filters=no_filter)
    client("mask-zero-many-blocks", np.zeros((9, 211, 373), np.uint8), filters=no_filter)
    client("mask-ones", np.ones((5, 300, 201), np.uint8), filters=no_filter)
    client("one-value", np.array([-7.5], np.float32))
    packed("no-axes", np.array(-7.5, np.float32))
    empty = np.zeros((0, 3), np.int16)
    check("empty", empty, wrap(empty, []))
    save("empty", empty, wrap(empty, []))
    client("one-axis", np.arange(5, dtype=np.uint8))
    client("float16", np.ones(64, np.float16))
    for dtype in ("int8", "uint16", "uint32", "int32", "uint64", "int64", "float32", "float64"):
        client(f"type-{dtype}", steps(700, dtype).reshape(7, 100))
    serialization._CHUNK_SIZE = 40000
    client("chunks-mask", mask, filters=no_filter)
    client("chunks-image", scan, filters=[Filter.SHUFFLE])
    client("chunks-zero", np.zeros(100001, np.uint8), filters=no_filter)
    serialization._CHUNK_SIZE = 1 << 30


def codecs_and_filters():
    filters = {"none": Filter.NOFILTER, "shuffle": Filter.SHUFFLE, "bits": Filter.BITSHUFFLE}
    for codec in (Codec.ZSTD, Codec.LZ4, Codec.LZ4HC):
        for label, one in filters.items():
            for dtype in ("uint8", "int16", "float32", "float64") if codec != Codec.LZ4HC else ("int16",):
                packed(f"{codec.name.lower()}-{label}-{dtype}", steps(435, dtype), codec=codec,
                       filters=[one], blocksize=512)
    noise = random.integers(0, 256, 299, np.uint8)
    for label, one in filters.items():
        packed(f"stored-{label}", noise, filters=[one])
    mixed = np.concatenate([random.integers(0, 256, 300, np.uint8), np.zeros(1400, np.uint8)])
    packed("stored-and-zero-blocks", mixed, blocksize=128)
    for codec in (Codec.ZSTD, Codec.LZ4):
        for mode in (SplitMode.ALWAYS_SPLIT, SplitMode.NEVER_SPLIT):
            packed(f"{codec.name.lower()}-{mode.name.lower().replace('_', '-')}", steps(1500, np.int16), codec=codec,
                   filters=[Filter.SHUFFLE], splitmode=mode, blocksize=1024)
    packed("runs", np.repeat(np.array([0x0505, 0, 0x7f01, -1], np.int16), 512), filters=[Filter.SHUFFLE], blocksize=1024)
    packed("several-filters", steps(900, np.int32), filters=[Filter.SHUFFLE, Filter.BITSHUFFLE], filters_meta=[0, 0])
    packed("shuffle-by-two", steps(900, np.int32), filters=[Filter.SHUFFLE], filters_meta=[2])
    packed("odd-item", steps(1000, np.uint8), typesize=3, filters=[Filter.SHUFFLE])
    packed("odd-item-bits", steps(1000, np.uint8), typesize=3, filters=[Filter.BITSHUFFLE])
    packed("wide-item", steps(1000, np.uint8), typesize=24, filters=[Filter.SHUFFLE])
    exact = np.round(steps(300, np.float32))
    packed("truncated-precision", exact, filters=[Filter.TRUNC_PREC, Filter.SHUFFLE], filters_meta=[16, 0])


def old_headers():
    for label, one in {"none": Filter.NOFILTER, "shuffle": Filter.SHUFFLE, "bits": Filter.BITSHUFFLE}.items():
        for codec in (Codec.ZSTD, Codec.LZ4):
            old(f"old-{codec.name.lower()}-{label}", steps(605, np.int16), codec=codec, filter=one)
    old("old-stored", random.integers(0, 256, 200, np.uint8), codec=Codec.ZSTD, filter=Filter.NOFILTER)


def special_chunks():
    special("special-zeros", np.zeros(5000, np.int16), blosc2.SpecialValue.ZERO)
    special("special-nan-32", np.full(5000, np.nan, np.float32), blosc2.SpecialValue.NAN)
    special("special-nan-64", np.full(5000, np.nan, np.float64), blosc2.SpecialValue.NAN)
    special("special-uninitialised", np.zeros(5000, np.int16), blosc2.SpecialValue.UNINIT)
    special("special-value", np.full(5000, 1.5, np.float64), blosc2.SpecialValue.VALUE, 1.5)


def refused():
    packed("refused-delta", steps(900, np.int32), refused=True, filters=[Filter.DELTA])
    packed("refused-blosclz", steps(900, np.int32), refused=True, codec=Codec.BLOSCLZ)
    packed("refused-zlib", steps(900, np.int32), refused=True, codec=Codec.ZLIB)
    packed("refused-dictionary", steps(8000, np.int32), refused=True, use_dict=True, blocksize=4096)


def main():
    client_arrays()
    codecs_and_filters()
    old_headers()
    special_chunks()
    refused()
    OUT.write_text("[\n" + ",\n".join(json.dumps(entry) for entry in ENTRIES) + "\n]\n")
    print(f"{len(ENTRIES)} containers, {OUT.stat().st_size} bytes")


if __name__ == "__main__":
    main()
