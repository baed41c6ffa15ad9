"""Raw scores from transformers models: one logit of a sequence classifier, the log-probability of a response, or the
odds of a first token.

A row is (text, further text or None), which the model reads as one text. Rows of similar length are scored together; a
row's score depends on the others only by rounding (well below 1e-4).
"""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import torch
from torch import Tensor

from engine.models.base import Failure, OnScored, Row
from engine.models.device import DeviceLoop
from engine.models.local.causal import max_positions
from engine.models.local.slots import round_up
from engine.models.score_call import RowEncoder, ScoreCall
from store.errors import BackendError, ItemError

Aggregate = Literal["mean", "min", "sum"]

_CPU_TOKENS, _GPU_TOKENS = 2048, 32768
"""Tokens of one batch: enough to fill the device without delaying the decode steps of other models."""
_LOGITS = 1 << 27
"""Limit on tokens times vocabulary of one batch: half a GiB in float32."""


@dataclass(slots=True, eq=False)
class _Row:
    """One row: its tokens, and where those to be scored begin."""

    call: ScoreCall
    place: int
    ids: list[int]
    begin: int
    serial: int


def batch_tokens(device: torch.device, vocabulary: int) -> int:
    """Tokens of one batch on this device."""
    return min(_CPU_TOKENS if device.type == "cpu" else _GPU_TOKENS, _LOGITS // vocabulary)


class Scorer(Protocol):
    """How a batch of token rows becomes scores."""

    model: Any

    def scores(self, ids: Tensor, lengths: Tensor, begins: Tensor) -> Tensor:
        """[rows, width] right-padded ids, their lengths, the first scored position of each -> [rows] floats."""


class SequenceScore:
    """The one logit of a ``*ForSequenceClassification`` model, raw: no sigmoid."""

    def __init__(self, model: Any) -> None:
        self.model = model

    def scores(self, ids: Tensor, lengths: Tensor, begins: Tensor) -> Tensor:
        places = torch.arange(ids.shape[1], device=ids.device).expand_as(ids)
        head = getattr(self.model, "score", None)
        if head is None:  # an encoder: its padding must be masked, and its own forward pass applies the head
            logits: Tensor = self.model(input_ids=ids, attention_mask=(places < lengths[:, None]).long()).logits
            return logits[:, 0].float()
        # The head is applied here, at the last real token: transformers' classes look for that by the padding id,
        # which may be missing from a config or occur inside a text.
        hidden = self.model.base_model(input_ids=ids, position_ids=places, use_cache=False).last_hidden_state
        logits = head(hidden[torch.arange(len(ids), device=ids.device), lengths - 1])
        return logits[:, 0].float()


class LogProbScore:
    """Log-probability of a row's second text under a causal LM, given the first: mean, minimum or sum over tokens."""

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


class FirstTokenScore:
    """Log-odds that a causal LM does not begin its answer with this token (``engine.models.first_token``)."""

    def __init__(self, model: Any, token_id: int) -> None:
        self.model, self._token_id = model, token_id

    def scores(self, ids: Tensor, lengths: Tensor, begins: Tensor) -> Tensor:
        places = torch.arange(ids.shape[1], device=ids.device).expand_as(ids)
        logits = self.model(input_ids=ids, position_ids=places, use_cache=False).logits
        last = logits[torch.arange(len(ids), device=ids.device), lengths - 1].double()
        token = last[:, self._token_id].clone()
        last[:, self._token_id] = float("-inf")
        odds: Tensor = last.logsumexp(-1) - token
        return odds


class TransformersScore:
    """A ``ScoreModel`` over a ``SequenceScore``, ``LogProbScore`` or ``FirstTokenScore``.

    Rows outside the domain (``in_domain`` of their first text) or too long for the model score None. A call with a row
    that has nothing to score gets a ``Failure`` with ``ItemError``. ``end``: the id at which the model is read.
    """

    def __init__(
        self,
        name: str,
        scorer: Scorer,
        tokenizer: Any,
        in_domain: Callable[[str], bool] | None = None,
        window: int = 64,
        threads: int = 1,
        end: int | None = None,
    ) -> None:
        self.name, self.window, self.threads = name, window, threads
        self._scorer: Scorer | None = scorer
        scorer.model.eval()
        self._device: torch.device = scorer.model.device
        positions = max_positions(scorer.model.config.get_text_config())
        self._encoder = RowEncoder(tokenizer, positions, in_domain, end)
        self._waiting: dict[int, deque[_Row]] = {}  # by padded length
        self._added = 0
        self._batch_tokens = batch_tokens(self._device, scorer.model.config.get_text_config().vocab_size)
        self._error: BackendError | None = None
        self._loop = DeviceLoop.join(str(self._device), self)

    def submit(self, request_id: str, rows: Sequence[Row], on_done: OnScored) -> None:
        copied = list(rows)
        if self._scorer is None:  # closed: the loop may be gone
            self._add(request_id, copied, on_done)
            return
        self._loop.post(lambda: self._add(request_id, copied, on_done))

    def close(self) -> None:
        """Calls in flight fail as not fatal: the model is not gone, it was closed."""
        if self._scorer is not None:
            self._loop.leave(self, self._end)

    @property
    def busy(self) -> bool:
        return bool(self._waiting)

    def step(self) -> None:
        """Score one batch: the row that has waited longest, and others of its length or somewhat shorter."""
        if self._scorer is None:
            return
        batch, width = self._next_batch()
        try:
            scores = self._score(self._scorer, batch, width)
        except BaseException:
            for row in batch:  # so that ``fail`` ends them too
                self._waiting.setdefault(width, deque()).append(row)
            raise
        for row, score in zip(batch, scores, strict=True):
            row.call.add(row.place, score)

    def _next_batch(self) -> tuple[list[_Row], int]:
        width = min(self._waiting, key=lambda w: self._waiting[w][0].serial)
        size = max(1, self._batch_tokens // width)
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

    def _add(self, request_id: str, rows: list[Row], on_done: OnScored) -> None:
        if self._error is not None:
            on_done(Failure(request_id, self._error, fatal=True))
            return
        try:
            encoded = self._encoder.encode(rows)
            if isinstance(self._scorer, LogProbScore) and any(len(ids) <= max(1, n) for n, ids in encoded.values()):
                raise ItemError("The text to score has no response.")
        except ItemError as error:
            on_done(Failure(request_id, error, fatal=False))
            return
        call = ScoreCall(request_id, len(rows), len(encoded), sum(len(ids) for _, ids in encoded.values()), on_done)
        for place, (begin, ids) in encoded.items():
            row = _Row(call, place, ids, max(1, begin), self._added + place)
            self._waiting.setdefault(round_up(len(ids)), deque()).append(row)
        self._added += len(rows)

    def _fail_waiting(self, error: BackendError | ItemError, fatal: bool) -> None:
        waiting, self._waiting = self._waiting, {}
        for row in (row for rows in waiting.values() for row in rows):
            row.call.fail(error, fatal)

    def _end(self) -> None:
        self._fail_waiting(ItemError(f"The scorer '{self.name}' was closed before it was done."), fatal=False)
        self._error = BackendError(f"The scorer '{self.name}' is closed.")
        self._scorer = None
