"""Compares `sagittal predict` with nnunetv2 on real scans, live: tiny networks of every kind are trained for seconds, both
programs segment the same files, and the labels are counted.

    python tests/parity/nnunet_live.py --program build/release/bin/sagittal --data ../shared/data [--precision bf16] [CASE...]
"""
import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import nibabel as nib
import numpy as np
import torch

import nnunet_models as m

CT, Z = "CTNormalization", "ZScoreNormalization"


def write(path: Path, voxels_ijk: np.ndarray, like: nib.Nifti1Image, start=(0, 0, 0)) -> Path:
    affine = like.affine.copy()
    affine[:3, 3] = (like.affine @ [*start, 1])[:3]
    nib.save(nib.Nifti1Image(voxels_ijk, affine), path)
    return path


class Case:
    """A model and the files it is tried on."""

    def __init__(self, name: str, work: Path, images: list, label: Path, box: tuple, labels: dict, remap=lambda a: a):
        self.name, self.work = name, work / name
        self.work.mkdir(parents=True, exist_ok=True)
        first = nib.load(images[0])
        where = tuple(slice(lo, hi) for lo, hi in box)
        start = [lo for lo, _ in box]
        self.files = [write(self.work / f"case_{c:04}.nii.gz", np.asarray(nib.load(f).dataobj)[where], nib.load(f), start)
                      for c, f in enumerate(images)]
        seg = remap(np.asarray(nib.load(label).dataobj)[where])
        self.dataset = {"channel_names": {str(c): "image" for c in range(len(images))}, "labels": labels, "numTraining": 1,
                        "file_ending": ".nii.gz"}
        self.arrays = np.stack([np.asarray(nib.load(f).dataobj).T for f in self.files]).astype(np.float32)
        self.label = np.ascontiguousarray(seg.T).astype(np.int16)
        self.spacing = [float(s) for s in first.header.get_zooms()[:3]][::-1]
        self.intensities = [m.intensities_of(a, self.label) for a in self.arrays]

    def add(self, plan: dict, name: str, steps: int, folds=("0",), mirror=(0, 1, 2), seed=1) -> Path:
        folder = self.work / f"{m.TRAINER}__{m.PLANS}__{name}"
        if all((folder / f"fold_{f}" / "checkpoint_final.pth").exists() for f in folds):
            return folder
        trained = {f: m.train(plan, self.dataset, name, [(self.arrays, self.label, self.spacing)], steps, seed + n)
                   for n, f in enumerate(folds)}
        return m.write_folder(folder, plan, self.dataset, name, trained, mirror)


def chaos_2d(work: Path, data: Path, steps: int):
    levels = {63: 1, 126: 2, 189: 2, 252: 3}
    case = Case("2d", work, [data / "mr_chaos_t2/image_1.nii.gz"], data / "mr_chaos_t2/label_1.nii.gz",
                ((40, 216), (60, 200), (10, 26)), {"background": 0, "liver": 1, "kidney": 2, "spleen": 3},
                lambda a: np.vectorize(lambda v: levels.get(int(v), int(v) if v < 4 else 0))(np.asarray(a)))
    network = m.architecture(2, [8, 16, 32, 32], [[1, 1], [2, 2], [2, 2], [2, 2]], [[3, 3]] * 4, False)
    plan = m.plans("Dataset001_2d", {"2d": m.configuration([1.5, 1.5], [96, 80], [Z], [False], network)}, case.intensities)
    return case, case.add(plan, "2d", steps, mirror=(0, 1)), None


def totalseg_3d(work: Path, data: Path, steps: int):
    organs = {5: 1, 20: 2, 86: 3, 87: 3}
    case = Case("3d", work, [data / "ct_totalseg/example_ct.nii.gz"], data / "ct_totalseg/example_seg.nii.gz",
                ((10, 112), (5, 96), (0, 90)), {"background": 0, "liver": 1, "colon": 2, "back muscles": 3},
                lambda a: np.vectorize(lambda v: organs.get(int(v), 0))(np.asarray(a)))
    network = m.architecture(3, [6, 12, 24, 24], [[1, 1, 1], [2, 2, 2], [2, 2, 2], [2, 2, 2]], [[3, 3, 3]] * 4, False)
    plan = m.plans("Dataset002_3d", {"3d_fullres": m.configuration([4.0, 3.5, 3.7], [32, 40, 48], [CT], [False], network)},
                   case.intensities, transpose=(1, 2, 0), reader="NibabelIOWithReorient")
    return case, case.add(plan, "3d_fullres", steps, mirror=(0, 2)), None


