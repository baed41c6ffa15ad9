"""The decode loop: many sequences of a Hugging Face causal LM at once; a new one takes the slot of one that ends.

A step feeds one token of every sequence through the model. Prompts enter by a forward pass over all but their last
token, which is the input of the first step, so one code path makes every new token. On the CPU a sequence's tokens do
not depend on the rest of the batch (see ``slots.GRAIN``). For use from one thread.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from engine.config.sampling import Sampling
from engine.models.base import BATCH, LIVE, Completion, Failure, OnCompletion, OnText, Request
from engine.models.local.attention import use_decode_attention
from engine.models.local.causal import encode_prompt, end_ids, max_positions
from engine.models.local.prefill import PREFILL_TOKENS, Prefill
from engine.models.local.sampling import choose
from engine.models.local.slots import SlotCache, round_up
from engine.models.local.stops import ENDS, MAY_END, StopTable
from engine.models.local.table import Entry, SlotTable
from store.errors import BackendError, ItemError

Reason = Literal["stop", "length", "cancelled"]

_LIVE_SLOTS = 16
"""Slots beyond ``slots`` that only live requests may take, so that they never wait for a batch's sequence to end."""


@dataclass(slots=True)
class _Row:
    """One request, waiting or being decoded. ``limit`` counts new tokens."""

    request: Request
    prompt: tuple[int, ...]
    limit: int
    on_done: OnCompletion
    on_text: OnText | None
    stops: int = 0
    started: float = 0.0
    streamed: str = ""

    def entry(self) -> Entry:
        sampling, last = self.request.sampling, len(self.prompt) - 1
        seed, stops = self.request.seed, self.stops
        return Entry(
            self.prompt[last], last, self.limit, seed, stops, sampling.temperature, sampling.top_p, sampling.top_k,
            self.request.logprobs,
        )  # fmt: skip


