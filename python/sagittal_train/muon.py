"""Muon (Jordan et al. 2024): momentum made orthogonal, for convolution weights; scaled to AdamW's usual step."""
import torch

COEFFICIENTS = (3.4445, -4.7750, 2.0315)  # of the Newton-Schulz iteration for the orthogonal factor


def orthogonal(matrix: torch.Tensor, rounds: int = 5) -> torch.Tensor:
    """Roughly U V^T of the matrix' singular value decomposition."""
    a, b, c = COEFFICIENTS
    wide = matrix if matrix.shape[0] <= matrix.shape[1] else matrix.T
    wide = wide / (wide.norm() + 1e-7)
    for _ in range(rounds):
        gram = wide @ wide.T
        wide = a * wide + (b * gram + c * gram @ gram) @ wide
    return wide if matrix.shape[0] <= matrix.shape[1] else wide.T


class Muon(torch.optim.Optimizer):
    def __init__(self, params: list[torch.Tensor], lr: float, momentum: float = 0.95, decay: float = 1e-2):
        super().__init__(params, {"lr": lr, "momentum": momentum, "decay": decay})

    @torch.no_grad()
    def step(self) -> None:
        for group in self.param_groups:
            for p in (p for p in group["params"] if p.grad is not None):
                buffer = self.state[p].setdefault("momentum", torch.zeros_like(p))
                buffer.lerp_(p.grad, 1 - group["momentum"])
                update = orthogonal(p.grad.lerp(buffer, group["momentum"]).flatten(1))
                p.mul_(1 - group["lr"] * group["decay"])
                p.add_(update.reshape(p.shape), alpha=-0.2 * group["lr"] * max(update.shape) ** 0.5)


def optimizers(network: torch.nn.Module, rate: float) -> list[torch.optim.Optimizer]:
    """Muon for convolutions that see more than one voxel, AdamW for the rest."""
    large = [p for p in network.parameters() if p.ndim == 5 and p[0, 0].numel() > 1]
    chosen = {id(p) for p in large}
    rest = [p for p in network.parameters() if id(p) not in chosen]
    return [Muon(large, rate), torch.optim.AdamW(rest, lr=rate, weight_decay=1e-4)]
