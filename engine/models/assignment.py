"""Which models are on which cards: one plan for models in process, for servers, and for what ``doctor`` expects.

Every way to put the models into groups is tried. A group's models are together on a card, or take turns there; further
cards go, one after another, to the group that takes longest. Of the ways that take at most ``TOLERANCE`` times the
hours of the fastest, the one with the fewest engines is taken: each costs memory, a start, and something that may fail.
So light models share a card where that frees one for a heavy model, and nowhere else. Hours are the roofline's.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

from engine.config.profiles import Role
from engine.config.run_plan import StagePlan
from engine.models.needs import USABLE, check_size, is_local, need
from engine.models.placement import Plan, plan
from engine.models.roofline import Card
from engine.models.sizes import size
from engine.models.workload import Work, work_of
from store.errors import InputError

TOLERANCE = 1.1
TURNS = 1.1
"""Hours of models that take turns, relative to those without the switching: assumed."""
_MOST_UNITS = 5
"""Models beyond so many are merged, the lightest first: there are 52 ways to group five."""


@dataclass(frozen=True, slots=True)
class Group:
    """Cards with the same models. ``models``: places in the assignment's; ``cards``: their numbers, of which each
    ``tensor_parallel`` hold one copy of every model; ``plan``: of one copy; ``work``: each model's whole work by one
    copy."""

    models: tuple[int, ...]
    cards: tuple[int, ...]
    plan: Plan
    work: tuple[Work, ...]

    @property
    def tensor_parallel(self) -> int:
        return max((one.tensor_parallel for one in self.plan.needs), default=1)

    @property
    def first_cards(self) -> tuple[int, ...]:
        """The first card of each copy."""
        return self.cards[:: self.tensor_parallel]

    @property
    def takes_turns(self) -> bool:
        return len(self.plan.phases) > 1


@dataclass(frozen=True, slots=True)
class Assignment:
    """``models``: the roles of each; ``groups``: what is on each card; cards in no group are idle."""

    models: tuple[tuple[Role, ...], ...]
    groups: tuple[Group, ...]
    card: Card
    cards: int

    def copies(self, model: int) -> int:
        return sum(len(group.first_cards) for group in self.groups if model in group.models)

    def hours_of(self, group: Group) -> float:
        """Hours that a group's cards are busy: each model's work is divided among all its copies."""
        each = sum(work.hours / self.copies(one) for one, work in zip(group.models, group.work, strict=True))
        return each * (TURNS if group.takes_turns else 1.0)

    @property
    def hours(self) -> float:
        """Hours of all the work: those of the group that takes longest."""
        return max(map(self.hours_of, self.groups), default=0.0)

    @property
    def engines(self) -> int:
        return sum(map(self.copies, range(len(self.models))))


def assign(
    models: Sequence[Sequence[Role]], stages: Sequence[StagePlan], card: Card, cards: int, turns: bool = True
) -> Assignment:
    """Assign the models, each with the roles that it plays, to so many equal cards.

    Roles with a device of their own keep it; the others are spread over the cards that no role names, or are on the
    first where there is none. ``turns``: whether models may take turns (not as servers). InputError for a model that
    fits no card or whose size is unknown, and where servers do not fit the cards.
    """
    known = tuple(map(tuple, models))
    for roles in known:
        if not is_local(roles[0]):  # an engine of vLLM takes as much as it is told to
            check_size(roles[0])
    search = _Search(known, stages, card, turns)
    pinned = _pinned(known, cards)
    named = set(chain.from_iterable(cards_of for cards_of, _ in pinned))
    auto = [place for place in range(len(known)) if not any(place in places for _, places in pinned)]
    free = [number for number in range(cards) if number not in named]
    if auto and not free:
        pinned[0] = (pinned[0][0], (*pinned[0][1], *auto))
        auto = []
    groups = [search.group(places, cards_of) for cards_of, places in pinned]
    if auto and all(is_local(known[place][0]) for place in auto):
        groups.append(search.group(tuple(auto), tuple(free[:1])))  # they share this process, and gain little from cards
    elif auto:
        groups += search.spread(auto, free, len(named))
    return Assignment(known, tuple(groups), card, cards)


def _pinned(models: Sequence[Sequence[Role]], cards: int) -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
    """(cards, models) of the roles that name devices, each copy's cards by itself."""
    found: dict[tuple[int, ...], list[int]] = {}
    for place, roles in enumerate(models):
        for device in roles[0].device.split(","):
            if device.strip() == "auto":
                continue
            first, wide = int(device.strip().partition(":")[2] or 0), max(role.tensor_parallel for role in roles)
            if first + wide > cards:
                problem = f"needs {first + wide} GPUs, and there {'is' if cards == 1 else 'are'} {cards}"
                raise InputError(f"{roles[0].role}.device", roles[0].device, problem, "use auto or cpu")
            found.setdefault(tuple(range(first, first + wide)), []).append(place)
    numbers = list(chain.from_iterable(found))
    for spans, places in found.items():
        if any(numbers.count(number) > 1 for number in spans):
            role = models[places[0]][0]
            remedy = "give both roles the same device and tensor_parallel"
            raise InputError(f"{role.role}.device", role.device, "overlaps with the GPUs of another role", remedy)
    return [(spans, tuple(places)) for spans, places in sorted(found.items())]


