"""Settings of a training: the paper's hyper-parameters as defaults, and the choices that fit it to a machine.

Steps are optimiser steps; ``batch`` counts packed sequences (QFT), pairs (QPO) or questions (difficulty) of one step.
"""

from dataclasses import asdict
from typing import Annotated, Any, Literal

from pydantic import Field

from engine.config.sampling import Count
from engine.config.validation import validate, validated_dataclass
from engine.training.record import Kind
from store.errors import InputError

Positive = Annotated[float, Field(gt=0.0)]
Natural = Annotated[int, Field(ge=0)]
NotNegative = Annotated[float, Field(ge=0.0)]


@validated_dataclass
class Settings:
    """``warmup``: share of all steps, or number of steps from 1 on. ``schedule``: how the rate falls after it, to 0.
    ``beta``: DPO's. ``micro_batch``: how much of a batch goes through the model at once at most; the rest is
    accumulated. ``gpus``: processes, a GPU each, that share each batch and the model. ``low_memory``: bfloat16 weights
    and moments, and gradient checkpointing, on one GPU. ``limit``: rows used at most, drawn by the seed; 0 is all.
    ``held_out``: share of the rated questions that only the final figure sees. ``samples``: texts sampled before and
    after. ``checkpoint_minutes``: time between two checkpoints. Of QPO, ``fork``: the loss covers the token at which a
    pair parts; ``norm_only``: the last norm's scale alone is trained. Of a student, ``seeds``: how many are trained, on
    ``seed`` and the numbers after it; ``answer_tokens``: how long an answer may be. ``dtype``: what passes are computed
    in; auto is bfloat16 on a GPU and float32 on a CPU, many of which multiply bfloat16 twice as fast. Of QFT,
    ``whole_texts``: a packed sequence ends before a question that does not fit, instead of cutting it.
    """

    lr: Positive
    batch: Count
    max_length: Annotated[int, Field(ge=8)]
    epochs: Positive = 1.0
    warmup: NotNegative = 0.03
    schedule: Literal["cosine", "linear"] = "cosine"
    weight_decay: NotNegative = 0.0
    beta: Positive = 0.1
    seed: Natural = 0
    limit: Natural = 0
    held_out: Annotated[float, Field(ge=0.0, le=0.5)] = 0.1
    samples: Natural = 64
    seeds: Count = 1
    answer_tokens: Annotated[int, Field(ge=8)] = 2048
    micro_batch: Count = 8
    gradient_checkpointing: bool = False
    gpus: Count = 1
    low_memory: bool = False
    fork: bool = False
    norm_only: bool = False
    lora: bool = False
    lora_rank: Count = 16
    lora_alpha: Count = 32
    lora_dropout: Annotated[float, Field(ge=0.0, le=0.9)] = 0.05
    device: Literal["auto", "cpu", "cuda"] = "auto"
    dtype: Literal["auto", "float32", "bfloat16"] = "auto"
    whole_texts: bool = False
    checkpoint_minutes: NotNegative = 10.0

    def __post_init__(self) -> None:
        if self.norm_only and self.lora:
            raise InputError("norm_only", True, "excludes --lora", "choose one of the two")
        if self.gpus > 1 and self.lora:
            raise InputError("gpus", self.gpus, "cannot be used with --lora", "adapters train on one GPU: leave it out")
        if self.low_memory and (self.lora or self.gpus > 1):
            other = "--lora" if self.lora else f"--gpus {self.gpus}"
            raise InputError("low_memory", True, f"excludes {other}", "it trains all weights on one GPU: leave one out")
        if self.batch % self.gpus:
            problem = f"cannot be divided among {self.gpus} GPUs"
            raise InputError("batch", self.batch, problem, f"use a multiple of {self.gpus}")

    @property
    def parts(self) -> tuple[int, int]:
        """(rows that go through the model at once on each GPU, times that this makes a GPU's share of a batch)."""
        share = self.batch // self.gpus
        size = next(n for n in range(min(self.micro_batch, share), 0, -1) if share % n == 0)
        return size, share // size


DEFAULTS: dict[Kind, Settings] = {
    # Paper 2.1 and the authors' code: lr 2e-5 cosine, 3 % warm-up, one epoch, packed to 256 tokens, 32 a step.
    "qft": Settings(lr=2e-5, batch=32, max_length=256),
    # Paper 2.2 and the authors' code: DPO with beta 0.1, lr 5e-7 cosine, 20 warm-up steps, batch 128, one epoch.
    "qpo": Settings(lr=5e-7, batch=128, max_length=1024, warmup=20),
    # The paper names neither rate nor epochs of its scorer: customary values of a classifier.
    "difficulty": Settings(lr=1e-5, batch=32, max_length=512, epochs=3, warmup=0.05, weight_decay=0.01),
    # As the scorer of difficulty: the same model with another target.
    "judge": Settings(lr=1e-5, batch=32, max_length=512, epochs=3, warmup=0.05, weight_decay=0.01),
    # Customary values of instruction tuning: our notes on the paper have neither rate nor epochs of its students.
    "student": Settings(lr=1e-5, batch=128, max_length=2048, epochs=3, samples=32),
}


def settings(kind: Kind, **changes: Any) -> Settings:
    """The kind's defaults with these changes. InputError names the flag of a value that is out of range."""
    try:
        return validate(Settings, {**asdict(DEFAULTS[kind]), **changes})
    except InputError as error:
        flag = "--" + error.field.replace("_", "-")
        raise InputError(flag, error.value, error.problem, error.remedy) from None
