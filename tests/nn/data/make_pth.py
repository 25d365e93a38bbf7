"""Saves two tiny .pth files with torch for the checkpoint reader's tests, and what they must read as (expected.json)."""
import argparse
import json
import math
import sys
from collections import OrderedDict
from pathlib import Path

import numpy as np
import torch
from dynamic_network_architectures.architectures.unet import PlainConvUNet

sys.path.insert(0, str(Path(__file__).parents[2] / "parity"))
import hashed_tensors  # noqa: E402


def trainer_like() -> dict:
    """A checkpoint as nnU-Net's trainer writes it: aliases, optimizer state, logs with numpy scalars."""
    network = PlainConvUNet(2, 2, [4, 8], torch.nn.Conv3d, [[3] * 3] * 2, [[1] * 3, [2] * 3], [1, 1], 2, [1], True,
                            torch.nn.InstanceNorm3d, {"eps": 1e-5, "affine": True}, None, None, torch.nn.LeakyReLU,
                            {"inplace": True})
    hashed_tensors.fill(network)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.01, momentum=0.99)
    (network(torch.zeros(1, 2, 4, 4, 4)).sum() * 0).backward()
    optimizer.step()
    state = optimizer.state_dict()
    for entry in state["state"].values():
        entry["momentum_buffer"] = entry["momentum_buffer"].half() if entry["momentum_buffer"].numel() < 9 else None
    return {"network_weights": network.state_dict(), "optimizer_state": state, "grad_scaler_state": None,
            "logging": {"ema_fg_dice": [np.float32(0.5), np.float64(0.75)], "lrs": [0.01], "note": "ü" * 3},
            "_best_ema": np.float64(0.75), "current_epoch": 3, "trainer_name": "nnInteractiveTrainer_stub",
            "init_args": {"configuration": "3d_fullres", "fold": 0, "device": torch.device("cuda", 0),
                          "plans": {"dataset_name": "Tiny", "list": list(range(300)), "set": {1}}},
            "inference_allowed_mirroring_axes": (0, 1, 2)}


def typed() -> dict:
    """Every element type, views with offsets and strides, a parameter, a scalar, an empty tensor, an alias."""
    def floats(name: str, *shape: int) -> torch.Tensor:
        return torch.from_numpy(hashed_tensors.uniform(name, math.prod(shape)).reshape(shape))

    base = floats("base", 4, 6)
    weights = OrderedDict(
        float32=floats("float32", 2, 3, 4), float64=floats("float64", 5).double(), float16=floats("float16", 3, 3).half(),
        bfloat16=floats("bfloat16", 7).bfloat16(), int64=(floats("int64", 6) * 1000).long(),
        int32=(floats("int32", 6) * 1000).int(), int16=(floats("int16", 6) * 1000).short(),
        int8=(floats("int8", 6) * 100).char(), uint8=(floats("uint8", 6).abs() * 255).byte(),
        bool=floats("bool", 9) > 0, base=base, transposed=base.t(), window=base[1:3, 2:5], alias=base,
        scalar=floats("scalar", 1)[0], empty=torch.zeros(0, 3), parameter=torch.nn.Parameter(floats("parameter", 4)))
    weights["module._orig_mod.wrapped.weight"] = floats("wrapped", 2, 2)
    weights.update({"channels_last": floats("channels_last", 1, 2, 2, 3).to(memory_format=torch.channels_last)})
    return {"network_weights": weights, "trainer_name": "typed", "init_args": {"configuration": "none"}}


def describe(checkpoint: dict) -> dict:
    rows = {}
    for name, tensor in checkpoint["network_weights"].items():
        flat = tensor.detach().double().reshape(-1)
        rows[name] = {"dtype": str(tensor.dtype).removeprefix("torch."), "shape": list(tensor.shape),
                      "first": flat[:4].tolist(), "sum": float(flat.sum())}
    return {"trainer_name": checkpoint["trainer_name"], "configuration": checkpoint["init_args"]["configuration"],
            "tensors": rows}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent)
    folder = parser.parse_args().out
    expected = {}
    for name, checkpoint in (("trainer.pth", trainer_like()), ("types.pth", typed())):
        torch.save(checkpoint, folder / name)
        expected[name] = describe(checkpoint)
    (folder / "expected.json").write_text(json.dumps(expected, indent=1) + "\n")


if __name__ == "__main__":
    main()
