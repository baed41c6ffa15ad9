"""What a million pairs by the paper's method should take on these cards, before anything is loaded.

The paper needed 38 h for questions, 111 for filters, 251 for solutions and 112 for rewards on A100 cards of 40 GB
(section 6).
"""

from __future__ import annotations

from dataclasses import dataclass

from engine.config.profiles import Profile
from engine.config.run_config import RunConfig
from engine.config.run_plan import run_plan
from engine.models.assignment import Assignment, assign
from engine.models.assignment_report import lines
from engine.models.launch_commands import models_of
from engine.models.needs import check_size
from engine.models.roofline import Card
from engine.models.workload import Work


@dataclass(frozen=True, slots=True)
class Expected:
    """``lines``: what is on each card and why. ``work``: of each model, by one copy. ``hours``: of all pairs."""

    card: str
    cards: int
    lines: tuple[str, ...]
    work: tuple[Work, ...]
    hours: float


def expected(config: RunConfig, card: Card, cards: int) -> Expected:
    """Of models in process, or of servers where the profile names some. InputError where a model is too large for the
    cards or of unknown size, or where servers don't fit them."""
    models = models_of(config.profile)
    for roles in models:
        check_size(roles[0])
    made = assign(models, run_plan(config), card, cards, turns=not is_served(config.profile))
    return Expected(card.name, cards, tuple(lines(made)), _work(made), made.hours)


def is_served(profile: Profile) -> bool:
    """Whether the profile's models are behind servers."""
    return any(role.urls for role in profile.roles)


def _work(made: Assignment) -> tuple[Work, ...]:
    """The work of each model, in the order of the roles."""
    found = {place: work for group in made.groups for place, work in zip(group.models, group.work, strict=True)}
    return tuple(found[place] for place in sorted(found))
