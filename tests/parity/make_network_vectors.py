"""Runs the original network builders on hashed weights and stores sampled outputs (network.json)."""
import argparse
import base64
import copy
import json
import math
import warnings
from pathlib import Path

import numpy as np
import torch
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer
from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

import hashed_tensors

BASE = "dynamic_network_architectures.architectures.unet."
BLOCK = "dynamic_network_architectures.building_blocks.residual."


def architecture(kind: str, dims: int, features: list[int], strides: list, kernels: list, blocks: list[int],
                 decoder: list[int], **extra: object) -> dict:
    """The `architecture` part of a plan; `extra` overrides arch_kwargs."""
    kwargs = {
        "n_stages": len(features),
        "features_per_stage": features,
        "conv_op": f"torch.nn.modules.conv.Conv{dims}d",
        "kernel_sizes": kernels,
        "strides": strides,
        "n_blocks_per_stage" if kind == "ResidualEncoderUNet" else "n_conv_per_stage": blocks,
        "n_conv_per_stage_decoder": decoder,
        "conv_bias": True,
        "norm_op": f"torch.nn.modules.instancenorm.InstanceNorm{dims}d",
        "norm_op_kwargs": {"eps": 1e-05, "affine": True},
        "dropout_op": None,
        "dropout_op_kwargs": None,
        "nonlin": "torch.nn.LeakyReLU",
        "nonlin_kwargs": {"inplace": True},
    } | extra
    imports = ["conv_op", "norm_op", "dropout_op", "nonlin"] + (["block"] if "block" in extra else [])
    return {"network_class_name": BASE + kind, "arch_kwargs": kwargs, "_kw_requires_import": imports}


def uniform_architecture(kind: str, dims: int, features: list[int], blocks: list[int], **extra: object) -> dict:
    stages = len(features)
    strides = [[1] * dims] + [[2] * dims] * (stages - 1)
    return architecture(kind, dims, features, strides, [[3] * dims] * stages, blocks, [1] * (stages - 1), **extra)


def old_style(kind: str) -> dict:
    return {
        "UNet_class_name": kind, "UNet_base_num_features": 8, "unet_max_num_features": 24,
        "n_conv_per_stage_encoder": [2, 2, 2], "n_conv_per_stage_decoder": [2, 1], "num_pool_per_axis": [2, 2, 2],
        "pool_op_kernel_sizes": [[1, 1, 1], [2, 2, 2], [2, 2, 2]],
        "conv_kernel_sizes": [[3, 3, 3], [3, 3, 3], [3, 3, 3]],
    }


def anisotropic(kind: str) -> dict:
    return architecture(kind, 3, [8, 16, 24, 24], [[1, 1, 1], [1, 2, 2], [2, 2, 2], [1, 2, 2]],
                        [[1, 3, 3], [1, 3, 3], [3, 3, 3], [3, 3, 3]], [1, 2, 2, 1], [1, 2, 1])