class _Search:
    """Finds groups of models and their cards."""

    def __init__(
        self, models: Sequence[tuple[Role, ...]], stages: Sequence[StagePlan], card: Card, turns: bool
    ) -> None:
        self._models, self._stages, self._card, self._turns = models, stages, card, turns
        self._known: dict[tuple[tuple[int, ...], int], Group | None] = {}

    def group(self, places: tuple[int, ...], cards: tuple[int, ...]) -> Group:
        """These models on these cards, which hold one copy. InputError where that is impossible."""
        needs = [need(self._models[place], self._card.memory_bytes, len(cards)) for place in places]
        planned = plan(needs, self._card.memory_bytes)
        if len(planned.phases) > 1 and not self._turns:
            raise _too_few(len(self._models), 1, len(planned.phases))
        work = [work_of(self._stages, one, kv, self._card) for one, kv in zip(needs, planned.kv_bytes, strict=True)]
        return Group(places, cards, planned, tuple(work))

    def spread(self, places: Sequence[int], cards: Sequence[int], others: int) -> list[Group]:
        """The best groups of these models on these cards; so many ``others`` have models of their own."""
        spans = {place: self._span(place, len(cards)) for place in places}
        units = self._units(places, spans)
        best: Assignment | None = None
        for count in range(1, len(cards) + 1):  # never slower than with one card less, which then stays idle
            best = self._best(units, spans, cards[:count], best) or best
        if best is None and self._turns:  # too many engines sleep on a card: the plan says how much they keep
            return [self.group(tuple(sorted(places)), tuple(cards[: max(spans.values())]))]
        if best is None:
            fewest = next((n for n in range(len(cards) + 1, sum(spans.values()) + 1)
                           if self._best(units, spans, range(n), None)), sum(spans.values()))  # fmt: skip
            raise _too_few(len(self._models), len(cards) + others, fewest + others)
        return list(best.groups)

    def _span(self, place: int, cards: int) -> int:
        """Cards that a copy of the model is spread over: those of the profile, or as few as hold it."""
        roles, usable = self._models[place], int(USABLE * self._card.memory_bytes)
        heads = size(roles[0]).heads or 0
        wide = max(role.tensor_parallel for role in roles)
        if heads % wide or wide > cards:
            problem = f"does not divide the {heads} attention heads" if heads % wide else f"is more than {cards} GPUs"
            raise InputError(f"{roles[0].role}.tensor_parallel", wide, problem, "use a smaller power of two")
        while need(roles, self._card.memory_bytes, wide).least > usable:
            if is_local(roles[0]) or 2 * wide > cards or heads % (2 * wide):
                plan([need(roles, self._card.memory_bytes, wide)], self._card.memory_bytes)  # says what it needs
            wide *= 2
        return wide

    def _units(self, places: Sequence[int], spans: dict[int, int]) -> list[tuple[int, ...]]:
        """The models one by one; of more than ``_MOST_UNITS`` the lightest are merged."""
        units: list[tuple[int, ...]] = [(place,) for place in places]
        hours = {place: self._hours(place, spans[place]) for place in places}
        while len(units) > _MOST_UNITS:
            units.sort(key=lambda unit: sum(hours[place] for place in unit), reverse=True)
            units[-2:] = [units[-2] + units[-1]]
        return units

    def _hours(self, place: int, wide: int) -> float:
        alone = self._together((place,), wide)
        return alone.work[0].hours if alone is not None else 0.0

    def _together(self, places: tuple[int, ...], wide: int) -> Group | None:
        """One copy of these models; None where they can't be on the same cards."""
        key = (places, wide)
        if key not in self._known:
            heads = [size(self._models[place][0]).heads or 0 for place in places]
            local = wide > 1 and any(is_local(self._models[place][0]) for place in places)
            try:
                fits = not local and not any(number % wide for number in heads)
                self._known[key] = self.group(places, tuple(range(wide))) if fits else None
            except InputError:
                self._known[key] = None
        return self._known[key]

    def _best(
        self, units: Sequence[tuple[int, ...]], spans: dict[int, int], cards: Sequence[int], before: Assignment | None
    ) -> Assignment | None:
        """The best assignment to all these cards; None where there is none as fast as ``before``."""
        found = [
            Assignment(tuple(self._models), tuple(groups), self._card, len(cards))
            for parts in _partitions(units)
            if (groups := self._groups(parts, spans, cards)) is not None
        ]
        limit = TOLERANCE * min((one.hours for one in found), default=0.0)
        if before is not None:
            limit = min(limit, before.hours)
        good = [one for one in found if one.hours <= limit]
        return min(good, key=lambda one: (one.engines, one.hours), default=None)

    def _groups(
        self, parts: Sequence[Sequence[tuple[int, ...]]], spans: dict[int, int], cards: Sequence[int]
    ) -> list[Group] | None:
        """The groups of one partition, with their cards; None where they don't fit the cards."""
        copies: list[Group] = []
        for part in parts:
            places = tuple(sorted(chain.from_iterable(part)))
            made = self._together(places, max(spans[place] for place in places))
            if made is None:
                return None
            copies.append(made)
        counts = _counts(copies, len(cards))
        if counts is None:
            return None
        groups, used = [], 0
        for one, count in zip(copies, counts, strict=True):
            wide = count * one.tensor_parallel
            groups.append(Group(one.models, tuple(cards[used : used + wide]), one.plan, one.work))
            used += wide
        return groups


