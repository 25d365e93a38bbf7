"""Compares `sagittal predict totalsegmentator_…` with TotalSegmentator on a scan, live, with networks in its folders that were
trained for a minute each on the scan's own labels, or not at all; tells how nearly a tie the voxels were that differ.

    python tests/parity/composed_live.py --program build/release/bin/sagittal --data ../shared/data --keep FOLDER [TASK...]

Needs TotalSegmentator 2.18.0 beside nnunetv2 and torch. TASK: total, total_fastest."""
import argparse
import json
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import nibabel as nib
import numpy as np
import torch

import nnunet_models as m

PATCH, STEPS = {"total": 48, "total_fastest": 32}, {"total": 1.0, "total_fastest": 3.0}
SPACING = {"total": 1.5, "total_fastest": 6.0}
FOLDERS = {"total": ["Dataset291_TotalSegmentator_part1_organs_1559subj", "Dataset292_TotalSegmentator_part2_vertebrae_1532subj",
                     "Dataset293_TotalSegmentator_part3_cardiac_1559subj", "Dataset294_TotalSegmentator_part4_muscles_1559subj",
                     "Dataset295_TotalSegmentator_part5_ribs_1559subj"],
           "total_fastest": ["Dataset298_TotalSegmentator_total_6mm_1559subj"]}


def make_models(task: str, models: Path, image: nib.Nifti1Image, label: nib.Nifti1Image, steps: int) -> None:
    from totalsegmentator.map_to_binary import class_map, class_map_5_parts
    scan = np.asarray(image.dataobj).T.astype(np.float32)
    truth = np.asarray(label.dataobj).T.astype(np.int16)
    spacing = [float(z) for z in image.header.get_zooms()][::-1]
    intensity = m.intensities_of(scan, truth)
    first = 0
    for seed, folder in enumerate(FOLDERS[task]):
        names = class_map["total"] if task != "total" else list(class_map_5_parts.values())[seed]
        trainer = "nnUNetTrainerNoMirroring" if task == "total" else "nnUNetTrainer_4000epochs_NoMirroring"
        here = models / folder / f"{trainer}__nnUNetPlans__3d_fullres"
        part = np.where((truth > first) & (truth <= first + len(names)), truth - first, 0).astype(np.int16)
        first += len(names)
        if (here / "fold_0").exists():
            continue
        network = m.architecture(3, [12, 24, 32], [[1, 1, 1], [2, 2, 2], [2, 2, 2]], [[3, 3, 3]] * 3, False)
        plan = m.plans(folder, {"3d_fullres": m.configuration([SPACING[task]] * 3, [PATCH[task]] * 3, ["CTNormalization"], [False],
                                                              network)}, [intensity])
        dataset = {"channel_names": {"0": "CT"}, "labels": {"background": 0} | {n: v for v, n in names.items()}, "numTraining": 1,
                   "file_ending": ".nii.gz"}
        begin = time.perf_counter()
        many = round(steps * STEPS[task])
        torch.manual_seed(seed)
        weights = (m.train(plan, dataset, "3d_fullres", [(scan[None], part, spacing)], many, seed) if steps else
                   m.build_network(plan, dataset, "3d_fullres").state_dict())
        m.write_folder(here, plan, dataset, "3d_fullres", {"0": weights}, None)
        checkpoint = here / "fold_0" / "checkpoint_final.pth"
        torch.save(torch.load(checkpoint, weights_only=False) | {"trainer_name": trainer}, checkpoint)
        print(f"{folder}: {many} steps in {time.perf_counter() - begin:.0f} s", file=sys.stderr, flush=True)


def original(task: str, file: Path, out: Path) -> np.ndarray:
    """Runs TotalSegmentator; the margin between the two highest logits, smallest over the parts, on the scan's grid."""
    from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor
    from totalsegmentator import python_api
    from totalsegmentator.resampling import change_spacing
    for name in ("send_usage_stats", "increase_prediction_counter", "download_pretrained_weights"):
        setattr(python_api, name, lambda *a, **k: None)
    margins = []
    predict = nnUNetPredictor.predict_logits_from_preprocessed_data

    def recorded(self, data):
        logits = predict(self, data)
        top = torch.topk(logits.float(), 2, dim=0).values
        margins.append((top[0] - top[1]).numpy())
        return logits

    nnUNetPredictor.predict_logits_from_preprocessed_data = recorded
    image = nib.load(file)
    found = python_api.totalsegmentator(image, None, task="total", ml=True, device="cpu", quiet=True, nr_thr_saving=1,
                                        fastest=task == "total_fastest")
    nib.save(nib.Nifti1Image(np.asarray(found.dataobj).astype(np.uint8), image.affine), out)
    seen = np.minimum.reduce(margins).T.astype(np.float32)
    affine = np.diag([SPACING[task]] * 3 + [1.0])
    return change_spacing(nib.Nifti1Image(seen, affine), SPACING[task], image.shape, order=0).get_fdata()


