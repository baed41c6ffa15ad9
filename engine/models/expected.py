"""What a million pairs by the paper's method should take on these cards, before anything is loaded.

Counts are those of ``run_plan``, texts have the paper's published lengths, speed is the roofline's. So the figures
compare plans; they are no promise. The paper needed 38 h for questions, 111 for filters, 251 for solutions and 112 for
rewards on A100 cards of 40 GB (section 6).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from engine.config.profiles import Profile, Role
from engine.config.run_config import RunConfig
from engine.config.run_plan import StagePlan, run_plan
from engine.models import placement, roofline
from engine.models.launch_commands import models_of, names_of, place_servers
from engine.models.placement import Need
from engine.models.roofline import Card
from engine.models.sizes import size
from store.errors import InputError

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


@dataclass(frozen=True, slots=True)
class Work:
    """One model's work: tokens that it reads and writes for all pairs, what it writes (or reads, where it writes
    nothing) a second on one card, and the hours of one card."""

    roles: tuple[str, ...]
    model: str
    read: float
    written: float
    tokens_per_s: float
    hours: float


@dataclass(frozen=True, slots=True)
class Expected:
    """``sentence``: how the models share the cards. ``hours``: from first to last, on all cards."""

    card: str
    cards: int
    sentence: str
    work: tuple[Work, ...]
    hours: float


def expected(config: RunConfig, card: Card, cards: int) -> Expected:
    """Of models in process by the faster of two ways: a run on each card, its models taking turns where they don't fit
    together, or servers, each on a card of its own. Of servers by these. InputError where a model is too large for the
    card or of unknown size, or where servers don't fit the cards."""
    needs = [placement.need(roles) for roles in models_of(config.profile)]
    for need in needs:
        if not need.weight_bytes:
            name = f"{need.roles[0].role}.model"
            raise InputError(name, need.roles[0].model, "has an unknown size", "give its hub id or its folder")
    plan = placement.plan(needs, card.memory_bytes)
    stages = run_plan(config)
    work = tuple(_work(stages, need, kv, card) for need, kv in zip(needs, plan.kv_bytes, strict=True))
    together = Expected(card.name, cards, plan.sentence, work, sum(one.hours for one in work) / cards)
    if cards > 1:
        together = replace(together, sentence="One run on each card, as on one; merge the workspaces afterwards.")
    if _is_served(config.profile):
        return _served(stages, needs, card, cards)
    if cards < len(needs) or not needs:
        return together
    served = _served(stages, needs, card, cards)
    if served.hours < together.hours:
        return served
    return replace(together, sentence=f"{together.sentence} A server for each model would take {served.hours:,.0f} h.")


def _is_served(profile: Profile) -> bool:
    return any(role.urls for role in profile.roles)


def _served(stages: list[StagePlan], needs: list[Need], card: Card, cards: int) -> Expected:
    """A server or more for each model; with fewer cards than models some share a card and its time."""
    placed = place_servers([need.roles for need in needs], cards, card.memory_bytes)
    shared = placement.plan(needs, card.memory_bytes).kv_bytes
    alone = [placement.plan([need], card.memory_bytes).kv_bytes[0] for need in needs]
    caches = alone if cards >= len(needs) else shared
    work = tuple(_work(stages, need, kv, card) for need, kv in zip(needs, caches, strict=True))
    copies = [sum(place == other for other, _, _ in placed) for place in range(len(needs))]
    busy = [0.0] * cards
    for place, gpu, _ in placed:
        busy[gpu] += work[place].hours / copies[place]
    names = "; ".join(f"{copies[place]} for {', '.join(one.roles)}" for place, one in enumerate(work))
    return Expected(card.name, cards, f"Servers: {names}.", work, max(busy))


def _work(stages: list[StagePlan], need: Need, kv_bytes: int, card: Card) -> Work:
    tokens = [_tokens(stages, role) for role in need.roles]
    read, written = float(sum(one[0] for one in tokens)), float(sum(one[1] for one in tokens))
    held = max((_HELD.get(role.role, 0) for role in need.roles), default=0)
    typical = replace(need, sequence_bytes=held * (size(need.roles[0]).kv_bytes or 0))
    reading, writing = roofline.read_per_s(need, card), roofline.written_per_s(typical, kv_bytes, card)
    hours = (read / reading + written / writing) / 3600
    return Work(names_of(need.roles), need.roles[0].model, read, written, writing if written else reading, hours)


def _tokens(stages: list[StagePlan], role: Role) -> tuple[int, int]:
    """Tokens that a role reads and writes in the whole run."""
    stage = {"judge": "solvability", "difficulty": "difficulty", "solver": "solution", "reward": "pair"}.get(role.role)
    if stage is None:
        return 0, sum(one.calls for one in stages if one.stage == "generated" and one.by == role.name) * _QUESTION
    (planned,) = [one for one in stages if one.stage == stage]
    if role.role == "judge":
        return planned.calls * (_INSTRUCTION + _QUESTION), planned.calls * _REPLY if role.writes else 0
    if role.role == "solver":  # a prompt is read once for all samples
        return planned.entered * (_INSTRUCTION + _QUESTION), planned.calls * _SOLUTION
    return planned.calls * (_QUESTION + (_SOLUTION if role.role == "reward" else 0)), 0