def acdc_anisotropic(work: Path, data: Path, steps: int):
    case = Case("anisotropic", work, [data / "mr_cardiac_acdc/patient008_frame01_image.nii.gz"],
                data / "mr_cardiac_acdc/patient008_frame01_label.nii.gz", ((30, 170), (60, 200), (0, 10)),
                {"background": 0, "right ventricle": 1, "myocardium": 2, "left ventricle": 3})
    network = m.old_architecture(8, 20, [[1, 1, 1], [1, 2, 2], [2, 2, 2]], [[1, 3, 3], [1, 3, 3], [3, 3, 3]])
    plan = m.plans("Dataset003_anisotropic",
                   {"base": m.configuration([8.0, 1.7, 1.7], [8, 48, 56], [Z], [False], network),
                    "3d_fullres": {"inherits_from": "base", "batch_size": 3}}, case.intensities)
    return case, case.add(plan, "3d_fullres", steps), None


def hippocampus_cascade(work: Path, data: Path, steps: int):
    case = Case("cascade", work, [data / "mr_hippocampus/images/hippocampus_001.nii.gz"],
                data / "mr_hippocampus/labels/hippocampus_001.nii.gz", ((0, 35), (0, 51), (0, 35)),
                {"background": 0, "anterior": 1, "posterior": 2})
    network = m.architecture(3, [8, 16, 24], [[1, 1, 1], [2, 2, 2], [2, 2, 2]], [[3, 3, 3]] * 3, False)
    low = m.configuration([2.0, 2.0, 2.0], [16, 24, 16], [Z], [False], network, next_stage="3d_cascade_fullres")
    full = {"inherits_from": "3d_fullres", "previous_stage": "3d_lowres"}
    plan = m.plans("Dataset004_cascade", {"3d_fullres": m.configuration([1.0, 1.1, 0.9], [24, 32, 24], [Z], [False], network),
                                          "3d_lowres": low, "3d_cascade_fullres": full}, case.intensities)
    first = case.add(plan, "3d_lowres", steps)
    return case, case.add(plan, "3d_cascade_fullres", steps, mirror=(0, 1)), first


def lesion_regions(work: Path, data: Path, steps: int):
    flair = data / "mr_ms_lesions/patient19_FLAIR.nii.gz"
    case = Case("regions", work, [flair, flair], data / "mr_ms_lesions/patient19_lesions.nii.gz",
                ((30, 150), (10, 120), (60, 110)), {"background": 0, "brain": [1, 2], "lesion": 2}, lambda a: 2 * (a > 0))
    case.dataset["regions_class_order"] = [1, 2]
    case.label = np.maximum(case.label, (case.arrays[0] > 0).astype(np.int16))
    network = m.architecture(3, [6, 12, 24], [[1, 1, 1], [2, 2, 2], [2, 2, 2]], [[3, 3, 3]] * 3, False)
    plan = m.plans("Dataset005_regions",
                   {"3d_fullres": m.configuration([1.3, 1.5, 1.5], [32, 40, 40], [Z, "RescaleTo01Normalization"], [True, False],
                                                  network)}, case.intensities)
    return case, case.add(plan, "3d_fullres", steps, mirror=None), None


