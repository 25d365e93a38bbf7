"""Trains the guide's network: users with one to seven prompts at one object, on the network's own masks. A stopped run goes on."""
import argparse
import math
import time
from collections import OrderedDict
from pathlib import Path

import numpy as np
import torch
from sagittal_eval import protocol
from sagittal_train import muon, plans, user

from . import features
from .scans import Scans

DESIGN = plans.Design("SagittalGuide", True, (16, 24, 48, 80), (1, 1, 2, 2), (features.SIDE,) * 3, 1)
RATE, BATCH, LIVE = 2e-3, 2, 12
SIDES = [32, 40, 48], [0.4, 0.35, 0.25]  # blocks per axis of a view, and how often


def build_network() -> torch.nn.Module:
    from dynamic_network_architectures.architectures.unet import ResidualEncoderUNet
    kwargs = plans.arch_kwargs(DESIGN) | {"conv_op": torch.nn.Conv3d, "norm_op": torch.nn.InstanceNorm3d,
                                          "nonlin": torch.nn.LeakyReLU}
    network = ResidualEncoderUNet(input_channels=features.CHANNELS, num_classes=2, deep_supervision=False, **kwargs)
    network.apply(ResidualEncoderUNet.initialize)
    return network


class User:
    """One simulated user at one object: one to seven prompts, each on the largest error of the network's own mask."""

    def __init__(self, rng: np.random.Generator, scans: Scans, library: Path):
        image, self.wanted = scans.draw(rng)
        self.scene = features.Scene(image, library)
        self.left = int(rng.choice([1, 2, 3, 4, 5, 7], p=[0.15, 0.2, 0.2, 0.2, 0.15, 0.1]))
        self.prompt(rng)

    def prompt(self, rng: np.random.Generator) -> bool:
        error = self.scene.mask != self.wanted
        if not error.any():
            return False
        region = user.largest_part(error)
        chances = [0.5, 0.2, 0.15, 0.15] if self.scene.turn == 0 else [0.8, 0.05, 0.1, 0.05]
        kind = rng.choice(["point", "box", "scribble", "lasso"], p=chances)
        if kind == "point":
            drawn = user.interior_voxel(rng, region, 0.6 if rng.random() < 0.75 else 0.1).tolist()
        else:
            drawn = protocol.prompt_on(rng, region, kind)
        self.scene.add(kind, drawn, bool(self.wanted[region][0]))
        return True

    def view(self, rng: np.random.Generator) -> tuple:
        side, scene = int(rng.choice(SIDES[0], p=SIDES[1])), self.scene
        if scene.turn == 1 or rng.random() < 0.2 or not scene.mask.any():
            (a, b), (low, high) = scene.newest, features.bounds(self.wanted)
            reach = int(max(1, np.max(np.maximum(a - low, high - b))) * np.exp(rng.uniform(np.log(0.45), np.log(2.2)))) + 2
            return scene.view(a - reach, b + reach, side)
        low, high = features.bounds(scene.mask)
        low, high = np.minimum(low, scene.low), np.maximum(high, scene.high)
        margin = ((high - low) * rng.uniform(0.1, 0.5)).astype(int) + 4
        return scene.view(low - margin, high + margin, side)


def learn(network: torch.nn.Module, one: User, view: tuple) -> float:
    """Adds one prompt's gradient and takes the answer as the user's mask; returns its Dice."""
    scene = one.scene
    seen, size = scene.features(view)
    low, high, step = view
    box = features.slices(low, high)
    target = torch.from_numpy(features.block_means(one.wanted[box].astype(np.float32), step))
    with torch.autocast("cpu", torch.bfloat16):
        logits = network(torch.from_numpy(seen)[None])[0].float()
    found = (logits[1] - logits[0])[tuple(slice(0, n) for n in size)]
    chance = torch.sigmoid(found)
    overlap = (2 * (chance * target).sum() + 1) / (chance.sum() + target.sum() + 1)
    loss = torch.nn.functional.binary_cross_entropy_with_logits(found, target) + 1 - overlap
    (loss / BATCH).backward()
    scene.mask[box] = features.enlarge(found.detach().numpy(), step, high - low) > 0
    return protocol.dice(scene.mask, one.wanted)


def export(weights: dict[str, torch.Tensor], folder: Path) -> None:
    network = build_network()
    network.load_state_dict(weights)
    (folder / "fold_0").mkdir(parents=True, exist_ok=True)
    halves: dict[int, torch.Tensor] = {}
    state = OrderedDict((k, halves.setdefault(v.data_ptr(), v.detach().half())) for k, v in network.state_dict().items())
    torch.save({"network_weights": state, "trainer_name": "nnInteractiveTrainer_stub",
                "init_args": {"configuration": plans.CONFIGURATION, "fold": 0}}, folder / "fold_0" / "checkpoint_final.pth")
    plans.save_json(folder / "plans.json", plans.plans(DESIGN))
    plans.save_json(folder / "dataset.json", {"channel_names": {"0": "image"}, "labels": {"background": 0, "object": 1},
                                              "numTraining": 1, "file_ending": ".nii.gz"})


