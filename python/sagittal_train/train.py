"""Trains a design on a prepared cache; resumes from its folder, stops after a time budget."""
import argparse
import csv
import math
import multiprocessing as mp
import os
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F

from . import muon, plans, prompts
from .samples import Library, Sample, make_sample

BATCH = {32: 8, 48: 4, 64: 4, 80: 2, 96: 2, 128: 1}
LIVE = 20
FINE_LARGE = 0.3  # share of the steps on large crops that train the full-size layers, once these are trained


@dataclass
class Session:
    """One simulated user at work on one crop."""
    sample: Sample
    canvas: prompts.Canvas
    previous: np.ndarray
    rounds: int
    turn: int = 0


def produce(cache: Path, seed: int, wanted: mp.Queue, made: mp.Queue) -> None:
    os.nice(19 - os.nice(0))
    torch.set_num_threads(1)
    library, rng = Library(cache), np.random.default_rng(seed)
    while True:
        edge = wanted.get()
        sample = None
        while sample is None:
            sample = make_sample(rng, library, edge)
        made.put(sample)


def begin(rng: np.random.Generator, sample: Sample, step: int) -> Session:
    """The first prompt, and how many rounds this user will have patience for: few while all is still wrong."""
    canvas = prompts.Canvas(sample.target.shape, sample.zoom)
    if sample.refine:
        for _ in range(int(rng.choice([0, 1, 2], p=[0.5, 0.3, 0.2]))):
            prompts.first_prompt(rng, canvas, sample.target)
    elif sample.centred and rng.random() < 0.6:
        canvas.point(rng, np.array(sample.target.shape) // 2, True)
    else:
        for _ in range(1 if step > 600 else int(rng.integers(1, 4))):
            prompts.first_prompt(rng, canvas, sample.target)
    most = 1 if step < 300 else 2 if step < 600 else 5
    return Session(sample, canvas, sample.previous, min(most, int(rng.choice([1, 2, 3, 4, 5], p=[0.3, 0.25, 0.2, 0.15, 0.1]))))


def advance(rng: np.random.Generator, session: Session, found: np.ndarray) -> bool:
    """Keeps the prediction as previous mask and draws the next prompt; false where the session is over."""
    session.turn += 1
    if session.turn >= session.rounds:
        return False
    session.previous = found.astype(np.float32)
    return prompts.correction(rng, session.canvas, session.sample.target, found)


def stack(batch: list[Session]) -> tuple[torch.Tensor, torch.Tensor]:
    x = np.stack([np.concatenate([s.sample.image[None], s.previous[None], s.canvas.channels]) for s in batch])
    return torch.from_numpy(x), torch.from_numpy(np.stack([s.sample.target for s in batch]).astype(np.int64))


def loss_of(logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Cross entropy plus soft Dice."""
    p, t = logits.softmax(1)[:, 1].flatten(1), target.float().flatten(1)
    soft = (2 * (p * t).sum(1) + 1) / (p.sum(1) + t.sum(1) + 1)
    return F.cross_entropy(logits, target) + 1 - soft.mean()


def deep_loss(outputs: list[torch.Tensor], target: torch.Tensor) -> torch.Tensor:
    """The loss at the finest size there is, and with less weight at the next two."""
    loss = torch.zeros(())
    first = int(math.log2(target.shape[-1] // outputs[0].shape[-1]))
    for level, (weight, output) in enumerate(zip((1, 0.4, 0.2), outputs), first):
        small = (F.avg_pool3d(target[:, None].float(), 2**level)[:, 0] >= 0.5).long()
        loss = loss + weight * loss_of(output.float(), small)
    return loss


def decide(logits: torch.Tensor, shape: tuple[int, ...]) -> np.ndarray:
    """The mask at full size."""
    with torch.no_grad():
        margin = (logits[:, 1:] - logits[:, :1]).float()
        if margin.shape[2:] != shape:
            margin = F.interpolate(margin, shape, mode="trilinear")
        return (margin[:, 0] > 0).numpy()


def coarse_outputs(network: torch.nn.Module, x: torch.Tensor) -> list[torch.Tensor]:
    """Heads from half size on: a third of the work, with the full-size layers left as they are."""
    encoder, decoder = network.encoder, network.decoder
    with torch.no_grad():
        x = encoder.stages[0](encoder.stem(x))
    skips, outputs = [], []
    for stage in encoder.stages[1:]:
        x = stage(x)
        skips.append(x)
    for i in range(len(decoder.stages) - 1):
        x = decoder.stages[i](torch.cat((decoder.transpconvs[i](x), skips[-(i + 2)]), 1))
        outputs.append(decoder.seg_layers[i](x))
    return outputs[::-1]


def edge_for(progress: float, fine: bool, u: float) -> int:
    """Small crops first; the patch of use, ten times the work, is seen at the end."""
    if fine:
        return 48 if u < 0.12 else 64 if u < 0.48 else 96 if u < 0.95 else 128
    if progress < 0.45:
        return 48 if u < 0.4 else 64
    return 64 if u < 0.6 else 96 if u < 0.92 else 128


class RareInputs:
    """Makes masks and prompts as loud in a small crop as they are in the patch: the first norm divides by their deviation,
    which falls with the volume around them."""

    def __init__(self, network: torch.nn.Module, patch: int, seed: int):
        self.patch, self.rng = patch, np.random.default_rng(seed)
        network.encoder.stem.convs[0].norm.register_forward_hook(self)

    def __call__(self, module: torch.nn.Module, inputs: tuple, out: torch.Tensor) -> torch.Tensor:
        most = max(1.0, 0.8 * (self.patch / out.shape[-1]) ** 1.5)
        gain = torch.ones(out.shape[:2], dtype=out.dtype)
        gain[:, 1:plans.INPUT_CHANNELS] = float(np.exp(self.rng.uniform(0, np.log(most))))
        return out * gain[:, :, None, None, None]


class Trainer:
    def __init__(self, args: argparse.Namespace):
        self.args, self.folder = args, args.state
        self.folder.mkdir(parents=True, exist_ok=True)
        torch.manual_seed(args.seed)
        self.design = plans.DESIGNS[args.design]
        self.network = plans.build(self.design)
        self.network.decoder.deep_supervision = True
        RareInputs(self.network, self.design.patch[0], args.seed)
        self.step, self.elapsed = 0, 0.0
        if args.start:
            older = torch.load(args.start / "state.pt", weights_only=True)
            plans.grow(self.network, older["average"])
            self.step = older["step"]
        self.average = {k: v.clone() for k, v in self.network.state_dict().items()}
        self.optimizers = muon.optimizers(self.network, args.rate)
        if (self.folder / "state.pt").exists():
            state = torch.load(self.folder / "state.pt", weights_only=True)
            self.network.load_state_dict(state["network"])
            for optimizer, saved in zip(self.optimizers, state["optimizers"], strict=True):
                optimizer.load_state_dict(saved)
            self.average, self.step, self.elapsed = state["average"], state["step"], state["elapsed"]
        self.rng = np.random.default_rng([args.seed, self.step])
        self.live: dict[int, list[Session]] = {}
        self.totals: dict[str, list[float]] = {}

    def start_producers(self) -> None:
        self.wanted, self.made = mp.Queue(), mp.Queue()
        for worker in range(self.args.workers):
            seed = [self.args.seed, self.step, worker]
            mp.Process(target=produce, args=(self.args.cache, seed, self.wanted, self.made), daemon=True).start()
        for _ in range(LIVE):
            self.wanted.put(self.next_edge())

    def progress(self) -> float:
        return min(1.0, self.elapsed / (60 * self.args.minutes))

    def in_fine_phase(self) -> bool:
        return self.progress() >= self.args.fine_from

    def next_edge(self) -> int:
        edge = edge_for(self.progress(), self.in_fine_phase(), self.rng.random())
        return edge if self.args.edge is None else self.args.edge

    def receive(self) -> None:
        """Takes finished samples; waits only while no batch can be formed."""
        while not self.made.empty() or not self.ready():
            sample = self.made.get()
            edge = sample.target.shape[0]
            self.live.setdefault(edge, []).append(begin(self.rng, sample, self.step))

    def ready(self) -> list[int]:
        return [e for e, sessions in self.live.items() if len(sessions) >= BATCH[e]]

    def rate(self) -> float:
        progress = self.progress()
        return self.args.rate * min(1, (self.elapsed + 5) / 60) * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * progress)))

    def train_step(self) -> None:
        self.receive()
        sizes = {e: len(self.live[e]) for e in self.ready()}
        edge = max(sizes, key=lambda e: sizes[e] / BATCH[e] + self.rng.random())
        self.rng.shuffle(self.live[edge])
        batch, self.live[edge] = self.live[edge][:BATCH[edge]], self.live[edge][BATCH[edge]:]
        x, target = stack(batch)
        for group in (g for optimizer in self.optimizers for g in optimizer.param_groups):
            group["lr"] = self.rate()
        with torch.autocast("cpu", torch.bfloat16, enabled=not self.args.fp32):
            fine = self.in_fine_phase() and (edge <= 64 or self.rng.random() < FINE_LARGE)
            outputs = self.network(x) if fine else coarse_outputs(self.network, x)
        loss = deep_loss(outputs, target)
        self.network.zero_grad()
        loss.backward()
        if torch.isfinite(torch.nn.utils.clip_grad_norm_(self.network.parameters(), 2.0)):
            for optimizer in self.optimizers:
                optimizer.step()
        else:
            print("skipped a step: gradient not finite, input finite:", bool(torch.isfinite(x).all()), flush=True)
        self.step += 1
        self.update_average()
        for session, mask in zip(batch, decide(outputs[0], target.shape[1:])):
            wanted = session.sample.target
            self.note(session, 2 * (mask & wanted).sum() / (mask.sum() + wanted.sum()))
            if advance(self.rng, session, mask):
                self.live[edge].append(session)
            else:
                self.wanted.put(self.next_edge())
        self.totals.setdefault("loss", []).append(loss.item())

    def note(self, session: Session, score: float) -> None:
        name = ("refine" if session.sample.refine else "prompt") + ("1" if session.turn == 0 else "+")
        name += "z" if session.sample.zoom > 1 else ""
        self.totals.setdefault(name, []).append(score)

    def update_average(self) -> None:
        keep = min(0.996, self.step / (self.step + 20))
        with torch.no_grad():
            for name, value in self.network.state_dict().items():
                self.average[name].lerp_(value, 1 - keep)

    def log(self) -> None:
        means = {k: round(float(np.mean(v)), 4) for k, v in sorted(self.totals.items())}
        print(f"step {self.step} {self.elapsed / 60:.1f} min lr {self.rate():.1e} {means}", flush=True)
        with open(self.folder / "log.csv", "a", newline="") as file:
            for name, value in means.items():
                csv.writer(file).writerow([self.step, round(self.elapsed), name, value])
        self.totals = {}

    def save(self) -> None:
        state = {"network": self.network.state_dict(), "optimizers": [o.state_dict() for o in self.optimizers],
                 "average": self.average, "step": self.step, "elapsed": self.elapsed}
        torch.save(state, self.folder / "state.part")
        (self.folder / "state.part").rename(self.folder / "state.pt")

    def keep(self) -> None:
        """The averaged weights of this moment, for the learning curve."""
        kept = {"average": self.average, "step": self.step, "elapsed": self.elapsed}
        torch.save(kept, self.folder / f"kept_{self.step:06d}.pt")

    def run(self) -> None:
        self.start_producers()
        saved = logged = kept = time.time()
        while self.elapsed < 60 * self.args.minutes:
            start = time.time()
            self.train_step()
            now = time.time()
            self.elapsed += now - start
            if now - logged > self.args.log_every:
                self.log()
                logged = now
            if now - saved > 60:
                self.save()
                saved = now
            if now - kept > 60 * self.args.keep_every:
                self.keep()
                kept = now
        self.save()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cache", type=Path, required=True, help="made by sagittal_train.prepare")
    parser.add_argument("--state", type=Path, required=True, help="training state, outside the repository")
    parser.add_argument("--start", type=Path, help="state of a smaller network to grow from")
    parser.add_argument("--design", choices=list(plans.DESIGNS), default="wide")
    parser.add_argument("--minutes", type=float, default=90)
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--fine-from", type=float, default=0.8, help="share of the time after which full-size layers are trained")
    parser.add_argument("--edge", type=int, help="one crop size instead of the schedule")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--workers", type=int, default=1, help="processes that make samples")
    parser.add_argument("--fp32", action="store_true", help="no bf16")
    parser.add_argument("--log-every", type=float, default=60)
    parser.add_argument("--keep-every", type=float, default=10, help="minutes between kept weights")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    Trainer(args).run()


if __name__ == "__main__":
    main()
