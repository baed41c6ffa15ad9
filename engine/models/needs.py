"""What a model needs of a GPU: weights, key-value cache, what its engine takes besides; how many sequences it serves.

Computed from the model's shape and the card's memory, before anything is loaded. Of a model that is spread over several
cards (``tensor_parallel``) all figures are those of one card.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from engine.config.profiles import Role
from engine.models.sizes import Size, size
from store.errors import InputError

USABLE = 0.92
"""Share of the GPU's memory; the rest is left to the driver and to fragmentation."""
GIB = 1 << 30
_LEAST_SLOTS = 16
_LADDER = (1024, 768, 512, 384, 256, 192, 128, 96, 64, 48, 32, _LEAST_SLOTS)
"""Slots to choose from where the profile gives none."""
_SCORER_SLOTS = 256
"""A scorer's rows are done in one step, so its slots take no memory: only the tokens of a step count."""
_ENOUGH = 256
"""Slots for which a model that shares a card gets cache, where the profile gives none. More slots add little: a card is
bound by arithmetic from about 100 (A100) or 380 (H100) on."""
_PROMPT, _PREFIX = 128, 20
"""Tokens of a prompt with a question, and of what generators continue."""
_BLOCKS = 64
"""Tokens that vLLM's cache needs beyond the longest sequence: blocks are whole, and one is never used."""
_STEPS = (16_384, 8_192, 4_096, 2_048)
_STEP_SHARE = 0.02
"""Tokens of a step to choose from, and the share of the GPU's memory that their activations may take. More tokens read
prompts in fewer steps; from about 2,000 on, a step of 7B is bound by arithmetic anyway."""
_CONTEXT, _GRAPHS = GIB // 2, 3 * GIB // 4
"""CUDA's context and libraries, and CUDA graphs with their buffers, of one engine: assumed from reports, not measured.
An engine that sleeps keeps both."""
_TOKEN_BYTES = 128 << 10
"""Activations of a token where the model's shape is unknown: those of Qwen2 7B."""
_KV_BYTES = 144 << 10
"""Cache of a token where the model's shape is unknown: that of Qwen3 8B."""
_LOGIT_BYTES = 12
"""A logit in the model's dtype and in float32, and its probability."""
_LOCAL_OVERHEAD = 3 << 29
"""What a model of the transformers backends takes besides weights and cache."""
_NO_GPU = ("linear", "openai", "openai-chat", "openai-pooling")
_LOCAL = ("transformers", "classifier", "logprob", "first-token")


@dataclass(frozen=True, slots=True)
class Need:
    """GPU memory that one model needs, in bytes.

    ``sequence_bytes``: cache of one sequence of typical length; ``slots``: sequences of a full batch; ``kv_bytes``:
    cache of a full batch. ``context_bytes``: cache of one sequence of the longest, without which vLLM does not start.
    ``overhead``: what the engine takes besides weights and cache, of which it keeps ``asleep`` while it sleeps.
    ``step_tokens``: tokens of one step of vLLM; 0 for other backends. ``tensor_parallel``: cards that a copy is spread
    over.
    """

    roles: tuple[Role, ...]
    weight_bytes: int
    sequence_bytes: int
    slots: int
    kv_bytes: int
    context_bytes: int
    overhead: int
    asleep: int = 0
    step_tokens: int = 0
    tensor_parallel: int = 1

    def cache(self, alone: bool) -> int:
        """The smallest cache worth having. For a model that is ``alone`` on the GPU: enough to run at all. Otherwise
        half of what a full batch needs, or enough for ``_ENOUGH`` slots where the profile leaves their number open,
        because with less it is faster to take turns."""
        few = self.kv_bytes * min(self.slots, _LEAST_SLOTS) // self.slots
        least = max(self.context_bytes, few if self.roles[0].writes else self.kv_bytes)
        if alone:
            return least
        half = self.kv_bytes // 2
        return max(least, min(half, _ENOUGH * self.sequence_bytes) if self.chooses_slots else half)

    @property
    def chooses_slots(self) -> bool:
        """Whether the number of slots follows from the memory."""
        return self.roles[0].writes and not any(role.slots for role in self.roles)

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


