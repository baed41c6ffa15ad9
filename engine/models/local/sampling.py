"""Sampling tokens from logits, row by row: greedy, temperature, top-k and nucleus sampling by inverse CDF.

A row's token depends only on its own logits, seed and step: the random number comes from a counter-based integer hash,
not from a generator whose state the rows would share.
"""

import torch
from torch import Tensor

# The increment and multipliers of the SplitMix64 finaliser (Steele, Lea, Flood 2014), as signed 64-bit integers.
_STEP = 0x9E3779B97F4A7C15 - (1 << 64)
_MUL1 = 0xBF58476D1CE4E5B9 - (1 << 64)
_MUL2 = 0x94D049BB133111EB - (1 << 64)
_MANTISSA = 52
_FEW = 64


def _shift_right(x: Tensor, bits: int) -> Tensor:
    """Logical shift: torch's ``>>`` on int64 copies the sign."""
    return (x >> bits) & ((1 << (64 - bits)) - 1)


def _mix(x: Tensor) -> Tensor:
    x = (x ^ _shift_right(x, 30)) * _MUL1
    x = (x ^ _shift_right(x, 27)) * _MUL2
    return x ^ _shift_right(x, 31)


def uniforms(seeds: Tensor, steps: Tensor) -> Tensor:
    """Numbers in [0, 1), float64, one for each (seed, step) of the int64 tensors."""
    # The seed is mixed before the step is added; otherwise seeds that differ by the increment would share a sequence.
    mixed = _mix(_mix(seeds) + (steps + 1) * _STEP)
    return _shift_right(mixed, 64 - _MANTISSA).to(torch.float64) * 2.0**-_MANTISSA


def choose(
    logits: Tensor,
    seeds: Tensor,
    steps: Tensor,
    temperature: Tensor,
    top_p: Tensor,
    nucleus: Tensor | None,
    limited: tuple[Tensor, Tensor] | None = None,
) -> Tensor:
    """One token id per row of ``logits`` [rows, vocabulary].

    ``temperature`` 0 takes the most likely token. ``nucleus``: the rows whose ``top_p`` is below 1, or None; only they
    need the costly sorting. ``limited``: the rows with a top_k, and these; it applies before top_p, as in vLLM.
    """
    logits = logits.float()
    best = logits.argmax(-1)
    greedy = temperature <= 0
    scale = torch.where(greedy, torch.ones_like(temperature), temperature)
    weight = ((logits - logits.amax(-1, keepdim=True)) / scale[:, None]).exp()
    if limited is not None:
        rows, top_k = limited
        weight[rows] = _most_likely(weight[rows], top_k.clamp_max(logits.shape[-1]))
    uniform = uniforms(seeds, steps)
    total = weight.cumsum(-1, dtype=torch.float64)
    drawn = torch.searchsorted(total, uniform[:, None] * total[:, -1:], right=True)[:, 0]
    drawn = drawn.clamp_max(logits.shape[-1] - 1)
    if nucleus is not None:
        drawn[nucleus] = _nucleus(weight[nucleus], uniform[nucleus], top_p[nucleus] * total[nucleus, -1])
    return torch.where(greedy, best, drawn)


def _most_likely(weight: Tensor, top_k: Tensor) -> Tensor:
    """The weights, 0 where smaller than the row's ``top_k``-th largest."""
    ordered = weight.topk(int(top_k.max()), dim=-1).values
    return weight.masked_fill(weight < ordered.gather(1, top_k[:, None] - 1), 0.0)


def _nucleus(weight: Tensor, uniform: Tensor, wanted: Tensor) -> Tensor:
    """Draw from the smallest set of most likely tokens whose mass reaches ``wanted``.

    That set is nearly always small, and sorting a whole vocabulary costs more than the rest of a step. The few most
    likely tokens are tried first; only rows that need more are sorted in full.
    """
    ordered, order = weight.topk(min(_FEW, weight.shape[-1]), dim=-1)
    drawn, filled = _draw_ordered(ordered, order, uniform, wanted)
    if weight.shape[-1] > _FEW and not bool(filled.all()):
        rest = (~filled).nonzero()[:, 0]
        ordered, order = torch.sort(weight[rest], stable=True, dim=-1, descending=True)
        drawn[rest] = _draw_ordered(ordered, order, uniform[rest], wanted[rest])[0]
    return drawn


def _draw_ordered(ordered: Tensor, order: Tensor, uniform: Tensor, wanted: Tensor) -> tuple[Tensor, Tensor]:
    """The drawn tokens, and which rows' weights (likeliest first) reach the mass ``wanted``."""
    total = ordered.cumsum(-1, dtype=torch.float64)
    kept = ((total - ordered) < wanted[:, None]).sum(-1, keepdim=True).clamp_min(1)
    place = torch.searchsorted(total, uniform[:, None] * total.gather(1, kept - 1), right=True)
    return order.gather(1, torch.minimum(place, kept - 1))[:, 0], total[:, -1] >= wanted
