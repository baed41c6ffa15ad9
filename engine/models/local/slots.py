"""The key-value cache of many sequences, each at its own length.

Row ``r`` of every layer holds the keys of slot ``r`` from position 0 on, without padding on the left, so that a new
sequence can take over a row while the others go on.
"""

from typing import Any

import torch
from torch import Tensor
from transformers.cache_utils import Cache, CacheLayerMixin

GRAIN = 16
"""Rows of a step and key positions are padded to multiples of this, so that matrix products and attention on the CPU
give a row the same bits in every batch. (Measured: 1-3 rows, and key lengths that are not a multiple of the vector
width, use other kernels with other rounding.)"""


def round_up(n: int) -> int:
    return -(-n // GRAIN) * GRAIN


class SlotLayer(CacheLayerMixin):  # type: ignore[no-untyped-call]
    """One layer's ``[slots, heads, positions, head size]`` keys and values, grown on demand."""

    supports_early_init = False

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.rows = torch.zeros(0, dtype=torch.long)
        self.positions = torch.zeros(0, dtype=torch.long)
        self.width = 0

    def aim(self, rows: Tensor, positions: Tensor, width: int) -> None:
        """The next ``update`` writes one key per row at these positions, and reads back ``width`` positions."""
        self.rows, self.positions, self.width = rows, positions, width

    def reserve(self, slots: int, width: int, like: Tensor) -> None:
        """Grow to at least ``slots`` rows of ``width`` positions."""
        held, held_width = (self.keys.shape[0], self.keys.shape[2]) if self.keys is not None else (0, 0)
        if slots <= held and width <= held_width:
            return
        shape = (max(slots, held), like.shape[1], max(width, held_width), like.shape[3])
        # Zeros, not empty memory: masked positions are multiplied by 0, and 0 times NaN would be NaN.
        keys, values = (torch.zeros(shape, dtype=like.dtype, device=like.device) for _ in range(2))
        if self.keys is not None and self.values is not None:
            keys[:held, :, :held_width] = self.keys
            values[:held, :, :held_width] = self.values
        self.keys, self.values, self.is_initialized = keys, values, True

    def write(self, slots: Tensor, keys: Tensor, values: Tensor) -> None:
        """Set positions 0.. of these slots to ``keys`` and ``values`` ([slots, heads, positions, head size])."""
        assert self.keys is not None
        assert self.values is not None
        self.keys[slots, :, : keys.shape[2]] = keys
        self.values[slots, :, : values.shape[2]] = values

    def move(self, source: list[int], target: list[int], width: int) -> None:
        if self.keys is not None and self.values is not None:
            self.keys[target, :, :width] = self.keys[source, :, :width]
            self.values[target, :, :width] = self.values[source, :, :width]

    def lazy_initialization(self, key_states: Tensor, value_states: Tensor) -> None:
        self.reserve(len(self.rows), self.width, key_states)

    def update(self, key_states: Tensor, value_states: Tensor, *args: Any, **kwargs: Any) -> tuple[Tensor, Tensor]:
        self.reserve(len(self.rows), self.width, key_states)
        assert self.keys is not None
        assert self.values is not None
        self.keys[self.rows, :, self.positions] = key_states[:, :, 0]
        self.values[self.rows, :, self.positions] = value_states[:, :, 0]
        n = len(self.rows)
        return self.keys[:n, :, : self.width], self.values[:n, :, : self.width]

    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:
        return self.width, 0

    def get_seq_length(self) -> int:
        return max(0, self.width - 1)

    def get_max_length(self) -> int:
        return -1

    def get_max_cache_shape(self) -> int:
        return -1


class SlotCache(Cache):
    """A ``SlotLayer`` per layer of the model, aimed together.

    ``steps``: sizes in slots, growing; a larger one is used only when its slots are needed. ``positions``: the longest
    sequence.
    """

    def __init__(self, layers: int, steps: tuple[int, ...], positions: int) -> None:
        self.slot_layers = [SlotLayer() for _ in range(layers)]
        super().__init__(layers=list(self.slot_layers))
        self._steps, self._positions = steps, positions
        self._slots, self._width = steps[0], GRAIN

    def reserve(self, slots: int, length: int) -> None:
        """Grow to this many slots of this length. Widths double, so that growing costs little overall."""
        self._slots = max(self._slots, next(n for n in self._steps if n >= slots))
        if length > self._width:
            self._width = max(round_up(length), min(2 * self._width, round_up(self._positions)))
        for layer in self.slot_layers:
            if layer.keys is not None:  # other layers get their shape at the first write
                layer.reserve(self._slots, self._width, layer.keys)

    def aim(self, rows: Tensor, positions: Tensor, width: int) -> None:
        for layer in self.slot_layers:
            layer.aim(rows, positions, width)

    def write(self, slots: Tensor, prefix: list[tuple[Tensor, Tensor]]) -> None:
        """Put a prefix's (keys, values) of each layer into these slots, from position 0 on."""
        for layer, (keys, values) in zip(self.slot_layers, prefix, strict=True):
            layer.reserve(self._slots, max(self._width, keys.shape[2]), keys)
            layer.write(slots, keys, values)

    def move(self, source: list[int], target: list[int], width: int) -> None:
        for layer in self.slot_layers:
            layer.move(source, target, width)
