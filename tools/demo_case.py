#!/usr/bin/env python3
"""Unpacks the head CT of Debian's invesalius-examples, with its skull as reference, into MetaImage files.

demo_case.py OUT_DIR writes head_ct.mhd and skull.mhd. The skull is the largest connected part of the project's bone mask
(all voxels from 226 HU on), which leaves out the head holder.
"""
import plistlib
import re
import sys
import tarfile
from pathlib import Path

PROJECT = "/usr/share/doc/invesalius-examples/examples/Cranium.inv3"


def write_header(path: Path, shape_kji: list[int], spacing_ijk_mm: list[float], element: str, data: str) -> None:
    """The project stores rows from posterior to anterior: index j grows against LPS y."""
    k, j, i = shape_kji
    path.write_text(
        f"ObjectType = Image\nNDims = 3\nBinaryData = True\nBinaryDataByteOrderMSB = False\n"
        f"TransformMatrix = 1 0 0 0 -1 0 0 0 1\nOffset = 0 0 0\nElementSpacing = {' '.join(f'{s:.6f}' for s in spacing_ijk_mm)}\n"
        f"DimSize = {i} {j} {k}\nElementType = {element}\nElementDataFile = {data}\n")


def rows_of(mask: bytes, shape_kji: list[int]) -> list[list[bytes]]:
    """[k][j] rows; the project pads each mask by one voxel at the start of every axis, where it keeps edit flags."""
    k, j, i = shape_kji
    row, plane = i + 1, (i + 1) * (j + 1)
    return [[mask[z * plane + y * row + 1: z * plane + y * row + row] for y in range(1, j + 1)] for z in range(1, k + 1)]


def largest_component(rows: list[list[bytes]]) -> list[list[bytes]]:
    """Union-find over runs of set voxels; runs of neighbouring rows that overlap belong together."""
    runs, parent = [], []

    def root(n: int) -> int:
        while parent[n] != n:
            parent[n] = parent[parent[n]]
            n = parent[n]
        return n

    by_row: dict[tuple[int, int], list[int]] = {}
    for z, plane in enumerate(rows):
        for y, row in enumerate(plane):
            here = by_row[z, y] = []
            for match in re.finditer(rb"[^\0]+", row):
                n = len(runs)
                runs.append((z, y, match.start(), match.end()))
                parent.append(n)
                here.append(n)
                for other in by_row.get((z, y - 1), []) + by_row.get((z - 1, y), []):
                    if runs[other][2] < match.end() and match.start() < runs[other][3]:
                        parent[root(other)] = root(n)
    sizes: dict[int, int] = {}
    for n, (_, _, start, end) in enumerate(runs):
        sizes[root(n)] = sizes.get(root(n), 0) + end - start
    keep = max(sizes, key=sizes.get)
    kept = [[bytearray(len(row)) for row in plane] for plane in rows]
    for n, (z, y, start, end) in enumerate(runs):
        if root(n) == keep:
            kept[z][y][start:end] = b"\1" * (end - start)
    return kept


def main(out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    with tarfile.open(PROJECT) as archive:
        files = {Path(m.name).name: archive.extractfile(m).read() for m in archive.getmembers() if m.isfile()}
    project = plistlib.loads(files["main.plist"])
    shape, spacing = project["matrix"]["shape"], project["spacing"]
    (out / "head_ct.raw").write_bytes(files["matrix.dat"])
    write_header(out / "head_ct.mhd", shape, spacing, "MET_SHORT", "head_ct.raw")
    skull = largest_component(rows_of(files["mask_0.dat"], shape))
    (out / "skull.raw").write_bytes(b"".join(bytes(row) for plane in skull for row in plane))
    write_header(out / "skull.mhd", shape, spacing, "MET_UCHAR", "skull.raw")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(Path(sys.argv[1]))