def on_gpu(role: Role) -> bool:
    """Whether the role's model is on a GPU of this machine, where there is one."""
    devices = [device.strip() for device in role.device.split(",")]
    return role.backend not in _NO_GPU and (devices == ["auto"] or all(one.startswith("cuda") for one in devices))


def is_local(role: Role) -> bool:
    """Whether the role's model is a module of this process, not an engine of vLLM."""
    return role.backend in _LOCAL


def check_size(role: Role) -> None:
    """InputError where the size of the role's model is unknown, so that its memory can't be planned."""
    if not size(role).weight_bytes:
        remedy = "download it first, or give its folder"
        raise InputError(f"{role.role}.model", role.model, "has an unknown size", remedy)


def need(roles: Sequence[Role], gpu_bytes: int, tensor_parallel: int = 1) -> Need:
    """What one model needs of a card of this memory, given its roles, on each of ``tensor_parallel`` cards."""
    sized, first = size(roles[0]), roles[0]
    given = max(role.slots for role in roles)
    token = (sized.kv_bytes or _KV_BYTES) // min(tensor_parallel, sized.kv_heads or tensor_parallel)
    weights = (sized.weight_bytes or 0) // tensor_parallel
    tokens = max(_typical(role) for role in roles)
    if is_local(first):
        slots = given or 64
        return Need(tuple(roles), weights, tokens * token, slots, slots * tokens * token, 0, _LOCAL_OVERHEAD)
    context = max(role.context for role in roles) or sized.context or 0
    longest = (context + _BLOCKS) * token
    step = _step_tokens(sized, gpu_bytes, given if first.writes else context)
    if first.writes:
        slots = given or _most_slots(sized, weights, longest, tokens * token, step, gpu_bytes)
        step, full = max(step, slots), slots * tokens * token
    else:  # the rows of a step are the only ones in the cache
        slots, full = given or _SCORER_SLOTS, step * token
    overhead = _overhead(sized, slots if first.writes else 0, step)
    kept = _CONTEXT + _GRAPHS
    return Need(tuple(roles), weights, tokens * token, slots, full, longest, overhead, kept, step, tensor_parallel)


def _typical(role: Role) -> int:
    """Tokens of a sequence in the cache: its prompt and, while it is written, half of a text that is half as long as
    it may be."""
    prompt = _PREFIX if role.role == "generator" else _PROMPT
    return prompt + (role.max_tokens // 4 if role.writes else 384)


def _step_tokens(sized: Size, gpu_bytes: int, least: int) -> int:
    """Tokens of one step (vLLM's ``max_num_batched_tokens``). ``least``: vLLM needs as many as there are slots, and of
    a scorer as many as its longest row has."""
    allowed = _STEP_SHARE * gpu_bytes
    fit = (tokens for tokens in _STEPS if tokens * _token_bytes(sized) <= allowed)
    return max(next(fit, _STEPS[-1]), least)


def _most_slots(sized: Size, weights: int, longest: int, sequence: int, step: int, gpu_bytes: int) -> int:
    """The most slots whose cache the card has space for, were the model alone on it."""
    for slots in _LADDER:
        cache = max(longest, slots * sequence)
        if weights + _overhead(sized, slots, max(step, slots)) + cache <= USABLE * gpu_bytes:
            return slots
    return _LEAST_SLOTS


def _overhead(sized: Size, slots: int, step: int) -> int:
    """What an engine takes besides weights and cache: its context and graphs, the activations of a step's tokens, and
    the logits of all slots."""
    logits = slots * (sized.vocabulary or 0) * _LOGIT_BYTES
    return _CONTEXT + _GRAPHS + step * _token_bytes(sized) + logits


def _token_bytes(sized: Size) -> int:
    """Activations of one token: the residual and the hidden state, and three vectors of the feed-forward layer, in two
    bytes each. Layers reuse each other's."""
    if sized.hidden is None or sized.intermediate is None:
        return _TOKEN_BYTES
    return 2 * (2 * sized.hidden + 3 * sized.intermediate)
