"""A volume of the scene as a file for the server: packed on all cores, named by its hash, sent only where it is new."""
import concurrent.futures
import hashlib
import os
import struct
import zlib
from dataclasses import dataclass

import numpy as np
from vtk.util.numpy_support import vtk_to_numpy

from . import geometry
from .client import SagittalError, Unreachable

CHUNK = 1 << 21
PIECE = 8 << 20
LEVEL = 1
FIRST_PAUSE, LONGEST_PAUSE = 0.3, 5.0
_TYPES = {"i1": "int8", "u1": "uint8", "i2": "int16", "u2": "uint16", "i4": "int32", "u4": "uint32", "i8": "int64",
          "u8": "uint64", "f4": "float", "f8": "double"}


@dataclass(frozen=True)
class Snapshot:
    """The voxels of a volume as they are now, not copied, and what a file says of them."""

    name: str
    header: bytes
    voxels: np.ndarray
    stamp: tuple


@dataclass(frozen=True)
class File:
    """A whole NRRD file and its hash, under which the server knows it."""

    name: str
    data: bytes
    id: str
    is_packed: bool = False


def snapshot(volume):
    """Of a scalar volume node; main thread, takes no time. Raises SagittalError for what cannot be segmented."""
    image = volume.GetImageData()
    scalars = image.GetPointData().GetScalars() if image is not None else None
    if scalars is None or scalars.GetNumberOfTuples() == 0:
        raise SagittalError("%s has no voxels." % volume.GetName())
    if scalars.GetNumberOfComponents() != 1:
        raise SagittalError("%s has %d values in each voxel. Choose a volume with one; the module Vector to Scalar "
                            "Volume makes one." % (volume.GetName(), scalars.GetNumberOfComponents()))
    voxels = vtk_to_numpy(scalars)
    header = nrrd_header(geometry.shape_of(volume), voxels.dtype, geometry.ijk_to_ras(volume))
    return Snapshot((volume.GetName() or "volume") + ".nrrd", header, voxels, stamp(volume))


def stamp(volume):
    """Another one when the voxels, or where they lie, have changed."""
    image = volume.GetImageData()
    if image is None:
        return ()
    scalars = image.GetPointData().GetScalars()
    return (scalars.GetMTime() if scalars is not None else 0, image.GetDimensions(),
            geometry.ijk_to_ras(volume).tobytes())


def nrrd_header(shape, dtype, ijk_to_ras):
    """For voxels that follow as they lie in memory, i fastest; {encoding} is still to be filled in."""
    ijk_to_lps = np.diag([-1.0, -1.0, 1.0, 1.0]) @ ijk_to_ras
    vectors = ["(%s)" % ",".join("%.17g" % value for value in ijk_to_lps[:3, column]) for column in range(4)]
    lines = ["NRRD0005", "type: " + _TYPES[dtype.str[1:]], "dimension: 3", "space: left-posterior-superior",
             "sizes: %d %d %d" % tuple(shape), "space directions: " + " ".join(vectors[:3]),
             "kinds: domain domain domain", "endian: " + ("big" if dtype.str[0] == ">" else "little"),
             "encoding: {encoding}", "space origin: " + vectors[3], "", ""]
    return "\n".join(lines).encode()


def pack(taken, compress, stop, threads=0):
    """The file of a snapshot. `compress`: packed, which a connection within this computer is not worth."""
    raw = memoryview(np.ascontiguousarray(taken.voxels)).cast("B")
    if compress:
        body = gzip_parts(raw, stop, threads or min(8, os.cpu_count() or 1))
    else:
        body = [raw]
    parts = [taken.header.replace(b"{encoding}", b"gzip" if compress else b"raw"), *body]
    data = b"".join(parts)
    stop.check()
    return File(taken.name, data, hashlib.sha256(data).hexdigest(), compress)


def gzip_parts(raw, stop, threads):
    """One gzip member whose parts were packed beside each other; zlib lets other threads run meanwhile."""
    chunks = [raw[begin:begin + CHUNK] for begin in range(0, len(raw), CHUNK)]

    def deflate(n):
        stop.check()
        packer = zlib.compressobj(LEVEL, zlib.DEFLATED, -15, 9)
        last = n == len(chunks) - 1
        return packer.compress(chunks[n]) + packer.flush(zlib.Z_FINISH if last else zlib.Z_SYNC_FLUSH)

    with concurrent.futures.ThreadPoolExecutor(threads, "sagittal-pack") as pool:
        packed = pool.map(deflate, range(len(chunks)))
        checksum = 0
        for chunk in chunks:
            checksum = zlib.crc32(chunk, checksum)
        parts = list(packed)
    head = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x04\xff"
    return [head, *parts, struct.pack("<II", checksum, len(raw) & 0xFFFFFFFF)]


def upload(api, file, stop, on_progress=None):
    """Sends what the server does not have of a file, and goes on where it broke off, for as long as the server may come
    back. on_progress(sent, total): worker thread."""
    tell = on_progress or (lambda sent, total: None)
    pause = FIRST_PAUSE
    while True:
        try:
            return _send_missing(api, file, stop, tell)
        except Unreachable:
            tell(-1, len(file.data))
            stop.wait(pause)
            pause = min(2 * pause, LONGEST_PAUSE)


def _send_missing(api, file, stop, tell):
    total = len(file.data)
    begin = api.received(file.id, stop=stop)
    while 0 <= begin < total:
        end = min(begin + PIECE, total)
        tell(begin, total)
        piece = memoryview(file.data)[begin:end]
        api.put_piece(file.id, file.name, piece, begin, total, stop=stop,
                      on_sent=lambda sent, first=begin: tell(first + sent, total))
        begin = end
    tell(total, total)
