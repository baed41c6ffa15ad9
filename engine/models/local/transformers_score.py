"""Raw scores from transformers models: one logit of a sequence classifier, or the log-probability of a response.

A row is (text, more text or None): the model reads the two strung together, exactly as given. Rows of like length go
through together. A score depends on its own row only up to rounding (well under 1e-4). Knows nothing of templates,
stages or files.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import torch
from torch import Tensor

from engine.models.base import Failure, Scored
from engine.models.device import DeviceLoop
from engine.models.local.causal import encode, max_positions
from engine.models.local.slots import round_up
from store.errors import BackendError, ItemError

TextRow = tuple[str, str | None]
OnDone = Callable[[Scored | Failure], None]
Aggregate = Literal["mean", "min", "sum"]

_CPU_TOKENS, _GPU_TOKENS = 2048, 32768
"""Tokens of one batch: as many as fill the processor without holding up the other models' decode steps."""
_LOGITS = 1 << 27
"""Tokens times vocabulary of one batch at most: half a GiB in float32."""


@dataclass(slots=True, eq=False)
class _Call:
    """One ``submit``: its scores so far, and how many rows are still to come."""

    request_id: str
    on_done: OnDone
    scores: list[float | None]
    left: int
    tokens: int = 0
    started: float = field(default_factory=time.perf_counter)
    failed: bool = False


@dataclass(slots=True, eq=False)
class _Row:
    """One row: its tokens, and where those to be judged begin."""

    call: _Call
    place: int
    ids: list[int]
    begin: int
    serial: int


