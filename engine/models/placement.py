"""Which models share a card: all of them where they fit, else groups that take turns; said before any is loaded.

From weights, key-value cache and the card's memory. Arithmetic alone: loads nothing and knows no backend's code.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from engine.config.profiles import Role
from engine.models.sizes import size
from store.errors import InputError

USABLE = 0.92
"""Of the card: the rest is the driver's, and fragments."""
OVERHEAD = 3 << 29
"""Bytes that an engine takes beside weights and cache: activations of a full batch, graphs, buffers (1.5 GiB)."""
_LEAST_SLOTS = 16
_GIB = 1 << 30
_OFF_CARD = ("linear", "openai", "openai-pooling")
_THE_CARD = ("auto", "cuda", "cuda:0")


@dataclass(frozen=True, slots=True)
class Need:
    """What one model needs of a card. ``kv_bytes`` for a full batch of typical length; ``kv_least`` works, slowly."""

    roles: tuple[Role, ...]
    weight_bytes: int
    kv_bytes: int
    kv_least: int

    @property
    def least(self) -> int:
        return self.weight_bytes + OVERHEAD + self.kv_least

    @property
    def name(self) -> str:
        return self.roles[0].model.rsplit("/", 1)[-1]


@dataclass(frozen=True, slots=True)
class Plan:
    """``phases``: models (places in ``needs``) that are on the card together; one phase means that all of them are.
    ``kv_bytes``: of the key-value cache of each."""

    needs: tuple[Need, ...]
    phases: tuple[tuple[int, ...], ...]
    kv_bytes: tuple[int, ...]
    card_bytes: int

    def share(self, place: int) -> float:
        """Of the card's memory, for that model, cache and all."""
        need = self.needs[place]
        return min(USABLE, (need.weight_bytes + OVERHEAD + self.kv_bytes[place]) / self.card_bytes)

    @property
    def sentence(self) -> str:
        """What will happen, for a person."""
        if not self.needs:
            return "No model needs a card."
        total = sum(need.least for need in self.needs) / _GIB
        card = self.card_bytes / _GIB
        if len(self.phases) == 1:
            count = len(self.needs)
            models = "The model fits" if count == 1 else f"The {count} models fit together"
            return f"{models} on the card: at least {total:.0f} of {card:.0f} GiB."
        groups = ", then ".join(" with ".join(self.needs[place].name for place in phase) for phase in self.phases)
        together = f"The models need {total:.0f} GiB together, the card has {card:.0f}"
        return f"{together}: they take turns in {len(self.phases)} phases ({groups})."


def needs(models: Sequence[Sequence[Role]]) -> tuple[Need, ...]:
    """What each model needs, given the roles that it plays; those that are not on the first card are left out."""
    return tuple(need(roles) for roles in models if roles[0].backend not in _OFF_CARD and roles[0].device in _THE_CARD)


def need(roles: Sequence[Role]) -> Need:
    """What one model needs, given its roles."""
    sized = size(roles[0])
    slots = max(role.slots for role in roles)
    # a sequence holds its prompt and, on average while it is written, half of its text
    tokens = 256 + max(role.max_tokens if role.writes else 512 for role in roles) // 2
    sequence = tokens * (sized.kv_bytes or 0)
    return Need(tuple(roles), sized.weight_bytes or 0, slots * sequence, min(slots, _LEAST_SLOTS) * sequence)


def plan(wanted: Sequence[Need], card_bytes: int) -> Plan:
    """Who is on the card with whom. InputError for a model that is too large for the card alone."""
    room = int(USABLE * card_bytes)
    phases: list[list[int]] = []
    for place, need in enumerate(wanted):
        if need.least > room:
            problem = f"needs {need.least / _GIB:.1f} GiB on the card, which has {card_bytes / _GIB:.1f}"
            remedy = "lower its slots or max_tokens, use a smaller model, or serve it from several cards (openai)"
            raise InputError(f"{need.roles[0].role}.model", need.roles[0].model, problem, remedy)
        if phases and sum(wanted[other].least for other in phases[-1]) + need.least <= room:
            phases[-1].append(place)
        else:
            phases.append([place])
    kv = [0] * len(wanted)
    for phase in phases:  # what is left after the least is shared out by need, up to all that a batch can use
        left = room - sum(wanted[place].least for place in phase)
        asked = sum(wanted[place].kv_bytes for place in phase) or 1
        for place in phase:
            need = wanted[place]
            kv[place] = min(need.kv_bytes * 2, need.kv_least + left * need.kv_bytes // asked)
    return Plan(tuple(wanted), tuple(map(tuple, phases)), tuple(kv), card_bytes)