def _counts(groups: Sequence[Group], cards: int) -> list[int] | None:
    """Copies of each group: one, and the next always for the group that takes longest."""
    left = cards - sum(group.tensor_parallel for group in groups)
    if left < 0:
        return None
    hours = [sum(work.hours for work in group.work) * (TURNS if group.takes_turns else 1.0) for group in groups]
    counts = [1] * len(groups)
    while True:
        longest = max(range(len(groups)), key=lambda one: hours[one] / counts[one])
        if groups[longest].tensor_parallel > left:
            return counts
        counts[longest] += 1
        left -= groups[longest].tensor_parallel


def _partitions(units: Sequence[tuple[int, ...]]) -> Iterator[list[list[tuple[int, ...]]]]:
    """Every way to put the units into groups."""
    if not units:
        yield []
        return
    first, rest = units[0], units[1:]
    for parts in _partitions(rest):
        yield [[first], *parts]
        for i, part in enumerate(parts):
            yield [*parts[:i], [first, *part], *parts[i + 1 :]]


def _too_few(models: int, cards: int, fewest: int) -> InputError:
    problem = f"cannot hold the {models} models at once: with half of their caches they need {fewest}"
    return InputError("gpus", cards, problem, f"use {fewest} GPUs, or a run without servers, where models take turns")
