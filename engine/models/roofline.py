"""How fast a model should write and read on a card: a roofline of its memory bandwidth and its arithmetic.

A step of decoding reads the weights once and every sequence's key-value cache; it takes as long as the slower of moving
those bytes and doing two operations a parameter and sequence. Reading a prompt is arithmetic alone. Nothing is loaded;
what a real engine reaches of a card's stated figures is assumed (``MOVED``, ``COMPUTED``), not measured here.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from engine.models.needs import GIB, Need

MOVED, COMPUTED = 0.6, 0.4
"""Shares of a card's bandwidth and of its arithmetic that an engine reaches: assumed."""
SPREAD = 0.9
"""What is left of the speed, at each doubling of the cards that a copy is spread over, after they talk: assumed."""


@dataclass(frozen=True, slots=True)
class Card:
    """``bandwidth`` in bytes/s and ``flops`` (dense bfloat16) as the maker states them."""

    name: str
    memory_bytes: int
    bandwidth: float
    flops: float


CARDS = (
    Card("RTX 4090, 24 GiB", 24 * GIB, 1.008e12, 165e12),
    Card("A100, 40 GiB", 40 * GIB, 1.555e12, 312e12),
    Card("A100, 80 GiB", 80 * GIB, 2.039e12, 312e12),
    Card("H100, 80 GiB", 80 * GIB, 3.35e12, 989e12),
    Card("H200, 141 GiB", 141 * GIB, 4.8e12, 989e12),
)


def written_per_s(need: Need, kv_bytes: int, card: Card) -> float:
    """Tokens/s that a model writes with this much cache, over all its sequences. ``need`` has the slots that it may
    use and the cache of one sequence."""
    slots = max(1, min(need.slots, kv_bytes // max(1, need.sequence_bytes)))
    weights = max(1, need.weight_bytes)
    moved = (weights + slots * need.sequence_bytes) / (MOVED * card.bandwidth)
    computed = slots * weights / (COMPUTED * card.flops)  # 2 operations a parameter of 2 bytes
    return _spread(need) * slots / max(moved, computed)


def read_per_s(need: Need, card: Card) -> float:
    """Tokens/s that a model reads in full batches."""
    return _spread(need) * COMPUTED * card.flops / max(1, need.weight_bytes)


def card_of(memory_bytes: int, name: str = "") -> Card:
    """The known card that this one's name or memory is nearest to, with its own name and memory: its speed is what the
    plan goes by, where only relations count."""
    named = [card for card in CARDS if card.name.partition(",")[0].lower().split()[-1] in name.lower()]
    nearest = min(named or CARDS, key=lambda card: abs(card.memory_bytes - memory_bytes))
    return replace(nearest, name=name or nearest.name, memory_bytes=memory_bytes)


def _spread(need: Need) -> float:
    return math.pow(SPREAD, math.log2(need.tensor_parallel))
