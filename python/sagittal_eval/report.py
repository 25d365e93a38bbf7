"""One table and one plot of many users' figures."""
from pathlib import Path

import numpy as np

from .protocol import AFTER, GOALS, PROMPTS, Row, summary

HEAD = ["split", "method", "group", "first prompt", "n"] + [f"Dice@{n}" for n in AFTER] + [
    f"clicks to {g:.0%} (reached)" for g in GOALS] + ["s median", "s p95"]


def line(rows: list[Row], split: str, method: str, group: str, first: str) -> str:
    s = summary(rows)
    cells = [split, method, group, first, str(len(rows))]
    cells += ["–" if np.isnan(s[f"dice@{n}"]) else f"{s[f'dice@{n}']:.3f}" for n in AFTER]
    cells += [f"{s[f'clicks@{g:.2f}']:.1f} ({s[f'reached@{g:.2f}']:.0%})" for g in GOALS]
    return "| " + " | ".join(cells + [f"{s['median']:.2f}", f"{s['p95']:.2f}"]) + " |"


def table(rows: list[Row]) -> str:
    """Markdown: all structures per method and first prompt, then by modality, then by structure (all first prompts)."""
    lines = ["| " + " | ".join(HEAD) + " |", "|" + "---|" * len(HEAD)]
    for split, method in sorted({(r.split, r.method) for r in rows}):
        mine = [r for r in rows if (r.split, r.method) == (split, method)]
        firsts = [f for f in ("point", "box", "scribble", "lasso") if any(r.first == f for r in mine)]
        lines += [line([r for r in mine if r.first == f], split, method, "all", f) for f in firsts]
        for modality in sorted({r.modality for r in mine}):
            lines += [line([r for r in mine if (r.modality, r.first) == (modality, f)], split, method, modality, f)
                      for f in firsts if any((r.modality, r.first) == (modality, f) for r in mine)]
        for name in sorted({r.structure for r in mine}):
            lines.append(line([r for r in mine if r.structure == name], split, method, name, "any"))
    return "\n".join(lines) + "\n"


def plot(rows: list[Row], path: Path, split: str) -> None:
    """Mean Dice over prompts: a line per method and first prompt, of one split."""
    import matplotlib
    matplotlib.use("Agg")
    from matplotlib import pyplot
    figure, axes = pyplot.subplots(figsize=(8, 4))
    style = {"point": "-", "box": "--", "scribble": ":", "lasso": "-."}
    methods = sorted({r.method for r in rows if r.split == split})
    for number, method in enumerate(methods):
        for first, dashes in style.items():
            scores = [r.dice for r in rows if (r.split, r.method, r.first) == (split, method, first)]
            if scores:
                mean = np.mean([s + [np.nan] * (PROMPTS - len(s)) for s in scores], axis=0)
                axes.plot(range(1, PROMPTS + 1), mean, dashes, color=f"C{number}", label=f"{method}, {first} first")
    axes.set(xlabel="prompts", ylabel="mean Dice", ylim=(0, 1), xticks=range(1, PROMPTS + 1), title=f"{split} split")
    axes.grid(alpha=0.3)
    axes.legend(fontsize=7, loc="upper left", bbox_to_anchor=(1, 1))
    figure.tight_layout()
    figure.savefig(path, dpi=90)
    pyplot.close(figure)


class Pictures:
    """Keeps what one user saw; draws the structure's best slice after chosen prompts: green wanted, red found."""

    def __init__(self, image: np.ndarray, wanted: np.ndarray, after: tuple[int, ...] = (1, 3, 5)):
        self.image, self.wanted, self.after, self.marks = image, wanted, after, []
        self.axis = int(np.argmin(image.shape)) if min(image.shape) < 0.6 * max(image.shape) else 0
        self.index = int(np.argmax(wanted.sum(axis=tuple(d for d in range(3) if d != self.axis))))
        self.kept: list[tuple[int, np.ndarray, list]] = []

    def __call__(self, turn: int, kind: str, drawn: object, include: bool, found: np.ndarray) -> None:
        if kind == "point":
            self.marks.append((np.delete(drawn, self.axis), include))
        if turn + 1 in self.after:
            self.kept.append((turn + 1, found.take(self.index, self.axis), list(self.marks)))

    def save(self, path: Path, title: str, scores: list[float]) -> None:
        import matplotlib
        matplotlib.use("Agg")
        from matplotlib import pyplot
        if not self.kept:
            return
        figure, row = pyplot.subplots(1, len(self.kept), figsize=(2.6 * len(self.kept), 2.9), squeeze=False)
        flat, wanted = self.image.take(self.index, self.axis), self.wanted.take(self.index, self.axis)
        low, high = np.percentile(flat, [1, 99])
        for axes, (number, found, marks) in zip(row[0], self.kept):
            axes.imshow(flat, cmap="gray", vmin=low, vmax=high)
            for mask, colour in ((wanted, "lime"), (found, "red")):
                if mask.any():
                    axes.contour(mask, [0.5], colors=colour, linewidths=1)
            for (y, x), include in marks:
                axes.plot(x, y, "+" if include else "x", color="cyan" if include else "orange", markersize=7)
            axes.set_title(f"{number} prompts, Dice {scores[number - 1]:.2f}", fontsize=8)
            axes.axis("off")
        figure.suptitle(title, fontsize=8)
        figure.tight_layout()
        figure.savefig(path, dpi=75)
        pyplot.close(figure)
