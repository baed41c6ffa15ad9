"""Muon: momentum with orthogonalised updates, for weight matrices (Keller Jordan, 2024).

torch.optim.Muon orthogonalises one matrix at a time in bfloat16, which on a CPU without bfloat16 units takes ten times
as long as the whole training step; here equal shapes are stacked, and a CPU computes in fp32.
"""

from typing import Any

import torch
from torch import Tensor

_A, _B, _C = 3.4445, -4.7750, 2.0315
"""The quintic of the Newton-Schulz iteration."""


def orthogonal(stack: Tensor, steps: int = 5) -> Tensor:
    """(N, rows, columns) -> the nearest semi-orthogonal matrices, approximately."""
    x = stack.bfloat16() if stack.is_cuda else stack
    tall = x.shape[1] > x.shape[2]
    x = x.mT if tall else x
    x = x / (x.norm(dim=(1, 2), keepdim=True) + 1e-7)
    for _ in range(steps):
        gram = x @ x.mT
        x = _A * x + (_B * gram + _C * gram @ gram) @ x
    result: Tensor = (x.mT if tall else x).to(stack.dtype)
    return result


class Muon(torch.optim.Optimizer):
    """For 2-D parameters only; the update is scaled to the root mean square of AdamW's, so that both take the same
    rates.
    """

    def __init__(self, params: Any, lr: float, momentum: float = 0.95, weight_decay: float = 0.0) -> None:
        super().__init__(params, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        for group in self.param_groups:
            shapes: dict[torch.Size, list[Tensor]] = {}
            for p in group["params"]:
                if p.grad is not None:
                    shapes.setdefault(p.shape, []).append(p)
            for shape, members in shapes.items():
                updates = []
                for p in members:
                    assert p.grad is not None
                    state = self.state[p]
                    buffer = state.setdefault("momentum", torch.zeros_like(p))
                    buffer.lerp_(p.grad, 1 - group["momentum"])
                    updates.append(p.grad.lerp(buffer, group["momentum"]))
                scale = 0.2 * max(shape) ** 0.5
                for p, update in zip(members, orthogonal(torch.stack(updates)), strict=True):
                    p.mul_(1 - group["lr"] * group["weight_decay"])
                    p.add_(update, alpha=-group["lr"] * scale)
