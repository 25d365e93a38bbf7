"""NRRD files as MONAI Label's clients send and get them."""
import gzip
import pathlib

import numpy as np

DIRECTIONS = [[0.5, 0, 0], [0, 0, 2.0], [0, -0.75, 0]]  # millimetres per index, LPS
ORIGIN = [-10.5, 20, 3]


def write(path: pathlib.Path, voxels: np.ndarray) -> str:
    """Voxels [k, j, i] of int16 or uint8 in an oblique geometry."""
    vectors = " ".join("({})".format(",".join(map(str, d))) for d in DIRECTIONS)
    sizes = " ".join(map(str, voxels.shape[::-1]))
    header = (f"NRRD0004\ntype: {voxels.dtype.name}\ndimension: 3\nspace: left-posterior-superior\n"
              f"sizes: {sizes}\nspace directions: {vectors}\nkinds: domain domain domain\nendian: little\n"
              f"encoding: raw\nspace origin: ({','.join(map(str, ORIGIN))})\n\n")
    path.write_bytes(header.encode() + voxels.tobytes())
    return str(path)


def read(data: bytes):
    """Fields and voxels [k, j, i]."""
    head, voxels = data.split(b"\n\n", 1)
    fields = dict(line.split(": ", 1) for line in head.decode().splitlines() if ": " in line)
    if fields["encoding"] == "gzip":
        voxels = gzip.decompress(voxels)
    shape = [int(n) for n in fields["sizes"].split()][::-1]
    return fields, np.frombuffer(voxels, {"uint8": np.uint8, "uint16": "<u2"}[fields["type"]]).reshape(shape)
