"""Trains a tiny model of each kind on made images and stores it with the labels that nnunetv2 gives (nnunet/).

    python tests/parity/make_nnunet_vectors.py [CASE...]"""
import json
import shutil
import sys
import tempfile
import zlib
from pathlib import Path

import numpy as np
import torch

import nnunet_models as m
from nnunet_images import cases, read_nifti, write_nifti

HERE = Path(__file__).resolve().parent / "nnunet"
CT, Z = "CTNormalization", "ZScoreNormalization"
EVEN = ([[1, 1, 1], [2, 2, 2], [2, 2, 2]], [[3, 3, 3]] * 3)
FLAT_FIRST = ([[1, 1, 1], [1, 2, 2], [2, 2, 2]], [[1, 3, 3], [3, 3, 3], [3, 3, 3]])


def models(name: str, intensities: list) -> tuple:
    """plan, {configuration: (folds, mirroring axes)} in the order of stages, labels, regions_class_order."""
    net = lambda features, shape, residual=False: m.architecture(len(shape[0][0]), features, *shape, residual)
    labels = {"background": 0, "liver": 1, "spleen": 2, "left kidney": 3}
    two = {k: labels[k] for k in ("background", "liver", "spleen")}
    if name == "2d":
        network = net([6, 8, 8], ([[1, 1], [2, 2], [2, 2]], [[3, 3]] * 3))
        return m.plans("Dataset101_2d", {"2d": m.configuration([1.5, 1.4], [28, 32], [Z], [False], network)}, intensities), \
            {"2d": (("0",), (0, 1))}, two, None
    if name == "3d":
        config = m.configuration([1.8, 1.6, 1.5], [16, 20, 16], [CT], [False], net([4, 8, 8], EVEN))
        return m.plans("Dataset102_3d", {"3d_fullres": config}, intensities, transpose=(1, 2, 0),
                       reader="NibabelIOWithReorient"), {"3d_fullres": (("0",), (0, 1, 2))}, labels, None
    if name == "anisotropic":
        config = m.configuration([5.5, 1.7, 1.6], [8, 32, 28], [Z], [False],
                                 m.old_architecture(4, 8, FLAT_FIRST[0], FLAT_FIRST[1]))
        plan = m.plans("Dataset103_anisotropic", {"base": config, "3d_fullres": {"inherits_from": "base"}}, intensities)
        plan["foreground_intensity_properties_by_modality"] = plan.pop("foreground_intensity_properties_per_channel")
        return plan, {"3d_fullres": (("all",), (0, 1, 2))}, two, None
    if name == "cascade":
        config = m.configuration([1.0, 1.1, 1.0], [16, 16, 16], [Z], [False], net([4, 8, 8], EVEN))
        low = config | {"spacing": [2.0, 2.0, 2.0], "patch_size": [12, 12, 16]}
        full = {"inherits_from": "3d_fullres", "previous_stage": "3d_lowres"}
        return m.plans("Dataset104_cascade", {"3d_fullres": config, "3d_lowres": low, "3d_cascade_fullres": full},
                       intensities), {"3d_lowres": (("0",), (0, 1, 2)), "3d_cascade_fullres": (("0",), (2,))}, two, None
    if name == "trained":
        config = m.configuration([1.3, 1.2, 1.2], [24, 24, 24], [Z], [False], net([6, 10, 10], EVEN))
        return m.plans("Dataset108_trained", {"3d_fullres": config}, intensities), {"3d_fullres": (("0",), (0, 1, 2))}, two, None
    if name == "ensemble":
        flat = m.configuration([1.4, 1.3], [28, 28], [Z], [True], net([6, 8, 8], ([[1, 1], [2, 2], [2, 2]], [[3, 3]] * 3)))
        full = m.configuration([1.5, 1.4, 1.6], [16, 20, 16], [Z], [True], net([4, 8, 8], EVEN))
        return m.plans("Dataset107_ensemble", {"2d": flat, "3d_fullres": full}, intensities, transpose=(2, 0, 1)), \
            {"2d": (("0",), (0, 1)), "3d_fullres": (("0",), (1,))}, two, None
    if name == "regions":
        config = m.configuration([1.3, 1.3, 1.4], [16, 16, 20], [Z, "RescaleTo01Normalization"], [True, False],
                                 net([4, 8, 8], EVEN))
        return m.plans("Dataset105_regions", {"3d_fullres": config}, intensities), {"3d_fullres": (("0",), None)}, \
            {"background": 0, "organ": [1, 2], "lesion": 2}, [1, 2]
    config = m.configuration([4.0, 1.2, 1.25], [8, 24, 28], [CT], [False], net([4, 8, 8], FLAT_FIRST, True))
    return m.plans("Dataset106_resenc", {"3d_fullres": config}, intensities), {"3d_fullres": (("0", "1"), (1, 2))}, \
        {"background": 0, "liver": 1}, None


def make(name: str, images: list, label: np.ndarray, spacing: tuple) -> None:
    shutil.rmtree(HERE / name, ignore_errors=True)
    plan, stages, labels, order = models(name, [m.intensities_of(i, label) for i in images])
    dataset = {"channel_names": {str(c): "CT" for c in range(len(images))}, "labels": labels, "numTraining": 1,
               "file_ending": ".nii.gz"} | ({"regions_class_order": order} if order else {})
    arrays = np.stack(images).astype(np.float32)
    with tempfile.TemporaryDirectory() as scratch:
        files = [write_nifti(Path(scratch) / f"{c}.nii.gz", image, spacing) for c, image in enumerate(images)]
        previous, shares = None, []
        for stage, (folds, mirror) in stages.items():
            trained = {f: m.train(plan, dataset, stage, [(arrays, label, list(spacing))], 350 if name == "trained" else 120,
                                3 + n)
                       for n, f in enumerate(folds)}
            folder = m.write_folder(HERE / name / f"{m.TRAINER}__{m.PLANS}__{stage}", plan, dataset, stage, trained, mirror)
            out = Path(scratch) / f"{stage}.nii.gz"
            original = m.Original(folder, [f if f == "all" else int(f) for f in folds])
            shares.append(original(files, out, None if name == "ensemble" else previous))
            previous = out
        if name == "ensemble":
            write_nifti(previous, m.ensemble(original, shares, Path(scratch)), spacing)
        found = read_nifti(previous).astype(np.uint8)
        write_nifti(HERE / name / "labels.nii.gz", found, spacing)
    checks = [zlib.crc32(i.tobytes()) for i in images]
    (HERE / name / "expected.json").write_text(json.dumps({"nnunetv2": "2.8.1", "torch": torch.__version__, "images_crc32": checks}))
    print(name, np.bincount(found.ravel()), "Dice with the truth",
          [round(2 * ((found == v) & (label == v)).sum() / max(1, (found == v).sum() + (label == v).sum()), 2)
           for v in np.unique(label) if v], flush=True)


if __name__ == "__main__":
    torch.set_num_threads(1)
    for case, (made, truth, millimetres) in cases().items():
        if len(sys.argv) == 1 or case in sys.argv[1:]:
            make(case, made, truth, millimetres)
