"""Opens each model where its assignment has it: alone on a card, with others, taking turns, or in several copies."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from engine.config.profiles import Role
from engine.models.assignment import Assignment, Group
from engine.models.base import ScoreModel, TextModel
from engine.models.load import open_score, open_text
from engine.models.needs import USABLE
from engine.models.replicas import Pool, ScorePool
from engine.models.roofline import Card, card_of
from engine.models.shared_gpu import SWITCHING, SharedGpu
from engine.models.time_sharing import TimeSharedScore, TimeSharedText
from engine.models.vllm.engine import Memory

Model = TextModel | ScoreModel
_SWITCH_SECONDS = 15.0
"""What a switch between phases is expected to take, until one was measured: 15 GB of weights each way."""
_MOST_WAITING = 65_536


@dataclass(frozen=True, slots=True)
class Gpus:
    """The GPUs of this machine: ``card`` has the memory of the smallest; ``devices`` as torch names them."""

    card: Card
    devices: tuple[str, ...]


def gpus_here() -> Gpus | None:
    """The GPUs that this process may use; None without one."""
    import torch

    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if not count:
        return None
    found = [torch.cuda.get_device_properties(number) for number in range(count)]
    smallest = min(found, key=lambda one: one.total_memory)
    card = card_of(int(smallest.total_memory), str(smallest.name))
    return Gpus(card, tuple(f"cuda:{number}" for number in range(count)))


def load(role: Role, memory: Memory | None = None) -> Model:
    """One copy of the role's model."""
    return open_text(role, memory) if role.writes else open_score(role, memory)


class PlacedModels:
    """Opens the models of one assignment; models that take turns on a card share a ``SharedGpu``."""

    def __init__(self, assignment: Assignment, devices: Sequence[str]) -> None:
        self._assignment, self._devices = assignment, devices
        self.shared = {
            first: SharedGpu(len(group.plan.phases), _free_bytes(group))
            for group in assignment.groups
            if group.takes_turns
            for first in group.first_cards
        }
        """By the first card of each copy."""

    def open(self, role: Role) -> Model:
        """The role's model: all its copies as one. Raises as ``open_text`` does; what was opened is then closed."""
        models = self._assignment.models
        place = next((place for place, roles in enumerate(models) if role in roles), None)
        if place is None:  # on no GPU
            return load(role)
        copies: list[Any] = []
        try:
            for group in self._assignment.groups:
                if place in group.models:
                    copies += [self._copy(role, group, group.models.index(place), first) for first in group.first_cards]
        except BaseException:
            for copy in copies:
                copy.close()
            raise
        return copies[0] if len(copies) == 1 else Pool(copies) if role.writes else ScorePool(copies)

    def _copy(self, role: Role, group: Group, place: int, first: int) -> Model:
        plan = group.plan
        need = plan.needs[place]
        device = self._devices[first] if self._assignment.cards > 1 else role.device
        slots = plan.slots(place)
        context = max(one.context for one in need.roles)  # one engine serves all of them, as planned
        placed = replace(role, device=device, slots=slots, context=context, tensor_parallel=need.tensor_parallel)
        memory = Memory(plan.kv_bytes[place], plan.share(place), need.step_tokens)

        def open_copy() -> Model:
            return load(placed, memory)

        if not group.takes_turns:
            return open_copy()
        phase = next(number for number, places in enumerate(plan.phases) if place in places)
        kind = TimeSharedText if role.writes else TimeSharedScore
        sizes = (need.weight_bytes, plan.memory(place) - need.asleep)
        return kind(role.name, slots, self.shared[first], phase, open_copy, _window(group, place), sizes)


def _free_bytes(group: Group) -> int:
    """Bytes for the models that are awake: the usable ones without what the engines keep while they sleep."""
    plan = group.plan
    return int(USABLE * plan.gpu_bytes) - sum(need.asleep for need in plan.needs)


def _window(group: Group, place: int) -> int:
    """Rows of this model that may wait, so that every phase has work for long enough: in one cycle of all phases the
    switches take ``SWITCHING`` of the time, and every model does its share of that cycle's questions."""
    cycle = len(group.plan.phases) * _SWITCH_SECONDS / SWITCHING
    seconds = 3600 * sum(work.hours for work in group.work)
    rows = math.ceil(cycle / seconds * group.work[place].calls) if seconds else 0
    return min(max(rows, 8 * group.plan.slots(place)), _MOST_WAITING)
