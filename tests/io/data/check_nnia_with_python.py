#!/usr/bin/env python3
"""Reads what the test Nnia.FilesForPython wrote with nnInteractive's own deserializer and compares with the .npy beside.

    SAGITTAL_NNIA_OUT=FOLDER build/release/bin/io_test --gtest_filter=Nnia.FilesForPython
    python tests/io/data/check_nnia_with_python.py FOLDER
"""
import sys
from pathlib import Path

import numpy as np
from nnInteractive.inference.remote.serialization import unpack_array


def main() -> int:
    files = sorted(Path(sys.argv[1]).glob("*.nnia"))
    bad = []
    for file in files:
        expected = np.load(file.with_suffix(".npy"))
        if file.name.startswith("bool"):
            expected = expected.astype(bool)
        try:
            array = unpack_array(file.read_bytes())
        except Exception as error:
            bad.append(f"{file.name}: {error!r}")
            continue
        if array.dtype != expected.dtype or array.shape != expected.shape or array.tobytes() != expected.tobytes():
            bad.append(f"{file.name}: not the same array")
    print("\n".join(bad) or f"{len(files)} containers are read alike")
    return 1 if bad or not files else 0


if __name__ == "__main__":
    sys.exit(main())
