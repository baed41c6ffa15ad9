"""Prefill: a forward pass over all of a prompt but its last token, which is the first decode step's input.

Prompts of similar length go together, equal ones only once. Padding is on the right, where a causal model ignores it.
"""

from collections import OrderedDict
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor
from transformers import DynamicCache

from engine.models.local.slots import SlotCache, round_up

PREFILL_TOKENS = 2048
"""Prompt tokens of one step; more would delay the sequences that are being decoded."""
_MEMO_TOKENS, _MEMO_PROMPTS = 32, 8
"""Keys of recent short prompts are kept: a generator sends the same few tokens every time."""

Prefix = tuple[int, ...]
Layers = list[tuple[Tensor, Tensor]]


class Prefill:
    """Fills slots of ``cache`` with the keys and values of prompts."""

    def __init__(self, model: Any, cache: SlotCache) -> None:
        self._model, self._cache = model, cache
        self._memo: OrderedDict[Prefix, Layers] = OrderedDict()

    def fill(self, prefix_of: dict[int, Prefix]) -> None:
        """Write each slot's prefix. The cache must have space for all of them."""
        slots_of: dict[Prefix, list[int]] = {}
        for slot, prefix in prefix_of.items():
            if prefix:
                slots_of.setdefault(prefix, []).append(slot)
        groups: dict[int, list[Prefix]] = {}
        for prefix, slots in slots_of.items():
            if prefix in self._memo:
                self._memo.move_to_end(prefix)
                shape = (len(slots), -1, -1, -1)
                self._write(slots, [(k.expand(shape), v.expand(shape)) for k, v in self._memo[prefix]])
            else:
                groups.setdefault(round_up(len(prefix)), []).append(prefix)
        for width, prefixes in groups.items():
            size = max(1, 4 * PREFILL_TOKENS // width)
            for start in range(0, len(prefixes), size):
                part = prefixes[start : start + size]
                self._forward(width, {prefix: slots_of[prefix] for prefix in part})

    def _forward(self, width: int, slots_of: dict[Prefix, list[int]]) -> None:
        device = self._model.device
        ids = torch.tensor([[*p, *[0] * (width - len(p))] for p in slots_of]).to(device)
        places = torch.arange(width, device=device).expand(len(slots_of), -1)
        cache = DynamicCache()
        self._model.base_model(input_ids=ids, position_ids=places, past_key_values=cache, use_cache=True)
        layers: Layers = [(layer.keys, layer.values) for layer in cache.layers]  # type: ignore[misc, union-attr]
        source = self._index(i for i, slots in enumerate(slots_of.values()) for _ in slots)
        # The padding's keys are written too; each is overwritten before it is read.
        self._write([s for slots in slots_of.values() for s in slots], [(k[source], v[source]) for k, v in layers])
        for i, prefix in enumerate(slots_of):
            if len(prefix) <= _MEMO_TOKENS:
                self._memo[prefix] = [(k[i : i + 1].clone(), v[i : i + 1].clone()) for k, v in layers]
                if len(self._memo) > _MEMO_PROMPTS:
                    self._memo.popitem(last=False)

    def _write(self, slots: list[int], layers: Layers) -> None:
        self._cache.write(self._index(slots), layers)

    def _index(self, numbers: Iterable[int]) -> Tensor:
        return torch.tensor(list(numbers), dtype=torch.long).to(self._model.device)
