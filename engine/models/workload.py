"""How much each model of a profile has to read and write, and how long that should take it on a card.

Counts are those of ``run_plan``, texts have the paper's published lengths, speed is the roofline's. So the figures
compare plans; they are no promise.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from engine.config.profiles import Profile, Role
from engine.config.run_config import RunConfig
from engine.config.run_plan import StagePlan, run_plan
from engine.models import roofline
from engine.models.needs import Need
from engine.models.roofline import Card
from engine.models.sizes import size

PAIRS = 1_000_000
_QUESTION, _SOLUTION, _REPLY = 60, 420, 250
"""Tokens: the published texts' medians are 166 and 1,101 characters; a judge's reply is assumed."""
_INSTRUCTION, _PREFIX = 100, 20
"""Tokens of a template around a question, and of one before it."""
_HELD = {
    "generator": _PREFIX + _QUESTION // 2,
    "judge": _INSTRUCTION + _QUESTION + _REPLY // 2,
    "solver": _INSTRUCTION + _QUESTION + _SOLUTION // 2,
}
"""Tokens in a sequence's cache while it is written, on average."""
_STAGE = {"judge": "solvability", "difficulty": "difficulty", "solver": "solution", "reward": "pair"}
_LONG, _WRITTEN = 8192, 0.4
"""A solver that may write more tokens than this thinks first, and writes this share of its limit: ScaleDiff's published
solutions have 42 kB each, about 13,000 tokens, at a limit of 32,768."""


@dataclass(frozen=True, slots=True)
class Work:
    """One model's work: texts that it writes or scores, tokens that it reads and writes for all of them, what it writes
    (or reads, where it writes nothing) a second in one copy, and the hours that one copy would take."""

    roles: tuple[str, ...]
    model: str
    calls: int
    read: float
    written: float
    tokens_per_s: float
    hours: float


def usual_stages(profile: Profile) -> list[StagePlan]:
    """The stages of a run for a million pairs."""
    return run_plan(RunConfig(profile=profile, accepted=PAIRS))


def names_of(roles: Sequence[Role]) -> tuple[str, ...]:
    """As they are named to the user: generators with their own name."""
    return tuple(f"{role.role} {role.name}" if role.role == "generator" else role.role for role in roles)


def work_of(stages: Sequence[StagePlan], need: Need, kv_bytes: int, card: Card) -> Work:
    """The work of one model with this much cache, on a card or on as many as it is spread over."""
    tokens = [_tokens(stages, role) for role in need.roles]
    read, written = float(sum(one[0] for one in tokens)), float(sum(one[1] for one in tokens))
    held = max(map(_held, need.roles), default=0)
    token = size(need.roles[0]).kv_bytes or 0
    typical = replace(need, sequence_bytes=held * token // need.tensor_parallel)
    reading, writing = roofline.read_per_s(need, card), roofline.written_per_s(typical, kv_bytes, card)
    hours = (read / reading + written / writing) / 3600
    calls = sum(calls_of(stages, role) for role in need.roles)
    speed = writing if written else reading
    return Work(names_of(need.roles), need.roles[0].model, calls, read, written, speed, hours)


def _solution(solver: Role) -> int:
    """Tokens of one of its solutions."""
    return _SOLUTION if solver.max_tokens <= _LONG else round(_WRITTEN * solver.max_tokens)


def _held(role: Role) -> int:
    """``_HELD``, with the longer solutions of a solver that thinks first."""
    longer = _solution(role) - _SOLUTION if role.role == "solver" else 0
    return _HELD.get(role.role, 0) + longer // 2


def calls_of(stages: Sequence[StagePlan], role: Role) -> int:
    """Texts that a role writes, or scores, in the whole run."""
    if role.role == "generator":
        return sum(one.calls for one in stages if one.stage == "generated" and one.by == role.name)
    return _planned(stages, role).calls


def expected_costs(config: RunConfig, stages: Sequence[StagePlan]) -> list[float | None]:
    """USD that each stage will cost at its role's prices; None where it has none. Servers bill the prompt of every
    sample."""
    generators = {one.name: one for one in config.profile.generators}
    roles = {_STAGE[one.role]: one for one in config.profile.roles if one.role in _STAGE}
    costs: list[float | None] = []
    for stage in stages:
        role = generators[stage.by] if stage.stage == "generated" else roles.get(stage.stage)
        if role is None or not role.priced:
            costs.append(None)
        else:
            read, written = _tokens(stages, role)
            prompts = stage.calls / max(stage.entered, 1) if role.role == "solver" else role.n
            costs.append(role.cost(read * prompts, written))
    return costs


def _tokens(stages: Sequence[StagePlan], role: Role) -> tuple[int, int]:
    """Tokens that a role reads and writes in the whole run."""
    calls = calls_of(stages, role)
    if role.role == "generator":
        return 0, calls * _QUESTION
    if role.role == "judge":
        return calls * (_INSTRUCTION + _QUESTION), calls * _REPLY if role.writes else 0
    if role.role == "solver":  # a prompt is read once for all samples
        return _planned(stages, role).entered * (_INSTRUCTION + _QUESTION), calls * _solution(role)
    return calls * (_QUESTION + (_SOLUTION if role.role == "reward" else 0)), 0


def _planned(stages: Sequence[StagePlan], role: Role) -> StagePlan:
    return next(one for one in stages if one.stage == _STAGE[role.role])
