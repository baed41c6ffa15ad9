"""An assignment of models to cards in sentences: what is on each card, and why."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

from engine.models.assignment import Assignment, Group
from engine.models.needs import GIB, Need
from engine.models.placement import Plan


def lines(assignment: Assignment) -> list[str]:
    """What is on each card and why, one sentence a group."""
    found = [_line(assignment, group) for group in assignment.groups]
    used = set(chain.from_iterable(group.cards for group in assignment.groups))
    idle = [number for number in range(assignment.cards) if number not in used]
    return found + ([f"{_cards(idle)}: idle, another copy would not make the whole faster."] if idle else [])


def _line(assignment: Assignment, group: Group) -> str:
    names = [_model(group.plan, place, one) for place, one in enumerate(group.plan.needs)]
    phases = [" with ".join(names[place] for place in phase) for phase in group.plan.phases]
    copies = len(group.first_cards)
    each = f", {copies} copies" if copies > 1 else ""
    return f"{_cards(group.cards)}: {', then '.join(phases)}{each}. {_why(assignment, group)}"


def _model(planned: Plan, place: int, one: Need) -> str:
    slots = f"{planned.slots(place):,} slots" if one.roles[0].writes else ""
    wide = f"tensor parallel {one.tensor_parallel}" if one.tensor_parallel > 1 else ""
    step = f"{one.step_tokens:,} tokens a step" if one.step_tokens else ""
    details = ", ".join(detail for detail in (slots, step, wide) if detail)
    return f"{one.name} ({details})" if details else one.name


def _why(assignment: Assignment, group: Group) -> str:
    """One sentence: why these models have these cards."""
    needed, memory = sum(one.beside_others for one in group.plan.needs) / GIB, group.plan.gpu_bytes / GIB
    many = len(group.models) > 1
    if group.takes_turns:
        return f"They take turns: to be fast together they need {needed:.0f} GiB, and a card has {memory:.0f}."
    if assignment.cards == 1:
        half = "with half of their full batches' caches"
        return f"They fit together: {needed:.0f} of {memory:.0f} GiB {half}." if many else "It has the card to itself."
    busy = assignment.hours_of(group)
    total = sum(assignment.hours_of(one) * len(one.cards) for one in assignment.groups) or 1.0
    share = busy * len(group.cards) / total
    work = f"{'They have' if many else 'It has'} {_percent(share)} of the work"
    if group.tensor_parallel > 1:
        largest = max(group.plan.needs, key=lambda one: one.least)
        whole = (largest.weight_bytes + largest.cache(alone=True)) * group.tensor_parallel / GIB
        spread = f"is spread over {group.tensor_parallel} cards a copy"
        return f"{work}; {largest.name} with its smallest cache, {whole:.0f} GiB, {spread}."
    if many:
        work += f", and fit together: {needed:.0f} of {memory:.0f} GiB"
    idle = 1 - busy / (assignment.hours or 1.0)
    return f"{work}{f'; {_percent(idle)} of the time there is nothing to do' if idle > 0.2 else ''}."


def _percent(share: float) -> str:
    """In whole percent, but never as none or all of what is only nearly so."""
    return "less than 1%" if 0 < share < 0.01 else "more than 99%" if 0.99 < share < 1 else f"{share:.0%}"


def _cards(numbers: Sequence[int]) -> str:
    if len(numbers) == 1:
        return f"Card {numbers[0]}"
    if list(numbers) == list(range(numbers[0], numbers[-1] + 1)):
        return f"Cards {numbers[0]} to {numbers[-1]}"
    return f"Cards {', '.join(map(str, numbers))}"
