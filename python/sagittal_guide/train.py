"""Trains the guide's network and writes its checkpoint folder. Scenes: labelled scans, pseudo-objects, imagined anatomy."""
import argparse
import math
import time
from collections import OrderedDict
from pathlib import Path

import numpy as np
import torch
from sagittal_eval import protocol
from sagittal_train import contrast, muon, plans, samples, user, volumes

from . import features

DESIGN = plans.Design("SagittalGuide", True, (16, 24, 48, 80), (1, 1, 2, 2), (features.SIDE,) * 3, 1)
RATE, BATCH, LONGEST, LIVE = 2e-3, 2, 104, 12
WEIGHT = {"ct_totalseg_abdomen": 4.0, "mr_totalseg_abdomen": 4.0, "sarcoma": 3.0}  # other scans: 0.6


def build_network() -> torch.nn.Module:
    from dynamic_network_architectures.architectures.unet import ResidualEncoderUNet
    kwargs = plans.arch_kwargs(DESIGN) | {"conv_op": torch.nn.Conv3d, "norm_op": torch.nn.InstanceNorm3d,
                                          "nonlin": torch.nn.LeakyReLU}
    network = ResidualEncoderUNet(input_channels=features.CHANNELS, num_classes=2, deep_supervision=False, **kwargs)
    network.apply(ResidualEncoderUNet.initialize)
    return network