class SlotDecoder:
    """``add`` requests, then ``step`` until not ``busy``; results come through the callbacks given to ``add``.

    ``slots``: sequences decoded together. After an exception from ``step`` (out of memory, say), call ``abort``.
    """

    def __init__(self, model: Any, tokenizer: Any, slots: int = 64) -> None:
        config = model.config.get_text_config()
        self.slots = slots
        self._model, self._tokenizer = model, tokenizer
        self.attention_before = use_decode_attention(model)
        self._device: torch.device = model.device
        self._positions = max_positions(config)
        rows = round_up(slots + _LIVE_SLOTS)
        self._cache = SlotCache(config.num_hidden_layers, (round_up(slots), rows), self._positions)
        self._prefill = Prefill(model, self._cache)
        self._stops = StopTable(tokenizer, config.vocab_size, end_ids(model, tokenizer), self._device)
        self._waiting: list[tuple[int, int, _Row]] = []
        self._added = 0
        self._rows: dict[int, _Row] = {}
        self._table = SlotTable(rows, self._device)

    @property
    def busy(self) -> bool:
        return bool(self._rows or self._waiting)

    def add(self, request: Request, on_done: OnCompletion, on_text: OnText | None = None) -> None:
        """Queue a request. One with an unusable prompt gets a ``Failure`` with ``ItemError`` immediately."""
        try:
            prompt = tuple(encode_prompt(self._tokenizer, request.prompt, self._positions))
        except ItemError as error:
            on_done(Failure(request.request_id, error, fatal=False))
            return
        limit = min(request.sampling.max_tokens, self._positions - len(prompt))
        row = _Row(request, prompt, limit, on_done, on_text)
        if row.limit <= 0:
            on_done(Completion(request.request_id, "", 0, len(prompt), 0.0, "length"))
            return
        row.stops = self._stops.number(request.sampling.stop)
        self._added += 1
        heappush(self._waiting, (request.priority, self._added, row))

    def cancel_all(self) -> None:
        rows = [*self._rows.values(), *(entry[2] for entry in self._waiting)]
        self.cancel([row.request.request_id for row in rows])

    def cancel(self, request_ids: Sequence[str]) -> None:
        """End these; each gets a completion with the text so far, as ``cancelled``."""
        wanted = set(request_ids)
        waiting = [entry[2] for entry in self._waiting if entry[2].request.request_id in wanted]
        if waiting:
            self._waiting = sorted(entry for entry in self._waiting if entry[2].request.request_id not in wanted)
        for row in waiting:
            row.on_done(Completion(row.request.request_id, "", 0, len(row.prompt), 0.0, "cancelled"))
        slots = [slot for slot, row in self._rows.items() if row.request.request_id in wanted]
        if slots:
            with torch.inference_mode():
                self._finish({slot: ("cancelled", tokens) for slot, tokens in self._table.tokens(slots).items()})

    def abort(self, error: BackendError) -> None:
        """The model is gone: all requests fail."""
        rows = [*self._rows.values(), *(entry[2] for entry in self._waiting)]
        self._rows, self._waiting = {}, []
        self._table.leave(np.flatnonzero(self._table.active).tolist())
        for row in rows:
            row.on_done(Failure(row.request.request_id, error, fatal=True))

    def step(self) -> None:
        """Move waiting requests into free slots, then make one token of every sequence."""
        with torch.inference_mode():
            self._admit()
            if self._rows:
                self._handle_new_tokens(self._decode())

    # --- admitting requests

    def _admit(self) -> None:
        batch = self._batch_to_admit()
        if not batch:
            return
        self._rows.update(batch)  # before the forward pass, so that they fail with the others if it does
        self._cache.reserve(max(self._rows) + 1, max(len(row.prompt) for row in batch.values()))
        self._prefill.fill({slot: row.prompt[:-1] for slot, row in batch.items()})
        now = time.perf_counter()
        for row in batch.values():
            row.started = now
        self._table.enter({slot: row.entry() for slot, row in batch.items()})

    def _batch_to_admit(self) -> dict[int, _Row]:
        """The waiting rows that enter now, by slot; several batch rows at a time, since a prefill costs as much as a
        step."""
        live = bool(self._waiting) and self._waiting[0][0] <= LIVE
        free = self.slots - len(self._rows)
        if not self._waiting or not (live or free >= min(len(self._waiting), max(1, self.slots // 8))):
            return {}
        free_slots = iter(np.flatnonzero(~self._table.active).tolist())
        batch: dict[int, _Row] = {}
        tokens = 0
        while self._waiting and (tokens < PREFILL_TOKENS or self._device.type != "cpu"):
            limit = self.slots + (_LIVE_SLOTS if self._waiting[0][0] <= LIVE else 0)
            if len(self._rows) + len(batch) >= limit:
                break
            row = heappop(self._waiting)[2]
            batch[next(free_slots)] = row
            tokens += len(row.prompt)
        return batch

    # --- decoding

    def _decode(self) -> Tensor:
        """Make one token of every row; returns what each new token means for the row's stop set, on the device."""
        rows, table = round_up(max(self._rows) + 1), self._table
        self._cache.reserve(rows, table.length)
        width = round_up(table.length)
        tokens, places = table.inputs(rows)
        unseen = torch.arange(width, device=self._device) > places
        mask = torch.zeros(unseen.shape, dtype=self._model.dtype, device=self._device)
        mask.masked_fill_(unseen, torch.finfo(mask.dtype).min)
        self._cache.aim(torch.arange(rows, device=self._device), places[:, 0], width)
        logits = self._model(
            input_ids=tokens,
            attention_mask=mask[:, None, None, :],
            position_ids=places,
            past_key_values=self._cache,
            use_cache=True,
        ).logits[:, -1]
        new = choose(logits, *table.sampling(rows), table.nucleus, table.limited)
        table.score(logits, new)
        table.advance(new)
        return self._stops.kinds[table.stops(rows), new]

    def _handle_new_tokens(self, kinds: Tensor) -> None:
        """Finish rows that have ended and stream text. The only place where a step waits for the device."""
        table = self._table
        meaning = np.zeros(len(table.active), dtype=np.int64)
        meaning[: len(kinds)] = kinds.cpu().numpy()
        meaning[~table.active] = 0
        full = table.active & (table.made >= table.limit)
        streaming = [slot for slot, row in self._rows.items() if row.on_text]
        to_read = {*np.flatnonzero((meaning > 0) | full).tolist(), *streaming}
        if not to_read:
            return
        ended: dict[int, tuple[Reason, list[int]]] = {}
        for slot, tokens in table.tokens(sorted(to_read)).items():
            row = self._rows[slot]
            may_end = meaning[slot] == MAY_END
            if meaning[slot] == ENDS or (may_end and self._stops.cut(row.stops, self._text(tokens)) is not None):
                ended[slot] = ("stop", tokens)
            elif full[slot]:
                ended[slot] = ("length", tokens)
            elif row.on_text:
                self._stream(row, self._stops.showable(row.stops, self._text(tokens)))
        if ended:
            self._finish(ended)

    # --- finishing

    def _finish(self, ended: dict[int, tuple[Reason, list[int]]]) -> None:
        now = time.perf_counter()
        results: list[tuple[_Row, Completion]] = []
        logprobs = self._table.logprobs(list(ended))
        for slot, (reason, tokens) in ended.items():
            row = self._rows.pop(slot)
            text = self._text(self._stops.without_end(row.stops, tokens))
            text = text[: self._stops.cut(row.stops, text)]
            done = Completion(
                row.request.request_id, text, len(tokens), len(row.prompt), now - row.started, reason,
                logprobs=logprobs.get(slot),
            )  # fmt: skip
            results.append((row, done))
        self._table.leave(list(ended))
        self._compact()
        for row, done in results:
            self._stream(row, done.text)
            row.on_done(done)

    def _compact(self) -> None:
        """Move the highest rows into free slots where that makes a step smaller; at the end of a batch."""
        count = len(self._rows)
        if not count or len(self._waiting) or round_up(count) >= round_up(max(self._rows) + 1):
            return
        source = sorted(slot for slot in self._rows if slot >= count)
        target = [slot for slot in range(count) if slot not in self._rows]
        self._cache.move(source, target, self._table.length)
        self._table.move(source, target)
        for old, new in zip(source, target, strict=True):
            self._rows[new] = self._rows.pop(old)

    def _text(self, tokens: list[int]) -> str:
        return str(self._tokenizer.decode(tokens, skip_special_tokens=True, clean_up_tokenization_spaces=False))

    def _stream(self, row: _Row, text: str) -> None:
        if row.on_text and len(text) > len(row.streamed) and text.startswith(row.streamed):
            new, row.streamed = text[len(row.streamed) :], text
            row.on_text(row.request.request_id, new)


def sample_all(
    model: Any,
    tokenizer: Any,
    prompts: Sequence[str],
    sampling: Sampling,
    seeds: Sequence[int],
    slots: int = 64,
    progress: Callable[[int], None] | None = None,
    *,
    logprobs: bool = False,
) -> list[Completion]:
    """Continue every prompt with its own seed; completions in input order, with ``logprobs`` where wanted.
    ``progress`` gets the number done.

    ItemError for a prompt that the model cannot take.
    """
    done: dict[str, Completion] = {}
    failed: list[Failure] = []

    def receive(result: Completion | Failure) -> None:
        if isinstance(result, Failure):
            failed.append(result)
            return
        done[result.request_id] = result
        if progress:
            progress(len(done))

    was_training = model.training
    model.eval()
    decoder = SlotDecoder(model, tokenizer, slots)
    try:
        for i, (prompt, seed) in enumerate(zip(prompts, seeds, strict=True)):
            decoder.add(Request(str(i), prompt, sampling, seed, BATCH, logprobs), receive)
        while decoder.busy and not failed:
            decoder.step()
    finally:
        model.train(was_training)
        model.set_attn_implementation(decoder.attention_before)
    if failed:
        raise failed[0].error
    return [done[str(i)] for i in range(len(prompts))]
