"""Trains a tiny nnU-Net version 1 model of each kind on made images and stores it with the labels that nnunet 1.7.1 gives
(nnunet1/).

    python tests/parity/make_nnunet1_vectors.py [CASE...]

Needs nnunet 1.7.1, medpy and torch; newer SciPy and torch lack names that nnunet imports, which are given back here."""
import json
import os
import pickle
import shutil
import sys
import tempfile
import types
import zlib
from collections import OrderedDict
from pathlib import Path

import numpy as np
import scipy.ndimage
import torch

interpolation = types.ModuleType("scipy.ndimage.interpolation")
interpolation.map_coordinates = scipy.ndimage.map_coordinates
sys.modules["scipy.ndimage.interpolation"] = interpolation
load = torch.load
torch.load = lambda *a, **k: load(*a, **{**k, "weights_only": False})  # our own files
os.environ.setdefault("RESULTS_FOLDER", tempfile.gettempdir())

import SimpleITK as sitk  # noqa: E402
from nnunet.inference.predict import preprocess_save_to_queue  # noqa: E402
from nnunet.inference.segmentation_export import save_segmentation_nifti_from_softmax  # noqa: E402
from nnunet.network_architecture.generic_UNet import Generic_UNet  # noqa: E402
from nnunet.network_architecture.initialization import InitWeights_He  # noqa: E402
from nnunet.postprocessing.connected_components import load_postprocessing, load_remove_save  # noqa: E402
from nnunet.preprocessing.preprocessing import GenericPreprocessor, PreprocessorFor2D  # noqa: E402
from nnunet.utilities.nd_softmax import softmax_helper  # noqa: E402

from nnunet_images import blobs, cases, read_nifti, write_nifti  # noqa: E402

HERE = Path(__file__).resolve().parent / "nnunet1"
PLANS = "nnUNetPlansv2.1"


def stage(spacing: list, patch: list, pools: list, kernels: list) -> dict:
    return {"batch_size": 2, "num_pool_per_axis": [sum(p[a] == 2 for p in pools) for a in range(len(patch))],
            "patch_size": np.array(patch), "median_patient_size_in_voxels": np.array([64, 64, 64]),
            "current_spacing": np.array(spacing), "original_spacing": np.array([1.0, 1.0, 1.0]),
            "do_dummy_2D_data_aug": False, "pool_op_kernel_sizes": pools, "conv_kernel_sizes": kernels}


def plan(stages: list, schemes: list, masked: list, classes: int, images: list, label: np.ndarray, transpose=(0, 1, 2),
         base: int = 4) -> dict:
    def properties(image):
        inside = image[label > 0].astype(np.float64)
        return OrderedDict(local_props=OrderedDict(), median=np.median(inside), mean=np.mean(inside), sd=np.std(inside),
                           mn=inside.min(), mx=inside.max(), percentile_99_5=np.percentile(inside, 99.5),
                           percentile_00_5=np.percentile(inside, 0.5))
    names = {c: "CT" for c in range(len(images))}
    return {"num_stages": len(stages), "num_modalities": len(images), "modalities": names,
            "normalization_schemes": OrderedDict(enumerate(schemes)),
            "dataset_properties": {"all_sizes": [image.shape for image in images], "all_classes": list(range(1, classes + 1)),
                                   "modalities": names,
                                   "intensityproperties": OrderedDict((c, properties(i)) for c, i in enumerate(images))},
            "original_spacings": [np.array([1.0, 1.0, 1.0])], "base_num_features": base,
            "use_mask_for_norm": OrderedDict(enumerate(masked)), "keep_only_largest_region": None,
            "min_region_size_per_class": None, "min_size_per_class": None, "transpose_forward": list(transpose),
            "transpose_backward": [list(transpose).index(a) for a in range(3)], "data_identifier": "nnUNetData_plans_v2.1",
            "plans_per_stage": dict(enumerate(stages)), "preprocessor_name": "GenericPreprocessor",
            "conv_per_stage": 2, "num_classes": classes, "all_classes": list(range(1, classes + 1))}