def turn_tokens(device: torch.device, vocabulary: int) -> int:
    return min(_CPU_TOKENS if device.type == "cpu" else _GPU_TOKENS, _LOGITS // vocabulary)


class Scorer(Protocol):
    """How a batch of token rows becomes scores."""

    model: Any

    def scores(self, ids: Tensor, lengths: Tensor, begins: Tensor) -> Tensor:
        """[rows, width] right-padded ids, their lengths, the first judged position -> one float each."""


class SequenceScore:
    """The one logit of a ``*ForSequenceClassification`` model, raw: no sigmoid."""

    def __init__(self, model: Any) -> None:
        self.model = model

    def scores(self, ids: Tensor, lengths: Tensor, begins: Tensor) -> Tensor:
        places = torch.arange(ids.shape[1], device=ids.device).expand_as(ids)
        head = getattr(self.model, "score", None)
        if head is None:  # an encoder: padding is seen unless it is masked, and the head is the model's own affair
            logits: Tensor = self.model(input_ids=ids, attention_mask=(places < lengths[:, None]).long()).logits
            return logits[:, 0].float()
        # The head is applied here, at the last real token: transformers' own classes look for it by the padding id,
        # which may be missing from a config or occur inside a text.
        hidden = self.model.base_model(input_ids=ids, position_ids=places, use_cache=False).last_hidden_state
        logits = head(hidden[torch.arange(len(ids), device=ids.device), lengths - 1])
        return logits[:, 0].float()


class LogProbScore:
    """The log-probability of a row's second text under a causal LM, given its first: mean, least or sum over its
    tokens."""

    def __init__(self, model: Any, aggregate: Aggregate = "mean") -> None:
        self.model, self.aggregate = model, aggregate

    def scores(self, ids: Tensor, lengths: Tensor, begins: Tensor) -> Tensor:
        places = torch.arange(ids.shape[1], device=ids.device).expand_as(ids)
        logits = self.model(input_ids=ids, position_ids=places, use_cache=False).logits[:, :-1].float()
        each = logits.log_softmax(-1).gather(-1, ids[:, 1:, None])[..., 0]
        spots = places[:, 1:]
        judged = (spots >= begins[:, None]) & (spots < lengths[:, None])
        if self.aggregate == "min":
            least: Tensor = each.masked_fill(~judged, float("inf")).amin(-1)
            return least
        total: Tensor = (each * judged).sum(-1)
        return total if self.aggregate == "sum" else total / judged.sum(-1)


class TransformersScore:
    """A ``ScoreModel`` over a ``SequenceScore`` or ``LogProbScore``.

    ``in_domain`` is asked of each row's first text; where it says no, the score is None and the model is not asked. A
    call with a row that is too long for the model, or that has nothing to judge, gets a ``Failure`` with
    ``ItemError``.
    """

    def __init__(
        self,
        name: str,
        scorer: Scorer,
        tokenizer: Any,
        in_domain: Callable[[str], bool] | None = None,
        window: int = 64,
        threads: int = 1,
    ) -> None:
        self.name, self.window, self.threads = name, window, threads
        self._scorer: Scorer | None = scorer
        self._tokenizer, self._in_domain = tokenizer, in_domain
        scorer.model.eval()
        self._device: torch.device = scorer.model.device
        self._positions = max_positions(scorer.model.config.get_text_config())
        self._waiting: dict[int, deque[_Row]] = {}  # by padded length
        self._added = 0
        self._turn_tokens = turn_tokens(self._device, scorer.model.config.get_text_config().vocab_size)
        self._error: BackendError | None = None
        self._loop = DeviceLoop.join(str(self._device), self)

    def submit(self, request_id: str, rows: Sequence[TextRow], on_done: OnDone) -> None:
        taken = list(rows)
        if self._scorer is None:  # closed: the loop may be gone
            self._add(request_id, taken, on_done)
            return
        self._loop.post(lambda: self._add(request_id, taken, on_done))

    def close(self) -> None:
        """What is in flight fails as not fatal: the model is not gone, it was put away."""
        if self._scorer is not None:
            self._loop.leave(self, self._end)

    @property
    def busy(self) -> bool:
        return bool(self._waiting)

    def turn(self) -> None:
        """Score one batch: the longest-waiting row, and rows of its length and somewhat less."""
        if self._scorer is None:
            return
        batch, width = self._next_batch()
        try:
            scores = self._score(self._scorer, batch, width)
        except BaseException:
            for row in batch:  # back, so that ``fail`` finds them
                self._waiting.setdefault(width, deque()).append(row)
            raise
        for row, score in zip(batch, scores, strict=True):
            row.call.scores[row.place] = score
            self._count_down(row.call)

    def _next_batch(self) -> tuple[list[_Row], int]:
        width = min(self._waiting, key=lambda w: self._waiting[w][0].serial)
        size = max(1, self._turn_tokens // width)
        batch: list[_Row] = []
        for near in sorted((w for w in self._waiting if width >= w >= width // 2), reverse=True):
            rows = self._waiting[near]
            while rows and len(batch) < size:
                batch.append(rows.popleft())
            if not rows:
                del self._waiting[near]
        return batch, width

    def fail(self, error: BackendError) -> None:
        self._error = error
        self._fail_waiting(error, fatal=True)

    def _score(self, scorer: Scorer, rows: list[_Row], width: int) -> list[float]:
        with torch.inference_mode():
            ids = torch.tensor([[*r.ids, *[0] * (width - len(r.ids))] for r in rows]).to(self._device)
            lengths = torch.tensor([len(r.ids) for r in rows]).to(self._device)
            begins = torch.tensor([r.begin for r in rows]).to(self._device)
            scores: list[float] = scorer.scores(ids, lengths, begins).cpu().tolist()
            return scores

    def _add(self, request_id: str, rows: list[TextRow], on_done: OnDone) -> None:
        if self._error is not None:
            on_done(Failure(request_id, self._error, fatal=True))
            return
        call = _Call(request_id, on_done, [None] * len(rows), left=1)
        waiting: list[_Row] = []
        for place, row in enumerate(rows):
            if self._in_domain is not None and not self._in_domain(row[0]):
                continue
            try:
                first, ids = self._read(row)
            except ItemError as error:
                on_done(Failure(request_id, error, fatal=False))
                return
            waiting.append(_Row(call, place, ids, max(1, len(first)), self._added + place))
        call.left += len(waiting)
        call.tokens = sum(len(w.ids) for w in waiting)
        self._added += len(rows)
        for read in waiting:
            self._waiting.setdefault(round_up(len(read.ids)), deque()).append(read)
        self._count_down(call)

    def _read(self, row: TextRow) -> tuple[list[int], list[int]]:
        """The ids of the first text, and of both."""
        first = encode(self._tokenizer, row[0])
        ids = first + (encode(self._tokenizer, row[1]) if row[1] else [])
        if not ids:
            raise ItemError("The text to score is empty.")
        if len(ids) > self._positions:
            problem = f"has {len(ids)} tokens; the model takes at most {self._positions}"
            raise ItemError(f"The text to score {problem}.")
        if isinstance(self._scorer, LogProbScore) and len(ids) <= max(1, len(first)):
            raise ItemError("The text to score has no response.")
        return first, ids

    def _count_down(self, call: _Call) -> None:
        call.left -= 1
        if not call.left and not call.failed:
            seconds = time.perf_counter() - call.started
            call.on_done(Scored(call.request_id, tuple(call.scores), call.tokens, seconds))

    def _fail_waiting(self, error: BackendError | ItemError, fatal: bool) -> None:
        waiting, self._waiting = self._waiting, {}
        for row in (row for rows in waiting.values() for row in rows):
            if not row.call.failed:
                row.call.failed = True
                row.call.on_done(Failure(row.call.request_id, error, fatal))

    def _end(self) -> None:
        self._fail_waiting(ItemError(f"The scorer '{self.name}' was closed before it was done."), fatal=False)
        self._error = BackendError(f"The scorer '{self.name}' is closed.")
        self._scorer = None
