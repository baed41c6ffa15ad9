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
_VLLM_OVERHEAD, _LOCAL_OVERHEAD = 4 << 30, 3 << 29
"""Bytes that a model takes besides weights and cache. A vLLM engine, here or in a server: activations of a batch of
16,384 tokens, logits in float32, graphs and its own context (3.5 to 4.5 GiB for 7B). Ours: 1.5 GiB."""
_LEAST_SLOTS = 16
_BLOCKS = 64
"""Tokens that vLLM's cache needs beyond the longest sequence: blocks are whole, and one is never used."""
_GIB = 1 << 30
_NO_GPU = ("linear", "openai", "openai-chat", "openai-pooling")
_LOCAL = ("transformers", "classifier", "logprob")
_FIRST_GPU = ("auto", "cuda", "cuda:0")


@dataclass(frozen=True, slots=True)
class Need:
    """GPU memory that one model needs. ``sequence_bytes``: cache of one sequence of typical length; ``slots``:
    sequences of a full batch. ``context_bytes``: cache of one sequence of the longest, without which vLLM does not
    start. ``overhead``: what the engine takes besides weights and cache."""

    roles: tuple[Role, ...]
    weight_bytes: int
    sequence_bytes: int
    slots: int
    context_bytes: int
    overhead: int

    @property
    def kv_bytes(self) -> int:
        """Cache of a full batch."""
        return self.slots * self.sequence_bytes

    def cache(self, alone: bool) -> int:
        """The smallest cache worth having. For a model that is ``alone`` on the GPU: enough to run at all. Otherwise
        half of what a full batch needs, because with less it is faster to take turns."""
        least = max(self.context_bytes, min(self.slots, _LEAST_SLOTS) * self.sequence_bytes)
        return least if alone else max(least, self.kv_bytes // 2)

    @property
    def least(self) -> int:
        """Memory that the model needs alone on the GPU."""
        return self.weight_bytes + self.overhead + self.cache(alone=True)

    @property
    def beside_others(self) -> int:
        """Memory that the model needs to share the GPU with others."""
        return self.weight_bytes + self.overhead + self.cache(alone=False)

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
        return min(USABLE, (need.weight_bytes + need.overhead + self.kv_bytes[place]) / self.gpu_bytes)

    @property
    def sentence(self) -> str:
        """The plan in one sentence for the user."""
        if not self.needs:
            return "No model needs a GPU."
        total = sum(need.beside_others for need in self.needs) / _GIB
        memory = self.gpu_bytes / _GIB
        if len(self.phases) == 1:
            count = len(self.needs)
            if count == 1:
                return f"The model fits on the GPU: at least {self.needs[0].least / _GIB:.0f} of {memory:.0f} GiB."
            sized = f"{total:.0f} of {memory:.0f} GiB with half of their full batches' caches"
            return f"The {count} models fit together on the GPU: {sized}."
        groups = ", then ".join(" with ".join(self.needs[place].name for place in phase) for phase in self.phases)
        together = f"The models need {total:.0f} GiB to be fast together and the GPU has {memory:.0f}"
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
    if roles[0].backend in _LOCAL:
        return Need(tuple(roles), sized.weight_bytes or 0, sequence, slots, 0, _LOCAL_OVERHEAD)
    context = max(role.context for role in roles) or sized.context or 0
    longest = (context + _BLOCKS) * (sized.kv_bytes or 0)
    return Need(tuple(roles), sized.weight_bytes or 0, sequence, slots, longest, _VLLM_OVERHEAD)


def plan(wanted: Sequence[Need], gpu_bytes: int) -> Plan:
    """Assign the models to phases; those of one phase are on the GPU together. InputError for a model that is too
    large for the GPU by itself."""
    usable = int(USABLE * gpu_bytes)
    phases: list[list[int]] = []
    for place, need in enumerate(wanted):
        if need.least > usable:
            problem = f"needs {need.least / _GIB:.1f} GiB on the GPU, which has {gpu_bytes / _GIB:.1f}"
            remedy = "lower its context, slots or max_tokens, or use a smaller model or servers on several GPUs"
            raise InputError(f"{need.roles[0].role}.model", need.roles[0].model, problem, remedy)
        if phases and sum(wanted[other].beside_others for other in phases[-1]) + need.beside_others <= usable:
            phases[-1].append(place)
        else:
            phases.append([place])
    kv = [0] * len(wanted)
    for phase in phases:  # memory beyond the least is divided by need, up to twice what a full batch takes
        least = {place: wanted[place].cache(alone=len(phase) == 1) for place in phase}
        left = usable - sum(wanted[place].weight_bytes + wanted[place].overhead + least[place] for place in phase)
        total = sum(wanted[place].kv_bytes for place in phase) or 1
        for place in phase:
            most = max(least[place], 2 * wanted[place].kv_bytes)
            kv[place] = min(most, least[place] + left * wanted[place].kv_bytes // total)
    return Plan(tuple(wanted), tuple(map(tuple, phases)), tuple(kv), gpu_bytes)
