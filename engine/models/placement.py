"""Plans which models of one card are on it together: all of them where they fit, else in phases that take turns.

Computed from the sizes of weights and key-value caches and from the card's memory, before any model is loaded.
``engine.models.assignment`` decides which models are on which card.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from engine.models.needs import GIB, USABLE, Need
from store.errors import InputError


@dataclass(frozen=True, slots=True)
class Plan:
    """``phases``: the models (places in ``needs``) that are on the card together. ``kv_bytes``: key-value cache of each
    model."""

    needs: tuple[Need, ...]
    phases: tuple[tuple[int, ...], ...]
    kv_bytes: tuple[int, ...]
    gpu_bytes: int

    def share(self, place: int) -> float:
        """Share of the card's memory for that model, its cache included."""
        return min(USABLE, self.memory(place) / self.gpu_bytes)

    def memory(self, place: int) -> int:
        """Bytes that the model takes while it is awake."""
        return self.needs[place].weight_bytes + self.needs[place].overhead + self.kv_bytes[place]

    def slots(self, place: int) -> int:
        """Sequences that the model works on at once: those of the profile, else what its cache serves."""
        need = self.needs[place]
        if not need.chooses_slots or not need.sequence_bytes:
            return need.slots
        served = self.kv_bytes[place] // need.sequence_bytes
        return max(1, min(need.slots, served // 8 * 8 or served))


def plan(wanted: Sequence[Need], gpu_bytes: int) -> Plan:
    """Assign the models to phases; those of one phase are on the card together. InputError for a model that is too
    large for the card by itself."""
    phases = _phases(wanted, gpu_bytes)
    kv = [0] * len(wanted)
    for phase in phases:
        for place, cache in _caches(wanted, phase, _room(wanted, phase, gpu_bytes)).items():
            kv[place] = cache
    return Plan(tuple(wanted), tuple(map(tuple, phases)), tuple(kv), gpu_bytes)


def _phases(wanted: Sequence[Need], gpu_bytes: int) -> list[list[int]]:
    everything = list(range(len(wanted)))
    if sum(need.beside_others for need in wanted) <= _room(wanted, everything, gpu_bytes):
        return [everything] if everything else []
    phases: list[list[int]] = []
    for place, need in enumerate(wanted):
        room = _room(wanted, [place], gpu_bytes)
        if need.least > room:
            problem = f"needs {need.least / GIB:.1f} GiB on the GPU, which has {gpu_bytes / GIB:.1f}"
            if room < int(USABLE * gpu_bytes):
                problem += f", {sum(one.asleep for one in wanted) / GIB:.1f} of it for engines that sleep"
            remedy = "lower its context, slots or max_tokens, or use a smaller model or more GPUs"
            raise InputError(f"{need.roles[0].role}.model", need.roles[0].model, problem, remedy)
        if phases and sum(wanted[one].beside_others for one in [*phases[-1], place]) <= _room(
            wanted, [*phases[-1], place], gpu_bytes
        ):
            phases[-1].append(place)
        else:
            phases.append([place])
    return phases


def _room(wanted: Sequence[Need], phase: Sequence[int], gpu_bytes: int) -> int:
    """Bytes for the models of a phase while the others sleep."""
    asleep = sum(need.asleep for place, need in enumerate(wanted) if place not in phase)
    return int(USABLE * gpu_bytes) - asleep


def _caches(wanted: Sequence[Need], phase: Sequence[int], room: int) -> dict[int, int]:
    """The cache of each model of a phase: memory beyond the least is divided by need, up to twice what a full batch
    takes. Where the weights of a model of another phase fit besides full batches, space is kept for them, so that they
    load while this phase ends."""
    taken = sum(wanted[place].weight_bytes + wanted[place].overhead for place in phase)
    least = {place: wanted[place].cache(alone=len(phase) == 1) for place in phase}
    full = sum(max(least[place], wanted[place].kv_bytes) for place in phase)
    others = [need.weight_bytes for place, need in enumerate(wanted) if place not in phase]
    kept = max((weights for weights in others if taken + full + weights <= room), default=0)
    left = room - kept - taken - sum(least.values())
    total = sum(wanted[place].kv_bytes for place in phase) or 1
    return {
        place: min(max(least[place], 2 * wanted[place].kv_bytes), least[place] + left * wanted[place].kv_bytes // total)
        for place in phase
    }
