"""The decode loop: any Hugging Face causal LM, many sequences at once, each leaving its slot to the next as it ends.

A step feeds one token of every sequence through the model. Prompts enter by a forward pass over all but their last token; that
last token is the first step's input, so one code path makes every new token. On the CPU a sequence's tokens are the same
whatever its batch-mates (see ``slots.GRAIN``). Single-threaded: whoever owns the decoder calls it from one thread. Knows
nothing of threads, templates, files or stages.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor
from transformers import DynamicCache

from engine.models.base import BATCH, LIVE, Completion, Failure, Request, Sampling
from engine.models.sampling import choose
from engine.models.slots import GRAIN, SlotCache, round_up
from engine.models.stops import ENDS, MAY_END, StopTable
from store.errors import BackendError, ItemError

OnDone = Callable[[Completion | Failure], None]
OnText = Callable[[str, str], None]
Reason = Literal["stop", "length", "cancelled"]

_LIVE_SLOTS = 16
"""Slots beyond ``slots`` that only live requests may take, so that they never wait for a batch's sequence to end."""
_PREFILL_TOKENS = 2048
"""Prompt tokens of one turn: more would hold up the sequences that are being decoded."""
_MEMO_TOKENS, _MEMO_PROMPTS = 32, 8
"""Short prompts seen lately keep their keys: a generator sends the same few tokens every time."""


@dataclass(slots=True)
class _Row:
    """One request while it waits and while it is decoded. ``limit`` counts new tokens."""

    request: Request
    prompt: tuple[int, ...]
    limit: int
    on_done: OnDone
    on_text: OnText | None
    stops: int = 0
    started: float = 0.0
    shown: str = ""