class Scans:
    """Labelled structures of at least 1 ml of the training scans, and the cache of samples.py."""

    def __init__(self, data: Path, cache: Path):
        self.library = samples.Library(cache, synthetic=0.6, labelled=0.1)
        self.groups: dict[str, list] = {}
        for case in volumes.cases(data):
            if volumes.is_validation(case["id"]) or not case.get("label"):
                continue
            image, label = volumes.read_case(data, case)
            sizes = np.bincount(label.ravel())
            sizes[0] = 0
            large = [i for i in np.argsort(-sizes) if sizes[i] >= 300 and sizes[i] * np.prod(case["spacing"]) >= 1000]
            if large:
                group = "sarcoma" if case["id"].startswith("sts") else case["id"]
                self.groups.setdefault(group, []).extend((image, label, i) for i in large[:40])
        weights = np.array([WEIGHT.get(name, 0.6) for name in self.groups])
        self.names, self.chances = list(self.groups), weights / weights.sum()

    def labelled(self, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray] | None:
        rows = self.groups[self.names[rng.choice(len(self.names), p=self.chances)]]
        image, label, value = rows[rng.integers(len(rows))]
        wanted = label == value
        if rng.random() < 0.3:
            wanted = user.largest_part(wanted)
        low, high = features.bounds(wanted)
        around = (high - low) * (rng.uniform(0.05, 1.3) if rng.random() < 0.8 else 3)
        low = np.maximum(0, low - (around * rng.uniform(0.3, 1.3, 3)).astype(int) - 3)
        high = np.minimum(wanted.shape, high + (around * rng.uniform(0.3, 1.3, 3)).astype(int) + 3)
        box = features.slices(low, high)
        size = high - low
        step = -(-size // LONGEST)
        if rng.random() < 0.25:
            step[rng.integers(3)] *= int(rng.integers(2, 5))
        if rng.random() < 0.2:
            step = step * np.where(size > 40, 2, 1)
        step = np.minimum(step, np.maximum(1, size // 8))
        part = features.block_means(image[box], step)
        if not part.std() > 0:
            return None
        wanted = features.block_means(wanted[box].astype(np.float32), step) >= 0.5
        return contrast.disturb(rng, (part - part.mean()) / part.std()), wanted

    def draw(self, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        while True:
            if rng.random() < 0.6:
                found = self.labelled(rng)
            else:
                sample = samples.make_sample(rng, self.library, int(rng.choice([48, 64, 88])))
                found = sample and (sample.image, sample.target)
            if found is None or found[1].sum() < 100 or found[1].mean() > 0.8 or min(found[0].shape) < 6:
                continue
            order = rng.permutation(3)
            flips = tuple(slice(None, None, -1 if rng.random() < 0.5 else 1) for _ in range(3))
            return tuple(np.ascontiguousarray(a.transpose(order)[flips]) for a in found)


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
        side, scene = int(rng.choice([32, 40, 48], p=[0.4, 0.35, 0.25])), self.scene
        if scene.turn == 1 or rng.random() < 0.2 or not scene.mask.any():
            (a, b), (low, high) = scene.newest, features.bounds(self.wanted)
            reach = int(max(1, np.max(np.maximum(a - low, high - b))) * np.exp(rng.uniform(np.log(0.45), np.log(2.2)))) + 2
            return scene.view(a - reach, b + reach, side)
        low, high = features.bounds(scene.mask)
        low, high = np.minimum(low, scene.low), np.maximum(high, scene.high)
        margin = ((high - low) * rng.uniform(0.1, 0.5)).astype(int) + 4
        return scene.view(low - margin, high + margin, side)


def learn(network: torch.nn.Module, one: User, rng: np.random.Generator) -> float:
    """Adds one prompt's gradient and takes the answer as the user's mask; returns its Dice."""
    scene, view = one.scene, one.view(rng)
    seen, size = scene.features(view)
    low, high, step = view
    box = features.slices(low, high)
    target = torch.from_numpy(features.block_means(one.wanted[box].astype(np.float32), step))
    with torch.autocast("cpu", torch.bfloat16):
        logits = network(torch.from_numpy(seen)[None])[0].float()
    answer = (logits[1] - logits[0])[tuple(slice(0, n) for n in size)]
    chance = torch.sigmoid(answer)
    overlap = (2 * (chance * target).sum() + 1) / (chance.sum() + target.sum() + 1)
    loss = torch.nn.functional.binary_cross_entropy_with_logits(answer, target) + 1 - overlap
    (loss / BATCH).backward()
    scene.mask[box] = features.enlarge(answer.detach().numpy(), step, high - low) > 0
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


def train(args: argparse.Namespace) -> dict[str, torch.Tensor]:
    library = args.state / "features.so"
    features.build(library)
    torch.manual_seed(args.seed)
    rng, scans, network = np.random.default_rng(args.seed), Scans(args.data, args.cache), build_network()
    if args.start:
        network.load_state_dict(torch.load(args.start, weights_only=True)["average"])
    optimizers, average = muon.optimizers(network, RATE), {k: v.clone() for k, v in network.state_dict().items()}
    users = [User(rng, scans, library) for _ in range(LIVE)]
    begun = saved = time.monotonic()
    step, scores = 0, []
    while (share := (time.monotonic() - begun) / 60 / args.minutes) < 1:
        for group in (g for o in optimizers for g in o.param_groups):
            group["lr"] = RATE * min(1, (step + 1) / 30) * (0.02 + 0.49 * (1 + math.cos(math.pi * share)))
        network.zero_grad()
        for n in rng.integers(LIVE, size=BATCH):
            score = learn(network, users[n], rng)
            scores.append(score)
            users[n].left -= 1
            if users[n].left <= 0 or score > 0.985 or not users[n].prompt(rng):
                users[n] = User(rng, scans, library)
        if torch.isfinite(torch.nn.utils.clip_grad_norm_(network.parameters(), 2.0)):
            for optimizer in optimizers:
                optimizer.step()
        step += 1
        with torch.no_grad():
            for name, value in network.state_dict().items():
                average[name].lerp_(value, 1 - min(0.995, step / (step + 20)))
        if time.monotonic() - saved > 60:
            saved = time.monotonic()
            print(f"{share * args.minutes:.0f} min, step {step}: Dice {np.mean(scores):.3f} of {len(scores)} prompts", flush=True)
            scores = []
            torch.save({"average": average, "step": step}, args.state / "state.pt")
    torch.save({"average": average, "step": step}, args.state / "state.pt")
    return average


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--cache", type=Path, required=True, help="made by sagittal_train.prepare")
    parser.add_argument("--state", type=Path, required=True, help="outside the repository")
    parser.add_argument("--start", type=Path, help="a state.pt to go on from")
    parser.add_argument("--minutes", type=float, default=40)
    parser.add_argument("--seed", type=int, default=5)
    parser.add_argument("--out", type=Path, required=True, help="the guide's checkpoint folder")
    args = parser.parse_args()
    torch.set_num_threads(1)
    args.state.mkdir(parents=True, exist_ok=True)
    export(train(args), args.out)


if __name__ == "__main__":
    main()
