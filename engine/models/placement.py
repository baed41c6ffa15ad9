"""Plans which models are on the GPU together: all of them where they fit, else in phases that take turns.

Computed from the sizes of weights and key-value caches and from the GPU's memory, before any model is loaded.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from engine.config.profiles import Role
from engine.models.sizes import size
from store.errors import InputError

USABLE = 0.92
"""Share of the GPU's memory; the rest is left to the driver and to fragmentation."""
OVERHEAD = 3 << 29
"""Bytes that an engine takes besides weights and cache: activations of a full batch, graphs, buffers (1.5 GiB)."""
_LEAST_SLOTS = 16
_GIB = 1 << 30
_NO_GPU = ("linear", "openai", "openai-pooling")
_FIRST_GPU = ("auto", "cuda", "cuda:0")


@dataclass(frozen=True, slots=True)
class Need:
    """GPU memory that one model needs. ``kv_bytes``: for a full batch of typical length; ``kv_least``: enough to run,
    slowly."""

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
    """``phases``: the models (places in ``needs``) that are on the GPU together. ``kv_bytes``: key-value cache of each
    model."""

    needs: tuple[Need, ...]
    phases: tuple[tuple[int, ...], ...]
    kv_bytes: tuple[int, ...]
    gpu_bytes: int

    def share(self, place: int) -> float:
        """Share of the GPU's memory for that model, its cache included."""
        need = self.needs[place]
        return min(USABLE, (need.weight_bytes + OVERHEAD + self.kv_bytes[place]) / self.gpu_bytes)

    @property
    def sentence(self) -> str:
        """The plan in one sentence for the user."""
        if not self.needs:
            return "No model needs a GPU."
        total = sum(need.least for need in self.needs) / _GIB
        memory = self.gpu_bytes / _GIB
        if len(self.phases) == 1:
            count = len(self.needs)
            models = "The model fits" if count == 1 else f"The {count} models fit together"
            return f"{models} on the GPU: at least {total:.0f} of {memory:.0f} GiB."
        groups = ", then ".join(" with ".join(self.needs[place].name for place in phase) for phase in self.phases)
        together = f"The models need {total:.0f} GiB together and the GPU has {memory:.0f}"
        return f"{together}: they take turns in {len(self.phases)} phases ({groups})."


def needs(models: Sequence[Sequence[Role]]) -> tuple[Need, ...]:
    """What each model needs, given the roles that it plays. Models that are not on the first GPU are left out."""
    return tuple(need(roles) for roles in models if roles[0].backend not in _NO_GPU and roles[0].device in _FIRST_GPU)


def need(roles: Sequence[Role]) -> Need:
    """What one model needs, given its roles."""
    sized = size(roles[0])
    slots = max(role.slots for role in roles)
    # a sequence holds its prompt and, on average while it is written, half of its text
    tokens = 256 + max(role.max_tokens if role.writes else 512 for role in roles) // 2
    sequence = tokens * (sized.kv_bytes or 0)
    return Need(tuple(roles), sized.weight_bytes or 0, slots * sequence, min(slots, _LEAST_SLOTS) * sequence)


def plan(wanted: Sequence[Need], gpu_bytes: int) -> Plan:
    """Assign the models to phases. InputError for a model that is too large for the GPU by itself."""
    usable = int(USABLE * gpu_bytes)
    phases: list[list[int]] = []
    for place, need in enumerate(wanted):
        if need.least > usable:
            problem = f"needs {need.least / _GIB:.1f} GiB on the GPU, which has {gpu_bytes / _GIB:.1f}"
            remedy = "lower its slots or max_tokens, use a smaller model, or serve it from several GPUs (openai)"
            raise InputError(f"{need.roles[0].role}.model", need.roles[0].model, problem, remedy)
        if phases and sum(wanted[other].least for other in phases[-1]) + need.least <= usable:
            phases[-1].append(place)
        else:
            phases.append([place])
    kv = [0] * len(wanted)
    for phase in phases:  # memory beyond the minimum is divided by need, up to what a batch can use
        left = usable - sum(wanted[place].least for place in phase)
        total = sum(wanted[place].kv_bytes for place in phase) or 1
        for place in phase:
            need = wanted[place]
            kv[place] = min(need.kv_bytes * 2, need.kv_least + left * need.kv_bytes // total)
    return Plan(tuple(wanted), tuple(map(tuple, phases)), tuple(kv), gpu_bytes)