class SlotDecoder:
    """``add`` requests, then ``step`` until not ``busy``; results come through the callbacks given to ``add``.

    ``slots`` is the number of sequences decoded together. Any exception out of ``step`` comes from the model (out of memory,
    say): the owner then calls ``abort``.
    """

    def __init__(self, model: Any, tokenizer: Any, slots: int = 64) -> None:
        config = model.config.get_text_config()
        self.slots = slots
        self._model, self._tokenizer = model, tokenizer
        self._device: torch.device = model.device
        self._positions = max_positions(config)
        self._cache = SlotCache(config.num_hidden_layers)
        self._stops = StopTable(tokenizer, config.vocab_size, end_ids(model, tokenizer), self._device)
        self._waiting: list[tuple[int, int, _Row]] = []
        self._added = 0
        self._rows: dict[int, _Row] = {}
        self._memo: OrderedDict[tuple[int, ...], list[tuple[Tensor, Tensor]]] = OrderedDict()
        rows = round_up(slots + _LIVE_SLOTS)
        # The host knows every sequence's length without asking the device: only tokens live there alone.
        self._place = np.zeros(rows, dtype=np.int64)  # position of the next input token
        self._made = np.zeros(rows, dtype=np.int64)  # new tokens so far
        self._limit = np.zeros(rows, dtype=np.int64)
        self._active = np.zeros(rows, dtype=bool)
        # On the device per row: input token, its position, new tokens so far, seed, stop set; temperature and top_p.
        self._state = torch.zeros((rows, 5), dtype=torch.int64, device=self._device)
        self._knobs = torch.zeros((rows, 2), dtype=torch.float32, device=self._device)
        self._nucleus: Tensor | None = None
        self._out = torch.zeros((rows, 2 * GRAIN), dtype=torch.int64, device=self._device)
        self._width = 0

    @property
    def busy(self) -> bool:
        return bool(self._rows or self._waiting)

    def add(self, request: Request, on_done: OnDone, on_text: OnText | None = None) -> None:
        """Queue a request. One that cannot be served gets a ``Failure`` with ``ItemError`` at once."""
        prompt = tuple(self._tokenizer.encode(request.prompt, add_special_tokens=False))
        room = self._positions - len(prompt)
        if not prompt or room <= 0:
            problem = (
                f"has {len(prompt)} tokens, the model takes at most {self._positions - 1}" if prompt else "is empty"
            )
            on_done(Failure(request.request_id, ItemError(f"The prompt {problem}."), fatal=False))
            return
        row = _Row(request, prompt, min(request.sampling.max_tokens, room), on_done, on_text)
        if row.limit <= 0:
            on_done(Completion(request.request_id, "", 0, len(prompt), 0.0, "length"))
            return
        row.stops = self._stops.number(request.sampling.stop)
        self._added += 1
        heappush(self._waiting, (request.priority, self._added, row))

    def cancel(self, request_ids: Sequence[str]) -> None:
        """End these now; each gets its completion, with the text so far, as ``cancelled``."""
        wanted = set(request_ids)
        waiting = [entry[2] for entry in self._waiting if entry[2].request.request_id in wanted]
        if waiting:
            self._waiting = sorted(entry for entry in self._waiting if entry[2].request.request_id not in wanted)
        for row in waiting:
            row.on_done(Completion(row.request.request_id, "", 0, len(row.prompt), 0.0, "cancelled"))
        slots = [slot for slot, row in self._rows.items() if row.request.request_id in wanted]
        if slots:
            with torch.inference_mode():
                self._finish({slot: ("cancelled", tokens) for slot, tokens in self._tokens(slots).items()})

    def abort(self, error: BackendError) -> None:
        """The model is gone: everything queued or in a slot fails."""
        rows = [*self._rows.values(), *(entry[2] for entry in self._waiting)]
        self._rows, self._waiting = {}, []
        self._active[:] = False
        for row in rows:
            row.on_done(Failure(row.request.request_id, error, fatal=True))

    def step(self) -> None:
        """Let waiting prompts into free slots, then make one token of every sequence."""
        with torch.inference_mode():
            self._admit()
            if self._rows:
                self._settle(self._decode())

    # -- entering

    def _admit(self) -> None:
        batch = self._batch_to_admit()
        if not batch:
            return
        top = max([*self._rows, *batch]) + 1
        self._make_room(top, max(len(row.prompt) for row in batch.values()))
        self._prefill(batch)
        now = time.perf_counter()
        for slot, row in batch.items():
            row.started = now
            self._rows[slot] = row
            self._place[slot], self._made[slot], self._limit[slot] = len(row.prompt) - 1, 0, row.limit
            self._active[slot] = True
        index = self._index(list(batch))
        state = [[r.prompt[-1], len(r.prompt) - 1, 0, r.request.seed, r.stops] for r in batch.values()]
        knobs = [[r.request.sampling.temperature, r.request.sampling.top_p] for r in batch.values()]
        self._state[index] = torch.tensor(state, dtype=torch.int64).to(self._device)
        self._knobs[index] = torch.tensor(knobs, dtype=torch.float32).to(self._device)
        self._find_nucleus()

    def _batch_to_admit(self) -> dict[int, _Row]:
        """The waiting rows that enter now, by slot. Batch rows enter several at a time: a prefill costs as much as a step."""
        live = bool(self._waiting) and self._waiting[0][0] <= LIVE
        free = self.slots - len(self._rows)
        if not self._waiting or not (live or free >= min(len(self._waiting), max(1, self.slots // 8))):
            return {}
        holes = iter([slot for slot in range(len(self._active)) if not self._active[slot]])
        batch: dict[int, _Row] = {}
        tokens = 0
        while self._waiting and (tokens < _PREFILL_TOKENS or self._device.type != "cpu"):
            limit = self.slots + (_LIVE_SLOTS if self._waiting[0][0] <= LIVE else 0)
            if len(self._rows) + len(batch) >= limit:
                break
            row = heappop(self._waiting)[2]
            batch[next(holes)] = row
            tokens += len(row.prompt)
        return batch

    def _prefill(self, batch: dict[int, _Row]) -> None:
        """Write the keys of every prompt but its last token. Equal prompts are computed once, like lengths together."""
        slots_of: dict[tuple[int, ...], list[int]] = {}
        for slot, row in batch.items():
            if len(row.prompt) > 1:
                slots_of.setdefault(row.prompt[:-1], []).append(slot)
        groups: dict[int, list[tuple[int, ...]]] = {}
        for prefix, slots in slots_of.items():
            if prefix in self._memo:
                self._memo.move_to_end(prefix)
                self._write(
                    slots,
                    [
                        (k.expand(len(slots), -1, -1, -1), v.expand(len(slots), -1, -1, -1))
                        for k, v in self._memo[prefix]
                    ],
                )
            else:
                groups.setdefault(round_up(len(prefix)), []).append(prefix)
        for width, prefixes in groups.items():
            size = max(1, 4 * _PREFILL_TOKENS // width)
            for start in range(0, len(prefixes), size):
                self._prefill_group(width, prefixes[start : start + size], slots_of)

    def _prefill_group(
        self, width: int, prefixes: list[tuple[int, ...]], slots_of: dict[tuple[int, ...], list[int]]
    ) -> None:
        # Padding on the right of a causal model changes nothing before it; its keys are overwritten before they are seen.
        ids = torch.tensor([[*p, *[0] * (width - len(p))] for p in prefixes]).to(self._device)
        places = torch.arange(width, device=self._device).expand(len(prefixes), -1)
        cache = DynamicCache()
        self._model.base_model(input_ids=ids, position_ids=places, past_key_values=cache, use_cache=True)
        layers = [(layer.keys, layer.values) for layer in cache.layers]
        source = self._index([i for i, p in enumerate(prefixes) for _ in slots_of[p]])
        self._write([s for p in prefixes for s in slots_of[p]], [(k[source], v[source]) for k, v in layers])
        for i, prefix in enumerate(prefixes):
            if len(prefix) <= _MEMO_TOKENS:
                self._memo[prefix] = [(k[i : i + 1].clone(), v[i : i + 1].clone()) for k, v in layers]
                if len(self._memo) > _MEMO_PROMPTS:
                    self._memo.popitem(last=False)

    def _write(self, slots: list[int], prefix: list[tuple[Tensor, Tensor]]) -> None:
        self._cache.write(self._index(slots), prefix, (self._height(max(slots) + 1), self._width))

    def _height(self, rows: int) -> int:
        """Rows of keys to hold for so many slots: all batch slots at once, the live ones only when used."""
        return round_up(self.slots) if rows <= round_up(self.slots) else len(self._active)

    def _make_room(self, rows: int, length: int) -> None:
        """Keys for this length in every slot up to ``rows``; the width doubles, so that growing costs little in all."""
        if length > self._width:
            self._width = min(max(round_up(length), 2 * self._width), round_up(self._positions))
        self._cache.reserve(self._height(rows), self._width)

    # -- decoding

    def _decode(self) -> Tensor:
        """One token of every row; returns the meaning of each row's new token for its stop set, on the device."""
        rows = round_up(max(self._rows) + 1)
        length = int(self._place.max()) + 1
        self._make_room(rows, length)
        width = round_up(length)
        state = self._state[:rows]
        places = state[:, 1]
        seen = torch.arange(width, device=self._device) <= places[:, None]
        lowest = torch.finfo(self._model.dtype).min
        mask = torch.zeros(seen.shape, dtype=self._model.dtype, device=self._device).masked_fill_(~seen, lowest)
        self._cache.aim(torch.arange(rows, device=self._device), places, width)
        logits = self._model(
            input_ids=state[:, :1],
            attention_mask=mask[:, None, None, :],
            position_ids=state[:, 1:2],
            past_key_values=self._cache,
            use_cache=True,
        ).logits[:, -1]
        tokens = choose(logits, state[:, 3], state[:, 2], self._knobs[:rows, 0], self._knobs[:rows, 1], self._nucleus)
        self._keep(tokens, rows)
        return self._stops.kinds[state[:, 4], tokens]

    def _keep(self, tokens: Tensor, rows: int) -> None:
        if int(self._made.max()) >= self._out.shape[1]:
            self._out = torch.cat((self._out, torch.zeros_like(self._out)), dim=1)
        state = self._state[:rows]
        self._out[:rows].scatter_(1, state[:, 2:3], tokens[:, None])
        active = torch.from_numpy(self._active[:rows]).to(self._device)
        state[:, 0] = tokens
        state[:, 1] += active
        state[:, 2] += active
        self._place += self._active
        self._made += self._active

    def _settle(self, kinds: Tensor) -> None:
        """End what is at its end, show what is streamed. The one place where a step waits for the device."""
        told = np.zeros(len(self._active), dtype=np.int64)
        told[: len(kinds)] = kinds.cpu().numpy()
        told[~self._active] = 0
        full = self._active & (self._made >= self._limit)
        streaming = [slot for slot, row in self._rows.items() if row.on_text]
        looked_at = {*np.flatnonzero((told > 0) | full).tolist(), *streaming}
        if not looked_at:
            return
        ended: dict[int, tuple[Reason, list[int]]] = {}
        for slot, tokens in self._tokens(sorted(looked_at)).items():
            row = self._rows[slot]
            if told[slot] == ENDS:
                ended[slot] = ("stop", tokens)
            elif told[slot] == MAY_END and self._stops.cut(row.stops, self._text(tokens)) is not None:
                ended[slot] = ("stop", tokens)
            elif full[slot]:
                ended[slot] = ("length", tokens)
            elif row.on_text:
                self._show(row, self._stops.showable(row.stops, self._text(tokens)))
        if ended:
            self._finish(ended)

    # -- leaving

    def _finish(self, ended: dict[int, tuple[Reason, list[int]]]) -> None:
        now = time.perf_counter()
        results: list[tuple[_Row, Completion]] = []
        for slot, (reason, tokens) in ended.items():
            row = self._rows.pop(slot)
            self._active[slot] = False
            self._place[slot] = self._made[slot] = 0
            text = self._text(tokens)
            text = text[: self._stops.cut(row.stops, text)]
            done = Completion(row.request.request_id, text, len(tokens), len(row.prompt), now - row.started, reason)
            results.append((row, done))
        # A left row goes on computing with its neighbours; at position 0 it reads and writes nothing but itself.
        self._state[self._index(list(ended)), :3] = 0
        self._compact()
        self._find_nucleus()
        for row, done in results:
            self._show(row, done.text)
            row.on_done(done)

    def _compact(self) -> None:
        """Move the highest rows into holes where that makes a step smaller. Only the tail of a batch gets here."""
        count = len(self._rows)
        if not count or len(self._waiting) or round_up(count) >= round_up(max(self._rows) + 1):
            return
        source = sorted(slot for slot in self._rows if slot >= count)
        target = [slot for slot in range(count) if not self._active[slot]]
        from_, to = self._index(source), self._index(target)
        self._cache.move(from_, to, int(self._place.max()))
        for tensor in (self._state, self._knobs, self._out):
            tensor[to] = tensor[from_]
        self._state[from_, :3] = 0
        for array in (self._place, self._made, self._limit, self._active):
            array[target] = array[source]
        self._place[source] = self._made[source] = 0
        self._active[source] = False
        for old, new in zip(source, target, strict=True):
            self._rows[new] = self._rows.pop(old)

    def _find_nucleus(self) -> None:
        slots = [slot for slot, row in self._rows.items() if row.request.sampling.top_p < 1.0]
        self._nucleus = self._index(sorted(slots)) if slots else None

    def _tokens(self, slots: list[int]) -> dict[int, list[int]]:
        """The new tokens of these slots, fetched in one go."""
        fetched = self._out[self._index(slots), : int(self._made[slots].max())].cpu().numpy()
        return {slot: fetched[i, : self._made[slot]].tolist() for i, slot in enumerate(slots)}

    def _text(self, tokens: list[int]) -> str:
        return str(self._tokenizer.decode(tokens, skip_special_tokens=True, clean_up_tokenization_spaces=False))

    def _show(self, row: _Row, text: str) -> None:
        if row.on_text and len(text) > len(row.shown) and text.startswith(row.shown):
            new, row.shown = text[len(row.shown) :], text
            row.on_text(row.request.request_id, new)

    def _index(self, numbers: list[int]) -> Tensor:
        return torch.tensor(numbers, dtype=torch.long).to(self._device)


def max_positions(config: Any) -> int:
    """How many tokens, prompt and answer together, the model can hold. Sliding-window models are used within one window,
    where full attention is the same thing."""
    limit = int(getattr(config, "max_position_embeddings", None) or 1 << 20)
    kinds = getattr(config, "layer_types", None) or ["full_attention"]
    window = getattr(config, "sliding_window", None)
    slides = "sliding_attention" in kinds or (window and not getattr(config, "layer_types", None))
    return min(limit, int(window)) if slides and window else limit


def end_ids(model: Any, tokenizer: Any) -> list[int]:
    """The ids that end a text by the model's own word: its generation config's, else its tokenizer's."""
    generation = getattr(model, "generation_config", None)
    ids = getattr(generation, "eos_token_id", None)
    ids = tokenizer.eos_token_id if ids is None else ids
    return [] if ids is None else [ids] if isinstance(ids, int) else [int(i) for i in ids]


def sample_all(
    model: Any,
    tokenizer: Any,
    prompts: Sequence[str],
    sampling: Sampling,
    seeds: Sequence[int],
    slots: int = 64,
    progress: Callable[[int], None] | None = None,
) -> list[Completion]:
    """Continue every prompt with its own seed; completions in input order. ``progress`` is told how many are done.

    Raises ``ItemError`` for a prompt that the model cannot take.
    """
    done: dict[str, Completion] = {}
    failed: list[Failure] = []

    def take(result: Completion | Failure) -> None:
        if isinstance(result, Failure):
            failed.append(result)
            return
        done[result.request_id] = result
        if progress:
            progress(len(done))

    was_training = model.training
    model.eval()
    try:
        decoder = SlotDecoder(model, tokenizer, slots)
        for i, (prompt, seed) in enumerate(zip(prompts, seeds, strict=True)):
            decoder.add(Request(str(i), prompt, sampling, seed, BATCH), take)
        while decoder.busy and not failed:
            decoder.step()
    finally:
        model.train(was_training)
    if failed:
        raise failed[0].error
    return [done[str(i)] for i in range(len(prompts))]
