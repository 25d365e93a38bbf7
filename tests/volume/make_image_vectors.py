#!/usr/bin/env python3
"""Makes image_vectors.json: small images resized by PyTorch, Pillow and NumPy, scan-converted and labelled by SciPy.

    pip install numpy scipy torch pillow; python3 make_image_vectors.py
"""
import json
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from scipy import ndimage

random = np.random.default_rng(3)


def listed(a):
    return [float(f"{x:.7g}") for x in np.asarray(a, np.float64).ravel()]


def resized(height, width, to_height, to_width):
    image = np.float32(random.integers(0, 256, (height, width)))
    tensor = torch.from_numpy(image)[None, None]
    linear = torch.nn.functional.interpolate(tensor, (to_height, to_width), mode="bilinear", align_corners=False)
    fine = np.kron(image.astype(np.float64), np.ones((to_height, to_width)))  # every border is one of both grids
    area = fine.reshape(to_height, height, to_width, width).mean((1, 3))
    near = Image.fromarray(image, mode="F").resize((to_width, to_height), Image.NEAREST)
    return {"size": [height, width, to_height, to_width], "image": listed(image), "bilinear": listed(linear),
            "area": listed(area), "nearest": listed(near)}


def scan():
    g = {"width": 40, "height": 30, "centre": [-6.5, 19.25], "angles_degrees": [-40, 35], "radii_px": [8, 34],
         "radii": 12, "angles": 9}
    image = np.float32(ndimage.gaussian_filter(random.uniform(0, 255, (g["height"], g["width"])), 2))
    theta, r = np.meshgrid(np.radians(np.linspace(*g["angles_degrees"], g["angles"])), np.linspace(*g["radii_px"], g["radii"]))
    rows, columns = r * np.cos(theta) + g["centre"][0], r * np.sin(theta) + g["centre"][1]
    linear = ndimage.map_coordinates(image, [rows, columns], order=1, mode="nearest")
    y, x = np.mgrid[0:g["height"], 0:g["width"]].astype(float)
    down, right = y - g["centre"][0], x - g["centre"][1]
    row = (np.hypot(down, right) - g["radii_px"][0]) / (g["radii_px"][1] - g["radii_px"][0]) * (g["radii"] - 1)
    column = (np.degrees(np.arctan2(right, down)) - g["angles_degrees"][0]) / (g["angles_degrees"][1] - g["angles_degrees"][0]) * (g["angles"] - 1)
    back = ndimage.map_coordinates(linear, [row, column], order=1, mode="constant", cval=0, prefilter=False)
    back[(row < 0) | (row > g["radii"] - 1) | (column < 0) | (column > g["angles"] - 1)] = 0
    return {**g, "image": listed(image), "linear": listed(linear), "back": listed(back)}


def component():
    mask = random.uniform(size=(24, 31)) < 0.38
    labels, count = ndimage.label(mask, np.ones((3, 3)))
    sizes = np.bincount(labels.ravel())[1:]
    return {"height": 24, "width": 31, "mask": mask.astype(int).ravel().tolist(), "count": count,
            "largest": (labels == 1 + int(np.argmax(sizes))).astype(int).ravel().tolist()}


vectors = {"resize": [resized(9, 13, 4, 6), resized(5, 4, 11, 9), resized(12, 16, 3, 4), resized(7, 7, 7, 7), resized(1, 6, 3, 2)],
           "scan": scan(), "component": component()}
(Path(__file__).parent / "image_vectors.json").write_text(json.dumps(vectors, separators=(",", ":")) + "\n")
