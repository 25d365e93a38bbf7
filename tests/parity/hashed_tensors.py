"""Deterministic tensors that C++ and Python build alike, so that no weights need storing."""
import math

import numpy as np
import torch

MASK = (1 << 64) - 1


def fnv1a64(text: str) -> int:
    value = 0xCBF29CE484222325
    for byte in text.encode():
        value = ((value ^ byte) * 0x100000001B3) & MASK
    return value


def uniform(name: str, count: int) -> np.ndarray:
    """float32 in [-1, 1): the top 24 bits of splitmix64(fnv1a64(name) + index), times 2^-23, minus 1."""
    with np.errstate(over="ignore"):
        z = np.arange(count, dtype=np.uint64) + np.uint64(fnv1a64(name))
        z = z + np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z = z ^ (z >> np.uint64(31))
    return (z >> np.uint64(40)).astype(np.float32) * np.float32(2.0**-23) - np.float32(1)


def is_canonical(name: str) -> bool:
    return not name.startswith("decoder.encoder.") and ".all_modules." not in name


def parameter(name: str, shape: tuple[int, ...]) -> np.ndarray:
    """Convolution weights scaled by sqrt(3/fan_in), norm weights around 1, biases of 0.1."""
    u = uniform(name, math.prod(shape)).reshape(shape)
    if len(shape) > 1:
        transposed = ".transpconvs." in name
        fan_in = shape[0] if transposed else math.prod(shape[1:])
        return u * np.float32(math.sqrt(3 / fan_in))
    if name.endswith(".weight"):
        return np.float32(1) + np.float32(0.1) * u
    return np.float32(0.1) * u


def fill(network: torch.nn.Module) -> dict[str, tuple[int, ...]]:
    """Overwrites every parameter (aliases share storage) and returns the canonical names and shapes."""
    shapes: dict[str, tuple[int, ...]] = {}
    with torch.no_grad():
        for name, tensor in network.state_dict().items():
            if is_canonical(name):
                shapes[name] = tuple(tensor.shape)
                tensor.copy_(torch.from_numpy(parameter(name, shapes[name])))
    return shapes
