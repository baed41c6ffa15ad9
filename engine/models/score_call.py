"""One ``submit`` of a score model while its rows are scored one by one; for the local and the vLLM backend."""

import time
from collections.abc import Callable, Sequence
from typing import Any

from engine.models.base import Failure, OnScored, Row, Scored
from engine.models.local.causal import encode
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


def encode_rows(
    tokenizer: Any, rows: Sequence[Row], positions: int, in_domain: Callable[[str], bool] | None
) -> dict[int, tuple[int, list[int]]]:
    """For each row in the domain: the number of its first text's tokens, and the ids of both texts.

    ItemError for a row that is empty or longer than ``positions``.
    """
    encoded: dict[int, tuple[int, list[int]]] = {}
    for place, (first, second) in enumerate(rows):
        if in_domain is not None and not in_domain(first):
            continue
        prompt = encode(tokenizer, first)
        ids = prompt + (encode(tokenizer, second) if second else [])
        if not ids:
            raise ItemError("The text to score is empty.")
        if len(ids) > positions:
            raise ItemError(f"The text to score has {len(ids)} tokens; the model takes at most {positions}.")
        encoded[place] = (len(prompt), ids)
    return encoded