def network(plans: dict, index: int, heads: int, extra: int = 0) -> Generic_UNet:
    """As nnUNetTrainerV2.initialize_network makes it."""
    here = plans["plans_per_stage"][index]
    flat = len(here["patch_size"]) == 2
    nn = torch.nn
    out = Generic_UNet(plans["num_modalities"] + extra, plans["base_num_features"], heads, len(here["pool_op_kernel_sizes"]),
                       plans["conv_per_stage"], 2, nn.Conv2d if flat else nn.Conv3d,
                       nn.InstanceNorm2d if flat else nn.InstanceNorm3d, {"eps": 1e-5, "affine": True},
                       nn.Dropout2d if flat else nn.Dropout3d, {"p": 0, "inplace": True}, nn.LeakyReLU,
                       {"negative_slope": 1e-2, "inplace": True}, True, False, lambda x: x, InitWeights_He(1e-2),
                       here["pool_op_kernel_sizes"], here["conv_kernel_sizes"], False, True, True)
    out.do_ds = False
    return out


def preprocessor(plans: dict, index: int):
    flat = len(plans["plans_per_stage"][index]["patch_size"]) == 2
    kind = PreprocessorFor2D if flat else GenericPreprocessor
    return kind(plans["normalization_schemes"], plans["use_mask_for_norm"], plans["transpose_forward"],
                plans["dataset_properties"]["intensityproperties"])


