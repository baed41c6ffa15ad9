"""The state of every slot while it is decoded: lengths on the host, tokens and sampling settings on the device.

The host keeps each sequence's length itself, so that a step waits for the device only to learn what its tokens mean.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from engine.models.base import Logprobs
from engine.models.local.slots import GRAIN

_SEED_BITS = (1 << 63) - 1


@dataclass(frozen=True, slots=True)
class Entry:
    """A new sequence: its last prompt token, that token's position, and its settings. ``limit`` counts new tokens;
    ``stops``: its row of the stop table; ``logprobs``: whether those of its tokens are wanted."""

    token: int
    position: int
    limit: int
    seed: int
    stops: int
    temperature: float
    top_p: float
    top_k: int
    logprobs: bool = False


class SlotTable:
    """``slots`` rows. An inactive slot is at position 0, where it reads and writes only itself."""

    def __init__(self, slots: int, device: torch.device) -> None:
        self._device = device
        self.active = np.zeros(slots, dtype=bool)
        self.made = np.zeros(slots, dtype=np.int64)
        self.limit = np.zeros(slots, dtype=np.int64)
        self._place = np.zeros(slots, dtype=np.int64)
        self._top_p = np.ones(slots)
        self._top_k = np.zeros(slots, dtype=np.int64)
        # Columns: input token, its position, new tokens so far, seed, stop set.
        self._state = torch.zeros((slots, 5), dtype=torch.int64, device=device)
        self._sampling = torch.zeros((slots, 2), dtype=torch.float32, device=device)
        self._out = torch.zeros((slots, 2 * GRAIN), dtype=torch.int64, device=device)
        self._scored = np.zeros(slots, dtype=bool)
        # Columns: sum and least of the new tokens' log-probabilities.
        self._logprobs = torch.zeros((slots, 2), dtype=torch.float64, device=device)
        self.scored: Tensor | None = None
        """The active slots whose log-probabilities are wanted."""
        self.nucleus: Tensor | None = None
        """The active slots with top_p below 1."""
        self.limited: tuple[Tensor, Tensor] | None = None
        """The active slots with a top_k, and these."""

    @property
    def length(self) -> int:
        """Positions that the next step reads: the longest sequence with its input token."""
        return int(self._place.max()) + 1

    def enter(self, entries: dict[int, Entry]) -> None:
        for slot, entry in entries.items():
            self._place[slot], self.made[slot], self.limit[slot] = entry.position, 0, entry.limit
            self._top_p[slot], self._top_k[slot], self.active[slot] = entry.top_p, entry.top_k, True
            self._scored[slot] = entry.logprobs
        index = self._index(entries)
        state = [[e.token, e.position, 0, e.seed & _SEED_BITS, e.stops] for e in entries.values()]
        sampling = [[e.temperature, e.top_p] for e in entries.values()]
        self._state[index] = torch.tensor(state, dtype=torch.int64).to(self._device)
        self._sampling[index] = torch.tensor(sampling, dtype=torch.float32).to(self._device)
        self._logprobs[index] = 0.0
        self._find_restricted()

    def leave(self, slots: Sequence[int]) -> None:
        self.active[slots] = False
        self._place[slots] = self.made[slots] = 0
        self._state[self._index(slots), :3] = 0
        self._find_restricted()

    def move(self, source: list[int], target: list[int]) -> None:
        from_, to = self._index(source), self._index(target)
        for tensor in (self._state, self._sampling, self._out, self._logprobs):
            tensor[to] = tensor[from_]
        for array in (self._place, self.made, self.limit, self.active, self._top_p, self._top_k, self._scored):
            array[target] = array[source]
        self.leave(source)

    def inputs(self, rows: int) -> tuple[Tensor, Tensor]:
        """The tokens to feed and their positions, [rows, 1] each."""
        return self._state[:rows, :1], self._state[:rows, 1:2]

    def sampling(self, rows: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Seeds, steps, temperatures and top_p of the first rows."""
        return self._state[:rows, 3], self._state[:rows, 2], self._sampling[:rows, 0], self._sampling[:rows, 1]

    def stops(self, rows: int) -> Tensor:
        return self._state[:rows, 4]

    def score(self, logits: Tensor, tokens: Tensor) -> None:
        """Note the new tokens' log-probabilities where they are wanted; before ``advance``. ``logits``: [rows,
        vocabulary]."""
        if (rows := self.scored) is None:
            return
        found = logits[rows].float().log_softmax(-1).gather(1, tokens[rows, None])[:, 0].double()
        self._logprobs[rows, 0] += found
        self._logprobs[rows, 1] = torch.minimum(self._logprobs[rows, 1], found)

    def logprobs(self, slots: Sequence[int]) -> dict[int, Logprobs]:
        """Those of the slots' tokens so far, fetched together; only of slots where they are wanted."""
        wanted = [slot for slot in slots if self._scored[slot] and self.made[slot]]
        if not wanted:
            return {}
        fetched = self._logprobs[self._index(wanted)].cpu().tolist()
        return {
            slot: Logprobs(total / int(self.made[slot]), least)
            for slot, (total, least) in zip(wanted, fetched, strict=True)
        }

    def advance(self, tokens: Tensor) -> None:
        """Append one new token to every active row; it is the next input."""
        if int(self.made.max()) >= self._out.shape[1]:
            self._out = torch.cat((self._out, torch.zeros_like(self._out)), dim=1)
        state = self._state[: len(tokens)]
        self._out[: len(tokens)].scatter_(1, state[:, 2:3], tokens[:, None])
        active = torch.from_numpy(self.active[: len(tokens)]).to(self._device)
        state[:, 0] = tokens
        state[:, 1] += active
        state[:, 2] += active
        self._place += self.active
        self.made += self.active

    def tokens(self, slots: list[int]) -> dict[int, list[int]]:
        """The new tokens of these slots, fetched together."""
        fetched = self._out[self._index(slots), : int(self.made[slots].max())].cpu().numpy()
        return {slot: fetched[i, : self.made[slot]].tolist() for i, slot in enumerate(slots)}

    def _find_restricted(self) -> None:
        slots = np.flatnonzero(self.active & (self._top_p < 1.0)).tolist()
        self.nucleus = self._index(slots) if slots else None
        slots = np.flatnonzero(self.active & (self._top_k > 0)).tolist()
        self.limited = (self._index(slots), self._index(self._top_k[slots])) if slots else None
        slots = np.flatnonzero(self.active & self._scored).tolist()
        self.scored = self._index(slots) if slots else None

    def _index(self, slots: Iterable[int]) -> Tensor:
        return torch.tensor(list(slots), dtype=torch.long).to(self._device)
