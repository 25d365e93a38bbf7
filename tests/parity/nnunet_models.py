"""Tiny nnU-Net v2 folders, trained for seconds, and what the original makes of an image with them.

Needs nnunetv2 (2.8.1) and torch; see README.md. Arrays are [k, j, i]."""
import copy
import json
import warnings
from pathlib import Path

import numpy as np
import torch
from nnunetv2.ensembling.ensemble import average_probabilities
from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor
from nnunetv2.preprocessing.preprocessors.default_preprocessor import DefaultPreprocessor
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer
from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

NETWORKS = "dynamic_network_architectures.architectures.unet."
TRAINER, PLANS = "nnUNetTrainer", "nnUNetPlans"


def architecture(dims: int, features: list, strides: list, kernels: list, residual: bool) -> dict:
    stages = len(features)
    kind = "ResidualEncoderUNet" if residual else "PlainConvUNet"
    return {"network_class_name": NETWORKS + kind, "_kw_requires_import": ["conv_op", "norm_op", "dropout_op", "nonlin"],
            "arch_kwargs": {
                "n_stages": stages, "features_per_stage": features, "conv_op": f"torch.nn.modules.conv.Conv{dims}d",
                "kernel_sizes": kernels, "strides": strides,
                "n_blocks_per_stage" if residual else "n_conv_per_stage": [1] * stages if residual else [2] * stages,
                "n_conv_per_stage_decoder": [1] * (stages - 1), "conv_bias": True,
                "norm_op": f"torch.nn.modules.instancenorm.InstanceNorm{dims}d",
                "norm_op_kwargs": {"eps": 1e-5, "affine": True}, "dropout_op": None, "dropout_op_kwargs": None,
                "nonlin": "torch.nn.LeakyReLU", "nonlin_kwargs": {"inplace": True}}}


def old_architecture(base: int, most: int, strides: list, kernels: list) -> dict:
    """A configuration's network as the first plans of version 2 have it."""
    return {"UNet_class_name": "PlainConvUNet", "UNet_base_num_features": base, "unet_max_num_features": most,
            "n_conv_per_stage_encoder": [2] * len(strides), "n_conv_per_stage_decoder": [1] * (len(strides) - 1),
            "num_pool_per_axis": [1, 2, 2], "pool_op_kernel_sizes": strides, "conv_kernel_sizes": kernels}


def configuration(spacing: list, patch: list, schemes: list, masked: list, network: dict, **more: object) -> dict:
    def resampling(name: str, order: int, is_seg: bool) -> dict:
        return {f"resampling_fn_{name}": "resample_data_or_seg_to_shape",
                f"resampling_fn_{name}_kwargs": {"is_seg": is_seg, "order": order, "order_z": 0, "force_separate_z": None}}
    return {"data_identifier": "tiny", "preprocessor_name": "DefaultPreprocessor", "batch_size": 2, "batch_dice": False,
            "patch_size": patch, "spacing": spacing, "median_image_size_in_voxels": patch,
            "normalization_schemes": schemes, "use_mask_for_norm": masked,
            **(network if "UNet_class_name" in network else {"architecture": network}),
            **resampling("data", 3, False), **resampling("seg", 1, True), **resampling("probabilities", 1, False), **more}


def plans(name: str, configurations: dict, intensities: list, transpose: list = (0, 1, 2), reader: str = "SimpleITKIO") -> dict:
    back = [list(transpose).index(a) for a in range(3)]
    return {"dataset_name": name, "plans_name": PLANS, "original_median_spacing_after_transp": [1, 1, 1],
            "original_median_shape_after_transp": [64, 64, 64], "image_reader_writer": reader,
            "transpose_forward": list(transpose), "transpose_backward": back, "experiment_planner_used": "none",
            "label_manager": "LabelManager", "configurations": configurations,
            "foreground_intensity_properties_per_channel": {str(c): p for c, p in enumerate(intensities)}}


def intensities_of(image: np.ndarray, label: np.ndarray) -> dict:
    inside = image[label > 0].astype(np.float64)
    return {"mean": inside.mean(), "std": inside.std(), "median": np.median(inside), "min": inside.min(), "max": inside.max(),
            "percentile_00_5": np.percentile(inside, 0.5), "percentile_99_5": np.percentile(inside, 99.5)}