def train(plans: dict, index: int, files: list, label_file: Path, regions: list, extra: int, steps: int, seed: int) -> dict:
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    heads = len(regions) or plans["num_classes"] + 1
    net = network(plans, index, heads, extra)
    spacing = list(plans["plans_per_stage"][index]["current_spacing"])
    data, seg, _ = preprocessor(plans, index).preprocess_test_case([str(f) for f in files], spacing, str(label_file))
    seg = np.maximum(seg[0], 0).astype(np.int64)
    patch = [int(p) for p in plans["plans_per_stage"][index]["patch_size"]]
    full = [1, *patch] if len(patch) == 2 else patch
    pad = [(0, max(0, p - s)) for p, s in zip(full, seg.shape)]
    data, seg = np.pad(data, [(0, 0), *pad]), np.pad(seg, pad)
    optimizer = torch.optim.Adam(net.parameters(), lr=4e-3)
    for _ in range(steps):
        inputs, wanted = [], []
        for _ in range(2):
            room = [s - p for s, p in zip(seg.shape, full)]
            voxels = np.argwhere(seg == rng.choice(np.unique(seg)))
            centre = voxels[rng.integers(len(voxels))]
            start = [int(np.clip(c - p // 2, 0, r)) for c, p, r in zip(centre, full, room)]
            where = tuple(slice(a, a + p) for a, p in zip(start, full))
            x, y = torch.from_numpy(data[(slice(None), *where)].copy()), torch.from_numpy(seg[where].copy())
            if extra:
                drop = torch.rand(y.shape) < 0.1
                x = torch.cat([x, *(((y == v) & ~drop).float()[None] for v in range(1, extra + 1))])
            inputs.append(x[:, 0] if len(patch) == 2 else x)
            wanted.append(y[0] if len(patch) == 2 else y)
        x, y = torch.stack(inputs), torch.stack(wanted)
        logits = net(x)
        if regions:
            one_hot = torch.stack([sum(y == v for v in r).clamp(max=1) for r in regions], 1).float()
            loss = torch.nn.functional.binary_cross_entropy_with_logits(logits, one_hot)
            share = torch.sigmoid(logits)
        else:
            one_hot = torch.nn.functional.one_hot(y, heads).movedim(-1, 1).float()
            loss = torch.nn.functional.cross_entropy(logits, y)
            share = torch.softmax(logits, 1)
        axes = tuple(range(2, logits.ndim))
        loss = loss + 1 - (2 * (share * one_hot).sum(axes) / ((share + one_hot).sum(axes) + 1e-5)).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return net.state_dict()


def write_folder(folder: Path, trainer: str, plans: dict, index: int, folds: dict, old_format: bool) -> Path:
    folder = folder / f"{trainer}__{PLANS}"
    folder.mkdir(parents=True)
    (folder / "plans.pkl").write_bytes(pickle.dumps(plans))
    for fold, weights in folds.items():
        here = folder / ("all" if fold == "all" else f"fold_{fold}")
        here.mkdir()
        torch.save({"epoch": 1, "state_dict": weights, "optimizer_state_dict": None, "lr_scheduler_state_dict": None,
                    "plot_stuff": ([np.float64(0.5)], [], [], []), "best_stuff": (None, None, None)},
                   here / "model_final_checkpoint.model", _use_new_zipfile_serialization=not old_format)
        init = ("plans.pkl", fold, None, None, True, index, True, False, True)
        (here / "model_final_checkpoint.model.pkl").write_bytes(pickle.dumps(OrderedDict(
            init=init, name=trainer, plans={"num_modalities": plans["num_modalities"]})))
    return folder


class Queue:
    def put(self, item):
        if item != "end":
            self.item = item


def predict(plans: dict, index: int, folder: Path, folds: list, files: list, out: Path, previous: Path | None, mirror: bool,
            regions: list, order) -> None:
    """nnunet.inference.predict.predict_cases without its processes and its trainer object."""
    here = plans["plans_per_stage"][index]
    extra = plans["num_classes"] if previous else 0
    make = preprocessor(plans, index)
    queue = Queue()
    preprocess_save_to_queue(lambda l: make.preprocess_test_case(l, list(here["current_spacing"])), queue, [[str(f) for f in files]],
                             [str(out)], [str(previous) if previous else None], list(range(1, plans["num_classes"] + 1)),
                             plans["transpose_forward"])
    _, (data, properties) = queue.item
    net = network(plans, index, len(regions) or plans["num_classes"] + 1, extra)
    net.inference_apply_nonlin = torch.nn.Sigmoid() if regions else softmax_helper
    net.eval()
    shares = 0
    axes = (0, 1) if len(here["patch_size"]) == 2 else (0, 1, 2)
    for fold in folds:
        path = folder / ("all" if fold == "all" else f"fold_{fold}")
        net.load_state_dict(torch.load(path / "model_final_checkpoint.model")["state_dict"])
        shares = shares + net.predict_3D(data, mirror, axes, True, 0.5, tuple(here["patch_size"]), order, True,
                                         pad_kwargs={"constant_values": 0}, verbose=False, mixed_precision=False)[1]
    shares = (shares / len(folds)).transpose([0] + [i + 1 for i in plans["transpose_backward"]])
    save_segmentation_nifti_from_softmax(shares, str(out), properties, 1, order, verbose=False)
    if (folder / "postprocessing.json").exists():
        classes, sizes = load_postprocessing(str(folder / "postprocessing.json"))
        load_remove_save(str(out), str(out), classes, sizes)


EVEN = ([[2, 2, 2], [2, 2, 2]], [[3, 3, 3]] * 3)
FLAT_FIRST = ([[1, 2, 2], [2, 2, 2]], [[1, 3, 3], [3, 3, 3], [3, 3, 3]])


def make(name: str, images: list, label: np.ndarray, spacing: tuple) -> None:
    root = HERE / name
    shutil.rmtree(root, ignore_errors=True)
    folds, mirror, regions, order, post, trainer, transpose = ["0"], True, [], None, None, "nnUNetTrainerV2", (0, 1, 2)
    schemes, masked = ["nonCT"], [False]
    if name == "2d":
        stages, models = [stage([6.0, 1.5, 1.4], [28, 32], [[2, 2], [2, 2]], [[3, 3]] * 3)], ["2d"]
        folds = ["0", "1"]
    elif name == "3d":
        stages, models = [stage([1.8, 1.6, 1.5], [16, 20, 16], *EVEN)], ["3d_fullres"]
        schemes, transpose = ["CT"], (1, 2, 0)
        post = {"for_which_classes": [[1, 2, 3], 1, 3],
                "min_valid_object_sizes": str({(1, 2, 3): 60.0, 1: 8.5, 3: 20.25})}
    elif name == "anisotropic":
        stages, models = [stage([5.5, 1.7, 1.6], [8, 32, 28], *FLAT_FIRST)], ["3d_fullres"]
        schemes, folds, post = ["CT2"], ["all"], {"for_which_classes": [1, 2]}
    elif name == "cascade":
        stages = [stage([2.0, 2.0, 2.0], [12, 12, 16], *EVEN), stage([1.0, 1.1, 1.0], [16, 16, 16], *EVEN)]
        models = ["3d_lowres", "3d_cascade_fullres"]
    elif name == "regions":
        stages, models = [stage([1.3, 1.3, 1.4], [16, 16, 20], *EVEN)], ["3d_fullres"]
        schemes, masked, mirror = ["nonCT", "noNorm"], [True, False], True
        regions, order, trainer = [(1, 2, 3), (2, 3), (3,)], (1, 2, 3), "nnUNetTrainerV2BraTSRegions"
    else:  # one tile, masked CT, no mirroring
        stages, models = [stage([1.6, 1.6, 1.6], [32, 32, 32], *EVEN)], ["3d_fullres"]
        schemes, masked, mirror, trainer = ["CT"], [True], False, "nnUNetTrainerV2_noMirroring"
    classes = int(label.max())
    plans = plan(stages, schemes, masked, classes, images, label, transpose)
    if stages[0]["patch_size"].size == 2:
        plans["preprocessor_name"] = "PreprocessorFor2D"
    with tempfile.TemporaryDirectory() as scratch:
        files = [write_nifti(Path(scratch) / f"{c}.nii.gz", image, spacing) for c, image in enumerate(images)]
        truth = write_nifti(Path(scratch) / "truth.nii.gz", label, spacing)
        previous = None
        for model in models:
            cascade = model == "3d_cascade_fullres"
            index = 1 if cascade else 0
            trained = {f: train(plans, index, files, truth, regions, classes if cascade else 0, 120, 3 + n)
                       for n, f in enumerate(folds)}
            folder = write_folder(root / model / f"Task{len(name):03}_{name}", trainer + "CascadeFullRes" * cascade, plans,
                                  index, trained, old_format=name in ("3d", "cascade"))
            if post:
                (folder / "postprocessing.json").write_text(json.dumps(post))
            out = Path(scratch) / f"{model}.nii.gz"
            predict(plans, index, folder, folds, files, out, previous, mirror, regions, order)
            previous = out
        found = sitk.GetArrayFromImage(sitk.ReadImage(str(previous))).astype(np.uint8)
        write_nifti(root / "labels.nii.gz", found, spacing)
    checks = [zlib.crc32(i.tobytes()) for i in images]
    (root / "expected.json").write_text(json.dumps({"nnunet": "1.7.1", "torch": torch.__version__, "images_crc32": checks}))
    print(name, np.bincount(found.ravel()), "Dice with the truth",
          [round(2 * ((found == v) & (label == v)).sum() / max(1, (found == v).sum() + (label == v).sum()), 2)
           for v in np.unique(label) if v], flush=True)


if __name__ == "__main__":
    torch.set_num_threads(1)
    for case, (made, truth, millimetres) in cases(1).items():
        if len(sys.argv) == 1 or case in sys.argv[1:]:
            make(case, made, truth, millimetres)
