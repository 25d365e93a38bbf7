"""Makes random nnU-Net models of the sizes that TotalSegmentator's tasks need and stores them with the labels that
TotalSegmentator 2.18.0 gives with them (composed/).

    python tests/parity/make_composed_vectors.py [TASK...]

Needs TotalSegmentator 2.18.0 beside nnunetv2 and torch. The models are not trained: what is compared is everything
around them."""
import json
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
from nnunet_images import composed_cases, read_nifti, write_nifti  # noqa: E402

for name in ("send_usage_stats", "increase_prediction_counter", "download_pretrained_weights"):
    setattr(python_api, name, lambda *a, **k: None)
parts = list(class_map_5_parts.values())
MODELS = {  # folder: trainer, labels, spacing [k, j, i] of the plan, seed
    "Dataset291_TotalSegmentator_part1_organs_1559subj": ("nnUNetTrainerNoMirroring", parts[0], 1.5, 1),
    "Dataset292_TotalSegmentator_part2_vertebrae_1532subj": ("nnUNetTrainerNoMirroring", parts[1], 1.5, 2),
    "Dataset293_TotalSegmentator_part3_cardiac_1559subj": ("nnUNetTrainerNoMirroring", parts[2], 1.5, 3),
    "Dataset294_TotalSegmentator_part4_muscles_1559subj": ("nnUNetTrainerNoMirroring", parts[3], 1.5, 4),
    "Dataset295_TotalSegmentator_part5_ribs_1559subj": ("nnUNetTrainerNoMirroring", parts[4], 1.5, 5),
    "Dataset298_TotalSegmentator_total_6mm_1559subj": ("nnUNetTrainer_4000epochs_NoMirroring", class_map["total"], 6.0, 6),
    "Dataset299_body_1559subj": ("nnUNetTrainer", class_map["body"], 1.5, 7),
    "Dataset008_HepaticVessel": ("nnUNetTrainer", class_map["liver_vessels"], 1.2, 8),
}


def write_model(folder: str, trainer: str, labels: dict, spacing: float, seed: int) -> None:
    torch.manual_seed(seed)
    strides, kernels = [[1, 1, 1], [2, 2, 2]], [[3, 3, 3]] * 2
    config = m.configuration([spacing] * 3, [16, 16, 16], ["CTNormalization"], [False],
                             m.architecture(3, [4, 4], strides, kernels, False))
    intensity = {"mean": 60.0, "std": 90.0, "median": 50.0, "min": -20.0, "max": 400.0, "percentile_00_5": -20.0,
                 "percentile_99_5": 400.0}
    plan = m.plans(folder, {"3d_fullres": config}, [intensity])
    dataset = {"channel_names": {"0": "CT"}, "labels": {"background": 0} | {name: label for label, name in labels.items()},
               "numTraining": 1, "file_ending": ".nii.gz"}
    weights = m.build_network(plan, dataset, "3d_fullres").state_dict()
    # No label may be all there is: the background is likelier, by as much as makes it half of what is found.
    weights["decoder.seg_layers.0.weight"] *= 4
    weights["decoder.seg_layers.0.bias"][0] += 1.5
    if "total_6mm" in folder:  # the liver, which another task is cut to, is where label 61 would be
        for tensor in (weights["decoder.seg_layers.0.weight"], weights["decoder.seg_layers.0.bias"]):
            tensor[[5, 61]] = tensor[[61, 5]].clone()
    here = m.write_folder(HERE / "models" / folder / f"{trainer}__nnUNetPlans__3d_fullres", plan, dataset, "3d_fullres",
                          {"0": weights}, None)
    checkpoint = here / "fold_0" / "checkpoint_final.pth"
    saved = torch.load(checkpoint, weights_only=False)
    torch.save(saved | {"trainer_name": trainer}, checkpoint)


def main() -> None:
    torch.set_num_threads(1)
    shutil.rmtree(HERE / "models", ignore_errors=True)
    for folder, model in MODELS.items():
        write_model(folder, *model)
    expected = {"TotalSegmentator": "2.18.0", "torch": torch.__version__, "images_crc32": {}}
    for task, (image, spacing, axes) in composed_cases().items():
        expected["images_crc32"][task] = zlib.crc32(image.tobytes())
        if len(sys.argv) > 1 and task not in sys.argv[1:]:
            continue
        with tempfile.TemporaryDirectory() as scratch:
            file = write_nifti(Path(scratch) / "image.nii.gz", image, spacing, axes)
            fast = {"fastest": True} if task == "total_fastest" else {}
            found = python_api.totalsegmentator(nib.load(file), None, task=task.removesuffix("_fastest"), ml=True, device="cpu",
                                                quiet=True, **fast)
        labels = np.asarray(found.dataobj).astype(np.uint8).T
        write_nifti(HERE / f"{task}.nii.gz", np.ascontiguousarray(labels), spacing, axes)
        print(task, labels.shape, len(np.unique(labels)), "labels,", f"{(labels > 0).mean():.2f} of all voxels", flush=True)
    (HERE / "expected.json").write_text(json.dumps(expected))


if __name__ == "__main__":
    main()
