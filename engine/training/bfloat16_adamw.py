"""AdamW for weights in bfloat16: 8 bytes a parameter in all (weight, gradient, two moments), where float32 takes 16.

Bfloat16 has 8 significant bits, so a step of less than 1/512 of a weight is lost when it is rounded to the nearest, and
most steps of the paper's rates are (2e-5, 5e-7). Here weights and moments are rounded up or down at random, with
probabilities by which the expected value is exact: small steps are then taken some of the time.
"""

from collections.abc import Callable, Iterable
from typing import Any

import torch

_CHUNK = 1 << 24
"""Elements that are computed in float32 at a time."""


class BFloat16AdamW(torch.optim.Optimizer):
    """AdamW (decoupled weight decay) with stochastic rounding, by torch's global random state."""

    def __init__(
        self,
        params: Iterable[Any],
        lr: float,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        for group in self.param_groups:
            for weight in group["params"]:
                if weight.grad is not None:
                    self._step(weight, group)

    def _step(self, weight: Any, group: dict[str, Any]) -> None:
        state = self.state[weight]
        if not state:
            state |= {
                "step": torch.zeros(()),
                "exp_avg": torch.zeros_like(weight),
                "exp_avg_sq": torch.zeros_like(weight),
            }
        state["step"] += 1
        fast, slow = group["betas"]
        count, lr = int(state["step"]), group["lr"]
        flat = [
            tensor.view(-1).split(_CHUNK) for tensor in (weight, weight.grad, state["exp_avg"], state["exp_avg_sq"])
        ]
        for part, grad, mean, square in zip(*flat, strict=True):
            slope = grad.float()
            first = mean.float().lerp_(slope, 1 - fast)
            second = square.float().mul_(slow).addcmul_(slope, slope, value=1 - slow)
            root = (second / (1 - slow**count)).sqrt_().add_(group["eps"])
            moved = part.float().mul_(1 - lr * group["weight_decay"])
            moved.addcdiv_(first, root, value=-lr / (1 - fast**count))
            for target, value in ((part, moved), (mean, first), (square, second)):
                target.copy_(_rounded(value))


def _rounded(value: torch.Tensor) -> torch.Tensor:
    """Float32 with only bfloat16's bits set: each up or down at random, the nearer neighbour the likelier."""
    bits = value.view(torch.int32)
    noise = torch.randint_like(bits, 1 << 16)
    return ((bits + noise) & -(1 << 16)).view(torch.float32)
