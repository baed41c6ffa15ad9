"""Each model as it is planned on the card: what it takes, how fast it writes or reads, how long it sleeps and wakes up.

The checks of the judge and of the reward model run on the same engines.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import psutil
import torch

from benchmarks.gpu import judge, reward
from benchmarks.gpu.calls import complete, score
from benchmarks.gpu.checks import Row, compared, rows_of
from engine.config.profiles import Profile, Role
from engine.config.sampling import Sampling
from engine.models import roofline
from engine.models.base import Request
from engine.models.launch_commands import models_of
from engine.models.load import open_score, open_text
from engine.models.model_cache import assignment_of
from engine.models.placed_models import gpus_here
from engine.models.sizes import size
from engine.models.vllm.engine import EngineModel, Memory

PART = "placement"
_GIB = 1 << 30
_SLACK = 1.05
"""Of the planned memory: what vLLM may exceed it by before the row fails."""
_LEAST_SPEED = 0.5
"""Of the roofline's tokens/s."""
_TOKENS = 128


@dataclass(frozen=True, slots=True)
class Planned:
    """A model's place on the card: its memory, slots, and the roofline's tokens/s; ``phase`` of ``phases``."""

    memory: Memory
    bytes: int
    slots: int
    tokens_per_s: float
    phase: int
    phases: int


def rows(profile: Profile, own_score: Callable[[Role], reward.Score], trained: bool) -> Iterator[Row]:
    for roles in models_of(profile):
        name = roles[0].model.rstrip("/").rpartition("/")[2]
        yield from rows_of(PART, name, lambda roles=roles, name=name: _model(profile, roles, name, own_score, trained))  # type: ignore[misc]


def _model(
    profile: Profile, roles: Sequence[Role], name: str, own_score: Callable[[Role], reward.Score], trained: bool
) -> Iterator[Row]:
    planned = planned_of(profile, roles[0])
    memory = planned.memory if planned else None
    if planned is not None:
        roles = [replace(role, slots=planned.slots) for role in roles]
    before, started = taken(), time.monotonic()
    model: Any = open_text(roles[0], memory) if roles[0].writes else open_score(roles[0], memory)
    seconds = time.monotonic() - started
    try:
        yield _memory(roles[0], name, planned, taken() - before)
        yield Row(PART, f"{name}: seconds to load", "minutes at most", f"{seconds:.1f}", "measured")
        yield _speed(roles, name, model, planned)
        for role in roles:
            if role.role == "judge" and role.writes:
                yield from rows_of(judge.PART, role.name, lambda role=role: judge.rows(role, model, trained))  # type: ignore[misc]
            if role.role == "reward":
                yield from rows_of(reward.PART, role.name, lambda role=role: reward.rows(role, model, own_score(role)))  # type: ignore[misc]
        if isinstance(model, EngineModel):
            yield _switch(name, model, planned)
    finally:
        model.close()


def planned_of(profile: Profile, role: Role) -> Planned | None:
    """None without a GPU, and for a model that isn't planned on one. InputError where a model doesn't fit."""
    if not torch.cuda.is_available():
        return None
    gpus = gpus_here()
    assert gpus is not None
    plans = [group.plan for group in assignment_of(profile, replace(gpus, devices=gpus.devices[:1])).groups]
    found = [(plan, i) for plan in plans for i, need in enumerate(plan.needs) if role in need.roles]
    if not found:
        return None
    plan, place = found[0]
    need, kv = plan.needs[place], plan.kv_bytes[place]
    known = any(card.name.split(",")[0] in gpus.card.name for card in roofline.CARDS)
    speed = roofline.written_per_s(need, kv, gpus.card) if role.writes else roofline.read_per_s(need, gpus.card)
    phase = next(i for i, places in enumerate(plan.phases) if place in places)
    memory = Memory(kv, plan.share(place), need.step_tokens)
    return Planned(memory, plan.memory(place), plan.slots(place), speed * known, phase + 1, len(plan.phases))


def taken() -> int:
    """Bytes in use: of the first GPU, else of this process and its children."""
    if torch.cuda.is_available():
        free, total = torch.cuda.mem_get_info(0)
        return int(total - free)
    here = psutil.Process()
    return int(sum(one.memory_info().rss for one in (here, *here.children(recursive=True))))


def _memory(role: Role, name: str, planned: Planned | None, measured: int) -> Row:
    if planned is None:
        weights = size(role).weight_bytes or 0
        return Row(PART, f"{name}: memory", f"weights {_said(weights)}", f"{_said(measured)} of RAM", "measured")
    sentence = f"it takes {_said(measured - planned.bytes)} more than planned: others of its phase may not load."
    expected = f"{_said(planned.bytes)}, phase {planned.phase} of {planned.phases}"
    good = measured <= _SLACK * planned.bytes
    return compared(PART, f"{name}: memory", expected, _said(measured), good, sentence)


def _speed(roles: Sequence[Role], name: str, model: Any, planned: Planned | None) -> Row:
    role, slots = roles[0], planned.slots if planned else max(role.slots for role in roles) or 64
    run = _written if role.writes else _read
    run(role, model, slots)  # once to warm up
    started = time.monotonic()
    rate = run(role, model, slots) / (time.monotonic() - started)
    what = f"{name}: tokens/s {'written' if role.writes else 'read'}, {slots} at once"
    if planned is None or not planned.tokens_per_s:
        return Row(PART, what, "a GPU of known speed", f"{rate:,.0f}", "measured")
    share = rate / planned.tokens_per_s
    sentence = f"it reaches {share:.0%} of what the plan counts on: hours will be longer by that."
    return compared(PART, what, f"{planned.tokens_per_s:,.0f}", f"{rate:,.0f}", share >= _LEAST_SPEED, sentence)


def _written(role: Role, model: Any, slots: int) -> int:
    sampling = Sampling(1.0, 1.0, min(_TOKENS, role.max_tokens))
    asked = [Request(f"s{i}", role.template.render(f"What is {i} + {i}?"), sampling, i) for i in range(slots)]
    return sum(answer.tokens for answer in complete(model, asked))


def _read(role: Role, model: Any, slots: int) -> int:
    begun = time.monotonic_ns()  # makes every text new from its beginning: vLLM doesn't compute again what it has read
    firsts = [role.template.render(f"{begun + i}. {reward.QUESTION}") for i in range(slots)]
    seconds = [reward.SOLUTIONS[i % 2] * 4 + role.template.end for i in range(slots)]
    return score(model, list(zip(firsts, seconds, strict=True))).tokens


def _switch(name: str, model: EngineModel, planned: Planned | None) -> Row:
    started = time.monotonic()
    model.sleep()
    slept, left = time.monotonic() - started, taken()
    model.wake()
    woken = time.monotonic() - started - slept
    measured = f"{slept:.1f} and {woken:.1f}" + (f"; {_said(left)} in use asleep" if planned else "")
    return Row(PART, f"{name}: seconds to sleep and to wake up", "seconds", measured, "measured")


def _said(size_bytes: int) -> str:
    return f"{size_bytes / _GIB:.1f} GiB" if abs(size_bytes) >= _GIB // 10 else f"{size_bytes / 2**20:.1f} MiB"
