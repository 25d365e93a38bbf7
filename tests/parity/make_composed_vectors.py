"""Trains nnU-Net models with the labels of TotalSegmentator's tasks, tiny ones that know made images, and stores them with the
labels that TotalSegmentator 2.18.0 gives with them (composed/).

    python tests/parity/make_composed_vectors.py [--keep-models]

Needs TotalSegmentator 2.18.0 beside nnunetv2 and torch."""
import json
import multiprocessing
import os
import shutil
import sys
import tempfile
import zlib
from pathlib import Path

import numpy as np
import torch

HERE = Path(__file__).resolve().parent / "composed"
os.environ["TOTALSEG_WEIGHTS_PATH"] = os.environ["nnUNet_results"] = str(HERE / "models")
os.environ["TOTALSEG_HOME_DIR"] = tempfile.mkdtemp()

import nibabel as nib  # noqa: E402
from totalsegmentator import python_api  # noqa: E402
from totalsegmentator.map_to_binary import class_map, class_map_5_parts  # noqa: E402

import nnunet_models as m  # noqa: E402
from nnunet_images import blobs, composed_cases, write_nifti  # noqa: E402

for name in ("send_usage_stats", "increase_prediction_counter", "download_pretrained_weights"):
    setattr(python_api, name, lambda *a, **k: None)
STEPS = 250
parts = list(class_map_5_parts.values())
NO_MIRROR, MIRROR = "nnUNetTrainerNoMirroring", "nnUNetTrainer"
# folder: trainer, labels, spacing of the plan, seed, which labels the objects 1 to 4 of the images have (0: none)
MODELS = {
    "Dataset291_TotalSegmentator_part1_organs_1559subj": (NO_MIRROR, parts[0], 1.5, 1, (1, 5, 0, 0)),
    "Dataset292_TotalSegmentator_part2_vertebrae_1532subj": (NO_MIRROR, parts[1], 1.5, 2, (0, 3, 26, 0)),
    "Dataset293_TotalSegmentator_part3_cardiac_1559subj": (NO_MIRROR, parts[2], 1.5, 3, (0, 0, 3, 18)),
    "Dataset294_TotalSegmentator_part4_muscles_1559subj": (NO_MIRROR, parts[3], 1.5, 4, (23, 0, 0, 4)),
    "Dataset295_TotalSegmentator_part5_ribs_1559subj": (NO_MIRROR, parts[4], 1.5, 5, (5, 0, 0, 0)),
    "Dataset298_TotalSegmentator_total_6mm_1559subj":
        ("nnUNetTrainer_4000epochs_NoMirroring", class_map["total"], 6.0, 6, (1, 5, 51, 2)),
    "Dataset299_body_1559subj": (MIRROR, class_map["body"], 1.5, 7, (1, 1, 2, 2)),
    "Dataset008_HepaticVessel": (MIRROR, class_map["liver_vessels"], 3.0, 8, (0, 1, 0, 2)),
    "Dataset803_TotalSegmentator_vertebrae_inner_1559subj": (NO_MIRROR, class_map["vertebrae_pp"], 1.5, 9, (24, 22, 23, 21)),
    "Dataset305_vertebrae_discs_1559subj": ("nnUNetTrainer_DASegOrd0", class_map["vertebrae_body"], 1.5, 10, (1, 2, 1, 1)),
}


def write_model(folder: str, trainer: str, labels: dict, spacing: float, seed: int, objects: tuple) -> None:
    strides, kernels = [[1, 1, 1], [2, 2, 2]], [[3, 3, 3]] * 2
    config = m.configuration([spacing] * 3, [16, 16, 16], ["CTNormalization"], [False],
                             m.architecture(3, [4, 8], strides, kernels, False))
    intensity = {"mean": 150.0, "std": 130.0, "median": 100.0, "min": -50.0, "max": 440.0, "percentile_00_5": -50.0,
                 "percentile_99_5": 440.0}
    plan = m.plans(folder, {"3d_fullres": config}, [intensity])
    dataset = {"channel_names": {"0": "CT"}, "labels": {"background": 0} | {name: label for label, name in labels.items()},
               "numTraining": 1, "file_ending": ".nii.gz"}
    image, found = blobs((40, 44, 42), 30, 4)
    weights = m.train(plan, dataset, "3d_fullres", [(image[None], np.array((0, *objects), np.int16)[found], [spacing] * 3)], STEPS,
                      seed)
    here = m.write_folder(HERE / "models" / folder / f"{trainer}__nnUNetPlans__3d_fullres", plan, dataset, "3d_fullres",
                          {"0": weights}, None)
    checkpoint = here / "fold_0" / "checkpoint_final.pth"
    saved = torch.load(checkpoint, weights_only=False)
    torch.save(saved | {"trainer_name": trainer}, checkpoint)


def main() -> None:
    # Forks of one thread: a new Python for each model would take longer than the models.
    torch.set_num_threads(1)
    torch.set_num_threads = lambda count: None
    context = multiprocessing.get_context
    multiprocessing.get_context = lambda method=None: context("fork")
    for folder, model in MODELS.items():
        if "--keep-models" in sys.argv and (HERE / "models" / folder).exists():
            continue
        shutil.rmtree(HERE / "models" / folder, ignore_errors=True)
        write_model(folder, *model)
    expected = {"TotalSegmentator": "2.18.0", "torch": torch.__version__, "images_crc32": {}}
    for name, (task, image, spacing, axes, asked) in composed_cases().items():
        expected["images_crc32"][name] = zlib.crc32(image.tobytes())
        with tempfile.TemporaryDirectory() as scratch:
            file = write_nifti(Path(scratch) / "image.nii.gz", image, spacing, axes)
            fast = {"fastest": True} if task == "total_fastest" else {}
            found = python_api.totalsegmentator(nib.load(file), None, task=task.removesuffix("_fastest"), ml=True, device="cpu",
                                                quiet=True, nr_thr_saving=1, **fast, **asked)
        labels = np.asarray(found.dataobj).astype(np.uint8).T
        write_nifti(HERE / f"{name}.nii.gz", np.ascontiguousarray(labels), spacing, axes)
        print(name, labels.shape, np.unique(labels).tolist(), f"{(labels > 0).mean():.2f} of all voxels", flush=True)
    (HERE / "expected.json").write_text(json.dumps(expected))


if __name__ == "__main__":
    main()