def write_folder(folder: Path, plan: dict, dataset: dict, configuration_name: str, folds: dict, mirror) -> Path:
    """`folds`: {"0": state dict}."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "plans.json").write_text(json.dumps(plan, indent=1))
    (folder / "dataset.json").write_text(json.dumps(dataset, indent=1))
    for fold, weights in folds.items():
        (folder / f"fold_{fold}").mkdir(exist_ok=True)
        torch.save({"network_weights": weights, "optimizer_state": None, "grad_scaler_state": None, "logging": {},
                    "_best_ema": 0.5, "current_epoch": 1, "init_args": {"configuration": configuration_name},
                    "trainer_name": TRAINER, "inference_allowed_mirroring_axes": mirror},
                   folder / f"fold_{fold}" / "checkpoint_final.pth")
    return folder


def build_network(plan: dict, dataset: dict, name: str) -> torch.nn.Module:
    manager = PlansManager(copy.deepcopy(plan))
    config = manager.get_configuration(name)
    labels = manager.get_label_manager(dataset)
    channels = len(dataset["channel_names"])
    if config.previous_stage_name:
        channels += len(labels.foreground_labels)
    return nnUNetTrainer.build_network_architecture(manager, config, channels, labels.num_segmentation_heads,
                                                    enable_deep_supervision=False)


def preprocess(plan: dict, dataset: dict, name: str, images: np.ndarray, label: np.ndarray, spacing: list):
    manager = PlansManager(copy.deepcopy(plan))
    config = manager.get_configuration(name)
    data, seg, _ = DefaultPreprocessor(verbose=False).run_case_npy(
        images.astype(np.float32), label[None].astype(np.int16), {"spacing": spacing}, manager, config, dataset)
    return np.asarray(data, np.float32), np.maximum(np.asarray(seg)[0], 0)


def targets(dataset: dict, seg: torch.Tensor) -> torch.Tensor:
    """[heads, ...]: one for each region, or the label itself."""
    regions = [v for k, v in dataset["labels"].items() if k != "background"]
    if not any(isinstance(r, list) for r in regions):
        return seg
    return torch.stack([sum(seg == v for v in (r if isinstance(r, list) else [r])).clamp(max=1) for r in regions]).float()


def train(plan: dict, dataset: dict, name: str, cases: list, steps: int, seed: int) -> dict:
    """`cases`: [(images [c,k,j,i], label, spacing)]. Patches at random, half of them around a labelled voxel."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    network = build_network(plan, dataset, name)
    config = PlansManager(copy.deepcopy(plan)).get_configuration(name)
    patch = list(config.patch_size)
    flat = len(patch) == 2
    prepared = [preprocess(plan, dataset, name, *case) for case in cases]
    cascade = config.previous_stage_name
    full = [1, *patch] if flat else patch
    optimizer = torch.optim.Adam(network.parameters(), lr=4e-3)
    for step in range(steps):
        inputs, wanted = [], []
        for _ in range(2):
            data, seg = prepared[rng.integers(len(prepared))]
            pad = [(0, max(0, p - s)) for p, s in zip(full, seg.shape)]
            data, seg = np.pad(data, [(0, 0), *pad]), np.pad(seg, pad)
            room = [s - p for s, p in zip(seg.shape, full)]
            start = [int(rng.integers(r + 1)) for r in room]
            if rng.random() < 0.7 and (seg > 0).any():
                voxels = np.argwhere(seg == rng.choice(np.unique(seg[seg > 0])))
                centre = voxels[rng.integers(len(voxels))]
                start = [int(np.clip(c - p // 2, 0, r)) for c, p, r in zip(centre, full, room)]
            where = tuple(slice(a, a + p) for a, p in zip(start, full))
            x, y = torch.from_numpy(data[(slice(None), *where)].copy()), torch.from_numpy(seg[where].astype(np.int64))
            if cascade:
                labels = sorted(v for v in dataset["labels"].values() if v > 0)
                drop = torch.rand(y.shape) < 0.1
                x = torch.cat([x, *(((y == v) & ~drop).float()[None] for v in labels)])
            y = targets(dataset, y)
            inputs.append(x[:, 0] if flat else x)
            wanted.append((y[:, 0] if y.ndim == 4 else y[0]) if flat else y)
        x, y = torch.stack(inputs), torch.stack(wanted)
        logits = network(x)
        if y.is_floating_point():
            share = torch.sigmoid(logits)
            loss = torch.nn.functional.binary_cross_entropy_with_logits(logits, y)
            one_hot = y
        else:
            share = torch.softmax(logits, 1)
            loss = torch.nn.functional.cross_entropy(logits, y)
            one_hot = torch.nn.functional.one_hot(y, logits.shape[1]).movedim(-1, 1).float()
        axes = tuple(range(2, logits.ndim))
        dice = 2 * (share * one_hot).sum(axes) / ((share + one_hot).sum(axes) + 1e-5)
        loss = loss + 1 - dice.mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return network.state_dict()


class Original:
    """The original predictor on the CPU."""

    def __init__(self, folder: Path, folds: list, mirror: bool = True, step: float = 0.5):
        self.predictor = nnUNetPredictor(tile_step_size=step, use_gaussian=True, use_mirroring=mirror,
                                         perform_everything_on_device=False, device=torch.device("cpu"), verbose=False,
                                         allow_tqdm=False)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self.predictor.initialize_from_trained_model_folder(str(folder), folds, "checkpoint_final.pth")

    def __call__(self, files: list, out: Path, previous: Path | None = None) -> np.ndarray:
        """Writes the labels to `out`; returns the probabilities, [head, k, j, i] as the reader has the image."""
        io = self.predictor.plans_manager.image_reader_writer_class()
        images, properties = io.read_images([str(f) for f in files])
        before = io.read_seg(str(previous))[0] if previous else None
        seg, shares = self.predictor.predict_single_npy_array(images, properties, before, None, True)
        io.write_seg(seg, str(out), properties)
        return shares


def ensemble(original: Original, shares: list, scratch: Path) -> np.ndarray:
    """Labels of the mean of probabilities, as nnUNetv2_ensemble makes them of the files that prediction leaves."""
    for n, share in enumerate(shares):
        np.savez_compressed(scratch / f"{n}.npz", probabilities=share)
    mean = average_probabilities([str(scratch / f"{n}.npz") for n in range(len(shares))])
    return np.asarray(original.predictor.label_manager.convert_probabilities_to_segmentation(mean)).astype(np.uint8)
