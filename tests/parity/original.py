"""The original session on the CPU in fp32, with CUDA's semantics, counted and made repeatable."""
import contextlib
import io
from pathlib import Path

import numpy as np
import torch
from nnInteractive.inference import inference_session
from nnInteractive.inference.inference_session import nnInteractiveInferenceSession
from nnInteractive.utils import bboxes, crop

MASK = (1 << 64) - 1


def splitmix64(state: int) -> int:
    z = (state + 0x9E3779B97F4A7C15) & MASK
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    return z ^ (z >> 31)


class Choices:
    """Stands for numpy.random in the fallback of cover: choice n of a prediction is splitmix64(n) / 2^64 of the way.

    Not the remainder: one voxel more or less must not move every choice elsewhere.
    """

    def __init__(self) -> None:
        self.drawn = 0

    def choice(self, count: int) -> int:
        self.drawn += 1
        return splitmix64(self.drawn - 1) * count >> 64


class NumpyWithChoices:
    def __init__(self, choices: Choices):
        self.random = choices

    def __getattr__(self, name: str) -> object:
        return getattr(np, name)


def owned_crop(*args: object, **kwargs: object) -> tuple:
    """crop_to_valid, but never a view: on the CPU the original divides its stored prompts through that view."""
    part, padding = crop.crop_to_valid(*args, **kwargs)
    return (part.clone() if isinstance(part, torch.Tensor) else part), padding


def interpolate(tensor: torch.Tensor, *args: object, **kwargs: object) -> torch.Tensor:
    """Area averages of halves summed in float32, as on CUDA: the CPU sums them in half."""
    if kwargs.get("mode") != "area":
        return torch.nn.functional.interpolate(tensor, *args, **kwargs)
    return torch.nn.functional.interpolate(tensor.float(), *args, **kwargs).to(tensor.dtype)


def divide_as_cuda(session: nnInteractiveInferenceSession, tensor: torch.Tensor) -> None:
    """As CUDA divides a half by a scalar: times the float32 reciprocal, then rounded to half."""
    if session.current_interaction_intensity == 1:
        return
    factor = torch.tensor(1.0 / np.float32(session.current_interaction_intensity), dtype=torch.float32)
    tensor[1:] = (tensor[1:].float() * factor).half()


def follow_cuda() -> Choices:
    """From here on every session of this process has CUDA's semantics on the CPU, and makes the choices returned."""
    choices = Choices()
    bboxes.np = NumpyWithChoices(choices)
    inference_session.crop_to_valid = owned_crop
    inference_session.interpolate = interpolate
    nnInteractiveInferenceSession._normalize_interaction_channels_for_network_ = divide_as_cuda
    return choices


class Original(nnInteractiveInferenceSession):
    """Remembers zooms, patches and network calls of the last prediction."""

    def __init__(self, model: Path, threads: int = 1):
        self.choices = follow_cuda()
        with contextlib.redirect_stdout(io.StringIO()):
            super().__init__(device=torch.device("cpu"), torch_n_threads=threads, interactions_storage="tensor")
            self.initialize_from_trained_model_folder(str(model), 0)
        self.network.register_forward_hook(self.note_call)
        self.forget()

    def forget(self) -> None:
        self.zooms: list[float] = []
        self.patches: list[list[int]] = []
        self.calls = 0
        self.weakest = 0.0
        self.choices.drawn = 0

    def note_call(self, _network: object, _inputs: object, logits: torch.Tensor) -> None:
        self.calls += 1
        self.weakest = max(self.weakest, float(((logits[0, 1] - logits[0, 0]).abs() < 1e-3).float().mean()))

    def _build_network_input(self, center: list[int], zoom: float) -> tuple:
        self.zooms.append(zoom)
        return super()._build_network_input(center, zoom)

    def _plan_refinement_bboxes(self, *args: object, **kwargs: object) -> list:
        boxes = super()._plan_refinement_bboxes(*args, **kwargs)
        self.patches = [[int(b[0]) for b in box] for box in boxes]
        return boxes


Original.__name__ = nnInteractiveInferenceSession.__name__  # checkpoints name the class they want
