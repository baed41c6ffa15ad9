"""One ``submit`` of a score model while its rows are scored one by one; for the local and the vLLM backend."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from engine.models.base import Failure, OnScored, Row, Scored
from engine.models.local.causal import encode
from engine.models.tokenizers import begins_with_blank
from store.errors import ItemError, ScaleQuestError


class ScoreCall:
    """``on_done`` is called once: with all scores when the last of ``left`` rows has one, or with the first failure."""

    def __init__(self, request_id: str, rows: int, left: int, tokens: int, on_done: OnScored) -> None:
        self.request_id = request_id
        self._scores: list[float | None] = [None] * rows
        self._left, self._tokens, self._on_done = left, tokens, on_done
        self._started = time.perf_counter()
        self.ended = False
        if not left:
            self._end(Scored(request_id, tuple(self._scores), 0, 0.0))

    def add(self, row: int, score: float) -> None:
        self._scores[row] = score
        self._left -= 1
        if not self._left:
            seconds = time.perf_counter() - self._started
            self._end(Scored(self.request_id, tuple(self._scores), self._tokens, seconds))

    def fail(self, error: ScaleQuestError, fatal: bool) -> None:
        self._end(Failure(self.request_id, error, fatal))

    def _end(self, result: Scored | Failure) -> None:
        if not self.ended:
            self.ended = True
            self._on_done(result)


@dataclass(frozen=True, slots=True)
class RowEncoder:
    """Texts to token ids for a score model. ``positions``: how many ids it takes. ``end``: the id at which it is read,
    None where any last one serves (``engine.models.reward_token``)."""

    tokenizer: Any
    positions: int
    in_domain: Callable[[str], bool] | None = None
    end: int | None = None

    def encode(self, rows: Sequence[Row]) -> dict[int, tuple[int, list[int]]]:
        """For each row in the domain that fits: the number of its first text's tokens, and the ids of both texts.

        ItemError for an empty row.
        """
        encoded: dict[int, tuple[int, list[int]]] = {}
        for place, (first, second) in enumerate(rows):
            if self.in_domain is not None and not self.in_domain(first):
                continue
            begin, ids = self._pair(first, second or "")
            if not ids:
                raise ItemError("The text to score is empty.")
            if self.end is not None and ids[-1] != self.end:
                ids = [*ids, self.end]
            if len(ids) <= self.positions:
                encoded[place] = (begin, ids)
        return encoded

    def _pair(self, first: str, second: str) -> tuple[int, list[int]]:
        prompt = encode(self.tokenizer, first)
        if not second:
            return len(prompt), prompt
        if not begins_with_blank(self.tokenizer):  # else two texts are encoded as one
            return len(prompt), prompt + encode(self.tokenizer, second)
        both = encode(self.tokenizer, first + second)
        pairs = zip(prompt, both, strict=False)
        return next((i for i, (a, b) in enumerate(pairs) if a != b), min(len(prompt), len(both))), both
