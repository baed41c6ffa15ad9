"""Sampling parameters of a text model."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sampling:
    """How to continue a prefix. ``temperature`` 0 is greedy; ``top_p`` 1.0 is off; ``max_tokens`` counts new tokens;
    ``stop`` strings end the text and are not part of it."""

    temperature: float = 1.0
    top_p: float = 1.0
    max_tokens: int = 512
    stop: tuple[str, ...] = ()
