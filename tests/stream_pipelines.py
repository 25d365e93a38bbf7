"""A small pipeline for tests: numbered pictures of a folder, made smaller, counted."""
from pathlib import Path

import numpy as np

PIPELINE = """
pipeline: 1
title: Small pictures
description: Frames of a folder, made smaller.
scheduler: {threads: 2}
operators:
  folder: {type: image_folder, folder: pictures, device: Probe, repeat: true, frame_rate: 100}
  smaller: {type: resize, width: 16}
  numbers: {type: statistics, every: 10}
flows:
  - folder -> smaller
  - smaller -> numbers
"""


def write_pipeline(folder: Path, name: str = "small", text: str = PIPELINE) -> Path:
    """NAME.yaml in `folder`, with two pictures of 32 x 24 beside it."""
    pictures = folder / "pictures"
    pictures.mkdir(exist_ok=True)
    for n in range(2):
        np.save(pictures / f"{n}.npy", (np.arange(32 * 24).reshape(1, 24, 32) % (50 + 150 * n)).astype(np.uint8))
    file = folder / f"{name}.yaml"
    file.write_text(text)
    return file
