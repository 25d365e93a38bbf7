"""The checkpoint folder: plans, capabilities and weights as the published readers expect them."""
import json
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path

import torch
from dynamic_network_architectures.architectures.unet import PlainConvUNet, ResidualEncoderUNet
from torch import nn

CONFIGURATION = "3d_fullres"
INPUT_CHANNELS = 8
PROMPT_GAIN = 0.15


@dataclass(frozen=True)
class Design:
    """One network of the U-Net family; kernels are 3x3x3, the first stage's may be 1x1x1."""
    name: str
    residual: bool
    features: tuple[int, ...]
    blocks: tuple[int, ...]
    patch: tuple[int, int, int]
    first_kernel: int = 3


DESIGNS = {
    "small": Design("SagittalSmall", True, (8, 16, 24, 40, 64), (1, 1, 2, 1, 1), (128, 128, 128), 1),
    "wide": Design("SagittalSmall", True, (8, 16, 32, 64, 96), (1, 1, 2, 2, 3), (128, 128, 128), 1),
    "parity": Design("SagittalParity", True, (8, 16, 24, 40), (1, 1, 2, 1), (88, 96, 104), 1),
}


def arch_kwargs(design: Design) -> dict:
    stages = len(design.features)
    return {
        "n_stages": stages,
        "features_per_stage": list(design.features),
        "conv_op": "torch.nn.modules.conv.Conv3d",
        "kernel_sizes": [[design.first_kernel] * 3] + [[3] * 3] * (stages - 1),
        "strides": [[1] * 3] + [[2] * 3] * (stages - 1),
        "n_blocks_per_stage" if design.residual else "n_conv_per_stage": list(design.blocks),
        "n_conv_per_stage_decoder": [1] * (stages - 1),
        "conv_bias": True,
        "norm_op": "torch.nn.modules.instancenorm.InstanceNorm3d",
        "norm_op_kwargs": {"eps": 1e-5, "affine": True},
        "dropout_op": None,
        "dropout_op_kwargs": None,
        "nonlin": "torch.nn.LeakyReLU",
        "nonlin_kwargs": {"inplace": True},
    }


def build(design: Design) -> nn.Module:
    kwargs = arch_kwargs(design) | {"conv_op": nn.Conv3d, "norm_op": nn.InstanceNorm3d, "nonlin": nn.LeakyReLU}
    kind = ResidualEncoderUNet if design.residual else PlainConvUNet
    network = kind(input_channels=INPUT_CHANNELS, num_classes=2, deep_supervision=False, **kwargs)
    network.apply(kind.initialize)
    route_inputs(network.encoder.stem if design.residual else network.encoder.stages[0][0])
    return network


def route_inputs(first: nn.Module) -> None:
    """Starts the first layer as one feature per input: mixed with the image, rare prompt voxels would hardly count."""
    unit = first.convs[0]
    with torch.no_grad():
        weight = unit.conv.weight
        if weight.shape[0] == weight.shape[1] and weight[0, 0].numel() == 1:
            weight.mul_(0.05).add_(torch.eye(len(weight)).reshape(weight.shape))
            unit.norm.weight[2:] = PROMPT_GAIN

def grow(network: nn.Module, weights: dict[str, torch.Tensor]) -> None:
    """Starts a network from the weights of a narrower or shallower one, or of the same; what is new says little at first."""
    own = {k: v for k, v in network.state_dict().items() if not k.startswith("decoder.encoder.") and ".all_modules." not in k}
    stages = 1 + max(int(k.split(".")[2]) for k in weights if k.startswith("encoder.stages."))
    deeper = len(network.encoder.stages) - stages
    with torch.no_grad():
        for name, value in own.items():
            old = weights.get(shallower(name, deeper))
            if old is not None:
                transplant(value, old, name)
            elif name.endswith("conv2.norm.weight"):
                value.fill_(0.1)
        if deeper:
            first = network.decoder.stages[0].convs[0].conv.weight
            first.mul_(0.1)
            first[:, len(first):, 1, 1, 1] += torch.eye(len(first))


def shallower(name: str, deeper: int) -> str:
    """The name of the same layer in a network with fewer stages; decoder steps count from the deepest."""
    part = name.split(".")
    if part[0] == "decoder":
        part[2] = str(int(part[2]) - deeper)
    return ".".join(part)


def transplant(value: torch.Tensor, old: torch.Tensor, name: str) -> None:
    """Copies old weights into the leading channels; new inputs of old outputs start small."""
    if value.ndim == 1:
        value[:len(old)] = old
        return
    inputs = 0 if "transpconvs" in name else 1
    value, old = value.transpose(0, inputs), old.transpose(0, inputs)
    halves = 2 if name.startswith("decoder.stages") and ".convs.0." in name else 1
    new_part, old_part = len(value) // halves, len(old) // halves
    value[:, :old.shape[1]] *= 0.1
    for half in range(halves):
        value[half * new_part:half * new_part + old_part, :old.shape[1]] = old[half * old_part:(half + 1) * old_part]


def plans(design: Design) -> dict:
    kind = "ResidualEncoderUNet" if design.residual else "PlainConvUNet"
    configuration = {
        "data_identifier": design.name,
        "preprocessor_name": "DefaultPreprocessor",
        "batch_size": 2,
        "patch_size": list(design.patch),
        "spacing": [1.0, 1.0, 1.0],
        "normalization_schemes": ["ZScoreNormalization"],
        "use_mask_for_norm": [False],
        "batch_dice": False,
        "architecture": {
            "network_class_name": f"dynamic_network_architectures.architectures.unet.{kind}",
            "arch_kwargs": arch_kwargs(design),
            "_kw_requires_import": ["conv_op", "norm_op", "dropout_op", "nonlin"],
        },
    }
    return {"dataset_name": design.name, "plans_name": design.name, "label_manager": "LabelManager",
            "transpose_forward": [0, 1, 2], "transpose_backward": [0, 1, 2],
            "configurations": {CONFIGURATION: configuration}}


def save_json(path: Path, value: dict) -> None:
    path.write_text(json.dumps(value, indent=2) + "\n")


def export(design: Design, weights: dict[str, torch.Tensor], folder: Path) -> None:
    """Writes the checkpoint folder, weights as float16; `weights` is the state dict, its aliases are shared again in the file."""
    network = build(design)
    network.load_state_dict(weights)
    target = folder / "fold_0"
    target.mkdir(parents=True, exist_ok=True)
    halves: dict[int, torch.Tensor] = {}
    state = OrderedDict((k, halves.setdefault(v.data_ptr(), v.detach().half())) for k, v in network.state_dict().items())
    torch.save({"network_weights": state, "trainer_name": "nnInteractiveTrainer_stub",
                "init_args": {"configuration": CONFIGURATION, "fold": 0}}, target / "checkpoint_final.pth")
    save_json(folder / "plans.json", plans(design))
    save_json(folder / "dataset.json", {"channel_names": {"0": "image"}, "labels": {"background": 0, "object": 1},
                                        "numTraining": 1, "file_ending": ".nii.gz"})
    save_json(folder / "inference_info.json", {
        "inference_class": "nnInteractiveInferenceSession", "inference_class_min_version": "2.4.2",
        "supported_interactions": {"scribble": True, "lasso": True, "points": True, "bbox2d": True, "bbox3d": False},
        "interaction_channels": 6, "point_radius": 4, "preferred_scribble_thickness": [2, 2, 2],
        "interaction_decay": 0.98, "pad_mode_image": "constant"})