class Run:
    """Everything that a stopped run needs to go on: weights, their average, optimisers, random numbers, time spent."""

    def __init__(self, folder: Path, start: Path | None, seed: int):
        torch.manual_seed(seed)
        self.folder, self.rng, self.network = folder, np.random.default_rng(seed), build_network()
        if start:
            self.network.load_state_dict(torch.load(start, weights_only=True)["average"])
        self.optimizers = muon.optimizers(self.network, RATE)
        self.average = {k: v.clone() for k, v in self.network.state_dict().items()}
        self.step, self.prompts, self.seconds = 0, 0, 0.0
        if (folder / "state.pt").exists():
            kept = torch.load(folder / "state.pt", weights_only=True)
            self.network.load_state_dict(kept["network"])
            for optimizer, state in zip(self.optimizers, kept["optimizers"]):
                optimizer.load_state_dict(state)
            self.average, self.step, self.prompts, self.seconds = (kept[k] for k in ("average", "step", "prompts", "seconds"))
            self.rng.bit_generator.state = kept["random"]

    def save(self) -> None:
        part = self.folder / "state.part"
        torch.save({"network": self.network.state_dict(), "average": self.average, "step": self.step,
                    "prompts": self.prompts, "seconds": self.seconds, "random": self.rng.bit_generator.state,
                    "optimizers": [o.state_dict() for o in self.optimizers]}, part)
        part.replace(self.folder / "state.pt")

    def keep(self) -> None:
        torch.save({"average": self.average, "prompts": self.prompts}, self.folder / f"kept_{self.prompts:06d}.pt")

    def advance(self, share: float) -> None:
        """One step of the optimisers and of the running average; gradients that are not finite are left out."""
        rate = RATE * min(1, (self.step + 1) / 30) * (0.02 + 0.49 * (1 + math.cos(math.pi * share)))
        for group in (g for o in self.optimizers for g in o.param_groups):
            group["lr"] = rate
        if torch.isfinite(torch.nn.utils.clip_grad_norm_(self.network.parameters(), 2.0)):
            for optimizer in self.optimizers:
                optimizer.step()
        self.network.zero_grad()
        self.step += 1
        with torch.no_grad():
            for name, value in self.network.state_dict().items():
                self.average[name].lerp_(value, 1 - min(0.995, self.step / (self.step + 20)))


def train(args: argparse.Namespace) -> dict[str, torch.Tensor]:
    library = args.state / "features.so"
    features.build(library)
    run, scans = Run(args.state, args.start, args.seed), Scans(args.data, args.cache)
    rng, scores = run.rng, []
    users = [User(rng, scans, library) for _ in range(LIVE)]
    last = saved = time.monotonic()
    while (share := run.seconds / 60 / args.minutes) < 1:
        for n in rng.integers(LIVE, size=BATCH):
            score = learn(run.network, users[n], users[n].view(rng))
            scores.append(score)
            users[n].left -= 1
            run.prompts += 1
            if run.prompts % args.keep_every == 0:
                run.keep()
            if users[n].left <= 0 or score > 0.985 or not users[n].prompt(rng):
                users[n] = User(rng, scans, library)
        run.advance(share)
        now = time.monotonic()
        run.seconds, last = run.seconds + now - last, now
        if now - saved > 60:
            saved = now
            print(f"{run.seconds / 60:.0f} min, {run.prompts} prompts: Dice {np.mean(scores):.3f} of {len(scores)}", flush=True)
            scores = []
            run.save()
    run.save()
    run.keep()
    return run.average


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--cache", type=Path, required=True, help="made by sagittal_train.prepare")
    parser.add_argument("--state", type=Path, required=True, help="outside the repository; a run that lies there goes on")
    parser.add_argument("--start", type=Path, help="a kept_*.pt or state.pt to start from")
    parser.add_argument("--minutes", type=float, default=40, help="of all calls together")
    parser.add_argument("--keep-every", type=int, default=4000, help="prompts between kept weights, for curve.py")
    parser.add_argument("--seed", type=int, default=5)
    parser.add_argument("--out", type=Path, required=True, help="the guide's checkpoint folder")
    args = parser.parse_args()
    torch.set_num_threads(1)
    args.state.mkdir(parents=True, exist_ok=True)
    export(train(args), args.out)


if __name__ == "__main__":
    main()
