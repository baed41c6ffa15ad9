"""What a million pairs by the paper's method should take on these cards, before anything is loaded.

Rows follow the paper's shares (section 4), texts its published lengths, speed the roofline of ``roofline``. So the
figures compare plans; they are no promise. The paper needed 38 h for questions, 111 for filters, 251 for solutions and
112 for rewards on A100 cards of 40 GB, with slower software than this plans for (section 6).
"""

from __future__ import annotations

from dataclasses import dataclass

from engine.config.profiles import Profile, Role
from engine.config.run_plan import DIFFICULTY, LANGUAGE, SOLVABILITY
from engine.models import placement, roofline
from engine.models.launch_commands import models_of, names_of, spread
from engine.models.roofline import Card

PAIRS = 1_000_000
_KEPT = 1 - LANGUAGE - SOLVABILITY - DIFFICULTY
_GENERATED, _JUDGED, _SCORED = 1 / _KEPT, (1 - LANGUAGE) / _KEPT, (1 - LANGUAGE - SOLVABILITY) / _KEPT
"""Questions for each pair that reach the generators, the judge and the difficulty scorer."""
_QUESTION, _SOLUTION, _REPLY = 60, 420, 250
"""Tokens: the published texts' medians are 166 and 1,101 characters; a judge's reply is assumed."""
_INSTRUCTION = 100
"""Tokens of a template around a question."""


@dataclass(frozen=True, slots=True)
class Work:
    """One model's work: tokens that it reads and writes for all pairs, what it writes or reads a second on one card,
    and the hours of one card."""

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


def expected(profile: Profile, card: Card, cards: int, pairs: int = PAIRS) -> Expected:
    """By the faster of two ways: a run on each card, its models taking turns where they don't fit together, or servers,
    each on a card of its own. InputError for a model that is too large for the card."""
    needs = [placement.need(roles) for roles in models_of(profile)]
    plan = placement.plan(needs, card.memory_bytes)
    work = tuple(_work(profile, need, kv, card, pairs) for need, kv in zip(needs, plan.kv_bytes, strict=True))
    hours = sum(one.hours for one in work) / cards
    sentence = plan.sentence if cards == 1 else "One run on each card, as on one; merge the workspaces afterwards."
    if not needs or cards < len(needs):
        return Expected(card.name, cards, sentence, work, hours)
    alone = [placement.plan([need], card.memory_bytes).kv_bytes[0] for need in needs]
    served = tuple(_work(profile, need, kv, card, pairs) for need, kv in zip(needs, alone, strict=True))
    places = [place for place, _, _ in spread([need.roles for need in needs], cards)]
    served_hours = max(one.hours / places.count(place) for place, one in enumerate(served))
    if served_hours >= hours:
        more = f"{sentence} Servers with one model each would take {served_hours:,.0f} h."
        return Expected(card.name, cards, more, work, hours)
    counts = ", ".join(f"{places.count(place)} for {', '.join(one.roles)}" for place, one in enumerate(served))
    return Expected(card.name, cards, f"Servers with one model each: {counts}.", served, served_hours)


def _work(profile: Profile, need: placement.Need, kv_bytes: int, card: Card, pairs: int) -> Work:
    tokens = [_tokens(profile, role) for role in need.roles]
    read, written = pairs * sum(one[0] for one in tokens), pairs * sum(one[1] for one in tokens)
    reading, writing = roofline.read_per_s(need, card), roofline.written_per_s(need, kv_bytes, card)
    hours = (read / reading + written / writing) / 3600
    return Work(names_of(need.roles), need.roles[0].model, read, written, writing if written else reading, hours)


def _tokens(profile: Profile, role: Role) -> tuple[float, float]:
    """Tokens that a role reads and writes for each pair."""
    if role.role == "generator":
        questions = _GENERATED * role.share / sum(one.share for one in profile.generators)
        return 0.0, questions * _QUESTION
    if role.role == "judge":
        return _JUDGED * (_INSTRUCTION + _QUESTION), _JUDGED * _REPLY if role.writes else 0.0
    if role.role == "difficulty":
        return _SCORED * _QUESTION, 0.0
    if role.role == "solver":  # the prompt is read once for all samples
        return _INSTRUCTION + _QUESTION, float(role.n * _SOLUTION)
    return profile.solver.n * float(_QUESTION + _SOLUTION), 0.0