def cases() -> dict[str, tuple[dict, int, list[int]]]:
    """name -> (configuration fragment, input channels, spatial shape)."""
    res, plain = "ResidualEncoderUNet", "PlainConvUNet"
    full = uniform_architecture(res, 3, [32, 64, 128, 256, 320, 320], [1, 3, 4, 6, 6, 6])
    point = architecture(plain, 3, [8, 16, 32, 64], [[1] * 3, [2] * 3, [2] * 3, [2] * 3],
                         [[1] * 3, [3] * 3, [3] * 3, [3] * 3], [1, 2, 2, 2], [1, 1, 1])
    arch = {
        "resenc_3d": (uniform_architecture(res, 3, [8, 16, 32], [1, 2, 2]), 8, [24, 16, 32]),
        "plain_3d": (uniform_architecture(plain, 3, [8, 16, 32], [2, 2, 2]), 8, [24, 16, 32]),
        "resenc_2d": (uniform_architecture(res, 2, [8, 16, 32, 32], [1, 2, 2, 1]), 3, [64, 48]),
        "plain_2d": (uniform_architecture(plain, 2, [8, 16, 32, 32], [2, 2, 2, 2]), 1, [64, 48]),
        "resenc_3d_anisotropic": (anisotropic(res), 8, [10, 32, 48]),
        "plain_3d_anisotropic": (anisotropic(plain), 8, [10, 32, 48]),
        "resenc_3d_bottleneck": (uniform_architecture(res, 3, [8, 16, 32], [1, 2, 2], block=BLOCK + "BottleneckD",
                                                      bottleneck_channels=[4, 8, 8]), 8, [16, 24, 16]),
        "resenc_3d_no_bias": (uniform_architecture(res, 3, [8, 16, 16], [1, 1, 2], conv_bias=False), 8, [16, 16, 24]),
        "plain_3d_no_bias": (uniform_architecture(plain, 3, [8, 16, 16], [1, 2, 2], conv_bias=False), 8, [16, 16, 24]),
        "resenc_3d_stem_slope": (uniform_architecture(res, 3, [8, 16, 32], [2, 1, 1], stem_channels=16,
                                                      nonlin_kwargs={"negative_slope": 0.1, "inplace": True}),
                                 8, [16, 16, 16]),
        "plain_3d_nonlin_first": (uniform_architecture(plain, 3, [8, 16, 32], [1, 2, 1], nonlin_first=True),
                                  8, [16, 16, 16]),
        "plain_3d_pointwise_first_stage": (point, 8, [32, 40, 24]),
        "resenc_3d_odd_channels": (uniform_architecture(res, 3, [5, 11, 19], [1, 2, 1]), 7, [12, 20, 8]),
        "nninteractive_v1_full_size": (full, 8, [64, 64, 64]),
    }
    found = {name: ({"architecture": a}, channels, shape) for name, (a, channels, shape) in arch.items()}
    for kind, name in ((res, "resenc_3d_old_plan"), (plain, "plain_3d_old_plan")):
        found[name] = (old_style(kind), 8, [16, 24, 16])
    return found


def sample_stride(count: int, most: int) -> int:
    """The smallest odd stride, coprime with 3, 5 and 7, that keeps at most `most` values."""
    stride = max(1, math.ceil(count / most)) | 1
    while any(stride % p == 0 for p in (3, 5, 7)) and stride > 1:
        stride += 2
    return stride


def run_case(name: str, fragment: dict, channels: int, shape: list[int], most: int) -> dict:
    fragment = fragment | {"patch_size": shape}
    plans = PlansManager({"dataset_name": "Vectors", "plans_name": name,
                          "configurations": {"run": copy.deepcopy(fragment)}})
    network = nnUNetTrainer.build_network_architecture(plans, plans.get_configuration("run"), channels, 2, False)
    shapes = hashed_tensors.fill(network)
    network.eval()
    x = hashed_tensors.uniform("input", channels * math.prod(shape)).reshape(1, channels, *shape)
    with torch.inference_mode():
        y = network(torch.from_numpy(x))[0].numpy()
        check = network.double()(torch.from_numpy(x).double())[0].numpy()
    flat = check.astype(np.float32).reshape(-1)
    stride = sample_stride(flat.size, most)
    values = np.ascontiguousarray(flat[::stride])
    top = float(np.abs(check).max())
    print(f"{name}: {len(shapes)} tensors, max|ref| {top:.3f}, fp32 against fp64 {np.abs(y - check).max() / top:.1e}")
    return {"name": name, "configuration": fragment, "input_channels": channels, "input_shape": shape,
            "tensors": len(shapes), "parameters": sum(math.prod(s) for s in shapes.values()),
            "output_shape": list(y.shape), "max_abs": top, "stride": stride, "count": int(values.size),
            "values": base64.b64encode(values.astype("<f4").tobytes()).decode()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "network.json")
    parser.add_argument("--values", type=int, default=1500, help="most values stored per case")
    args = parser.parse_args()
    warnings.filterwarnings("ignore")
    results = [run_case(name, *case, args.values) for name, case in cases().items()]
    index = {"version": 1, "torch": torch.__version__, "cases": results}
    args.out.write_text(json.dumps(index, indent=1) + "\n")


if __name__ == "__main__":
    main()
