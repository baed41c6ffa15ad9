"""How a training goes: the paper's hyper-parameters as defaults, and the choices that fit it to a machine.

Knows numbers only. Steps are optimiser steps; ``batch`` counts packed sequences (QFT), pairs (QPO) or questions
(difficulty) of one.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Literal

from engine.config import values as checks
from engine.training.record import Kind
from store.errors import InputError


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")


@dataclass(frozen=True, slots=True)
class Settings:
    """``warmup``: share of all steps, or number of steps from 1 on. ``beta``: DPO's. ``micro_batch``: how much of a
    batch goes through the model at once at most; the rest is accumulated. ``limit``: rows used at most, drawn by the
    seed; 0 is all. ``held_out``: share of the rated questions that only the final figure sees. ``samples``: texts
    sampled before and after. ``checkpoint_minutes``: time between two checkpoints. Of QPO, ``fork``: the loss covers
    the token at which a pair parts; ``norm_only``: the last norm's scale alone is trained. Of a student, ``seeds``: how
    many are trained, on ``seed`` and the numbers after it; ``answer_tokens``: how long an answer may be.
    """

    lr: float
    batch: int
    max_length: int
    epochs: float = 1.0
    warmup: float = 0.03
    weight_decay: float = 0.0
    beta: float = 0.1
    seed: int = 0
    limit: int = 0
    held_out: float = 0.1
    samples: int = 64
    seeds: int = 1
    answer_tokens: int = 512
    micro_batch: int = 8
    gradient_checkpointing: bool = False
    fork: bool = False
    norm_only: bool = False
    lora: bool = False
    lora_rank: int = 16
    lora_alpha: int = 32
    lora_dropout: float = 0.05
    device: Literal["auto", "cpu", "cuda"] = "auto"
    checkpoint_minutes: float = 10.0

    def __post_init__(self) -> None:
        for name in ("lr", "epochs", "beta"):
            if not getattr(self, name) > 0.0:
                raise InputError(_flag(name), getattr(self, name), "is not above 0", "raise it")
        for name, least in (("batch", 1), ("micro_batch", 1), ("max_length", 8), ("lora_rank", 1), ("lora_alpha", 1),
                            ("seeds", 1), ("answer_tokens", 8)):  # fmt: skip
            checks.at_least(_flag(name), getattr(self, name), least)
        for name in ("warmup", "weight_decay", "seed", "limit", "samples", "checkpoint_minutes"):
            checks.at_least(_flag(name), getattr(self, name), 0)
        if self.norm_only and self.lora:
            raise InputError("--norm-only", True, "goes against --lora", "choose one of the two")
        checks.between(_flag("held_out"), self.held_out, 0.0, 0.5)
        checks.between(_flag("lora_dropout"), self.lora_dropout, 0.0, 0.9)

    @property
    def parts(self) -> tuple[int, int]:
        """(rows that go through the model at once, times that this makes a batch)."""
        size = next(n for n in range(min(self.micro_batch, self.batch), 0, -1) if self.batch % n == 0)
        return size, self.batch // size


DEFAULTS: dict[Kind, Settings] = {
    # Paper 2.1 and the authors' code: lr 2e-5 cosine, 3 % warm-up, one epoch, packed to 256 tokens, 32 a step.
    "qft": Settings(lr=2e-5, batch=32, max_length=256),
    # Paper 2.2 and the authors' code: DPO with beta 0.1, lr 5e-7 cosine, 20 warm-up steps, batch 128, one epoch.
    "qpo": Settings(lr=5e-7, batch=128, max_length=1024, warmup=20),
    # The paper names neither rate nor epochs of its scorer: customary values of a classifier.
    "difficulty": Settings(lr=1e-5, batch=32, max_length=512, epochs=3, warmup=0.05, weight_decay=0.01),
    # Customary values of instruction tuning: our notes on the paper have neither rate nor epochs of its students.
    "student": Settings(lr=1e-5, batch=128, max_length=2048, epochs=3, samples=32),
}


def settings(kind: Kind, **changes: Any) -> Settings:
    """The kind's defaults with these changes. InputError names a value that is none."""
    default = DEFAULTS[kind]
    values = {f.name: getattr(default, f.name) for f in fields(Settings)}
    return checks.make(Settings, {**values, **changes}, "")