def spleen_resenc(work: Path, data: Path, steps: int):
    case = Case("resenc", work, [data / "ct_spleen_msd/sub-spleen2_ct.nii.gz"],
                data / "ct_spleen_msd/sub-spleen2_ct_seg-manual.nii.gz", ((0, 164), (0, 166), (0, 26)),
                {"background": 0, "spleen": 1}, lambda a: a > 0)
    network = m.architecture(3, [6, 12, 24, 32], [[1, 1, 1], [1, 2, 2], [2, 2, 2], [1, 2, 2]],
                             [[1, 3, 3], [3, 3, 3], [3, 3, 3], [3, 3, 3]], True)
    plan = m.plans("Dataset006_resenc", {"3d_fullres": m.configuration([4.0, 1.3, 1.3], [12, 64, 64], [CT], [False], network)},
                   case.intensities)
    return case, case.add(plan, "3d_fullres", steps, folds=("0", "1"), mirror=(1, 2)), None


CASES = {"2d": chaos_2d, "3d": totalseg_3d, "anisotropic": acdc_anisotropic, "cascade": hippocampus_cascade,
         "regions": lesion_regions, "resenc": spleen_resenc}


def dice(a: np.ndarray, b: np.ndarray) -> float:
    return 1.0 if not (a | b).any() else 2.0 * float((a & b).sum()) / float(a.sum() + b.sum())


def compare(build, options: argparse.Namespace, work: Path) -> dict:
    case, folder, first = build(work, Path(options.data), options.steps)
    folds = [int(f.name[5:]) for f in sorted(folder.glob("fold_*"))]
    previous = None
    begin = time.perf_counter()
    if first:
        previous = case.work / "previous.nii.gz"
        m.Original(first, [0])(case.files, previous)
    shares = m.Original(folder, folds)(case.files, case.work / "theirs.nii.gz", previous)
    middle = time.perf_counter()
    ran = subprocess.run([options.program, "predict", folder, *case.files, "-o", case.work / "ours.nii.gz", "--precision",
                          options.precision, "--threads", "2", "--json"], capture_output=True, text=True)
    if ran.returncode != 0:
        sys.exit(f"{case.name}: {ran.stderr}")
    ours, theirs = (np.asarray(nib.load(case.work / f"{n}.nii.gz").dataobj).astype(int) for n in ("ours", "theirs"))
    different = ours != theirs
    labels = [v for v in np.unique(theirs) if v > 0]
    result = {"case": case.name, "voxels": int(ours.size), "different": int(different.sum()),
              "agreement_percent": 100.0 * (1 - different.mean()), "labels_found": [int(v) for v in labels],
              "lowest_dice": min((dice(ours == v, theirs == v) for v in labels), default=1.0),
              "foreground_percent": 100.0 * float((theirs > 0).mean()),
              "seconds_theirs": round(middle - begin, 2), "seconds_ours": round(json.loads(ran.stdout)["predict_seconds"], 2)}
    if shares.shape[1:] == tuple(reversed(ours.shape)):
        top = np.sort(shares.reshape(len(shares), -1), 0)
        margin = np.abs(top[0] - 0.5) if "regions_class_order" in case.dataset else top[-1] - top[-2]
        if "regions_class_order" in case.dataset:
            margin = np.abs(shares.reshape(len(shares), -1) - 0.5).min(0)
        there = margin[different.T.reshape(-1)]
        result["largest_margin_of_a_difference"] = float(there.max()) if there.size else 0.0
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", nargs="*", default=list(CASES), metavar="CASE")
    parser.add_argument("--program", default="build/release/bin/sagittal")
    parser.add_argument("--data", default="../shared/data")
    parser.add_argument("--precision", default="fp32")
    parser.add_argument("--steps", type=int, default=150, help="training steps of each network")
    parser.add_argument("--keep", help="folder for models, images and labels; models in it are used again")
    options = parser.parse_args()
    torch.set_num_threads(1)
    failed = False
    with tempfile.TemporaryDirectory() as scratch:
        for name in options.cases:
            result = compare(CASES[name], options, Path(options.keep or scratch))
            wanted = result["lowest_dice"] >= 0.99 if options.precision == "bf16" else result["agreement_percent"] >= 99.9
            failed |= not wanted
            print(json.dumps(result), "" if wanted else "TOO FAR APART", flush=True)
    sys.exit(failed)


if __name__ == "__main__":
    main()