def dice(a: np.ndarray, b: np.ndarray) -> float:
    return 2.0 * float((a & b).sum()) / float(a.sum() + b.sum())


def compare(task: str, options: argparse.Namespace, work: Path) -> dict:
    file = work / "scan.nii.gz"
    image = nib.load(Path(options.data) / "ct_totalseg/example_ct.nii.gz")
    nib.save(image, file)
    make_models(task, work / "models", image, nib.load(Path(options.data) / "ct_totalseg/example_seg.nii.gz"), options.steps)
    margin = original(task, file, work / f"{task}_theirs.nii.gz")
    ran = subprocess.run([options.program, "predict", f"totalsegmentator_{task}", file, "-o", work / f"{task}_ours.nii.gz",
                          "--precision", options.precision, "--threads", "2", "--data-dir", work], capture_output=True, text=True)
    if ran.returncode != 0:
        sys.exit(f"{task}: {ran.stderr}")
    ours, theirs = (np.asarray(nib.load(work / f"{task}_{n}.nii.gz").dataobj).astype(int) for n in ("ours", "theirs"))
    truth = np.asarray(nib.load(Path(options.data) / "ct_totalseg/example_seg.nii.gz").dataobj).astype(int)
    different = ours != theirs
    inner = different[2:-2, 2:-2, 2:-2]
    labels = [v for v in np.unique(theirs) if v > 0]
    there = margin[different] if different.any() else np.zeros(1)
    return {"task": task, "voxels": int(ours.size), "different": int(different.sum()),
            "agreement_percent": round(100.0 * float(1 - different.mean()), 4),
            "agreement_percent_within": round(100.0 * float(1 - inner.mean()), 4),
            "labels_found": len(labels), "foreground_percent": round(100.0 * float((theirs > 0).mean()), 2),
            "dice_with_the_scans_labels": round(dice(theirs > 0, truth > 0), 3),
            "lowest_dice": round(min(dice(ours == v, theirs == v) for v in labels), 4),
            "margin_of_differences": {"median": float(np.median(there)), "p99": float(np.quantile(there, 0.99)), "max": float(there.max())},
            "margin_everywhere": {f"p{p}": float(np.quantile(margin, p / 100)) for p in (0.1, 1, 10, 50)}}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tasks", nargs="*", default=list(FOLDERS), metavar="TASK")
    parser.add_argument("--program", default="build/release/bin/sagittal")
    parser.add_argument("--data", default="../shared/data")
    parser.add_argument("--precision", default="fp32")
    parser.add_argument("--steps", type=int, default=150, help="training steps of each network of `total`, a third of `total_fastest`'s; 0: none")
    parser.add_argument("--keep", help="folder for models, images and labels; models in it are used again")
    options = parser.parse_args()
    # Forks of one thread: a new Python for each model would take longer than the models.
    torch.set_num_threads(1)
    torch.set_num_threads = lambda count: None
    context = multiprocessing.get_context
    multiprocessing.get_context = lambda method=None: context("fork")
    failed = False
    with tempfile.TemporaryDirectory() as scratch:
        work = Path(options.keep or scratch).resolve()
        (work / "models").mkdir(parents=True, exist_ok=True)
        os.environ["TOTALSEG_WEIGHTS_PATH"] = os.environ["nnUNet_results"] = str(work / "models")
        os.environ["TOTALSEG_HOME_DIR"] = scratch
        for task in options.tasks:
            result = compare(task, options, work)
            failed |= result["agreement_percent"] < 99.9
            print(json.dumps(result), flush=True)
    sys.exit(failed)


if __name__ == "__main__":
    main()
