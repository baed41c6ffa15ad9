"""A solver's greedy confidence as a ``ScoreModel``: for questions that are stored already. A run's pipeline asks the
solver itself, since the solution counts there."""

import threading
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from engine.config.calibration import Calibration
from engine.config.profiles import Role
from engine.models.base import Completion, Failure, OnScored, Request, Row, Scored, TextModel


def greedy_logit(calibration: Calibration, text: Completion) -> float | None:
    """The log-odds of failing, by the solver's greedy solution; None for one without a token."""
    if text.logprobs is None:
        return None
    return calibration.logit(*text.logprobs, cut_off=text.finish_reason == "length")


class GreedyScore:
    """``difficulty``: the role with the calibration; ``asked``: the solver's at temperature 0 (``Profile.greedy``).
    Scores are log-odds of failing; None where the solver writes nothing."""

    def __init__(self, difficulty: Role, asked: Role, model: TextModel) -> None:
        assert difficulty.calibration is not None
        self.name, self.window, self._model = difficulty.name, model.window, model
        self._calibration = difficulty.calibration
        # The longer limit at once: a greedy solution only goes on where the shorter one cut it off.
        self._sampling = replace(asked.sampling, max_tokens=asked.retry_tokens or asked.max_tokens)

    def submit(self, request_id: str, rows: Sequence[Row], on_done: OnScored) -> None:
        done: dict[str, Completion | Failure] = {}
        asked = [Request(f"{request_id}/{i}", row[0], self._sampling, 0, logprobs=True) for i, row in enumerate(rows)]
        receive = partial(self._receive, request_id, [one.request_id for one in asked], done, threading.Lock(), on_done)
        self._model.submit(asked, receive)

    def close(self) -> None:
        """The model is its owner's to close."""

    def _receive(
        self,
        request_id: str,
        wanted: Sequence[str],
        done: dict[str, Completion | Failure],
        lock: threading.Lock,
        on_done: OnScored,
        result: Completion | Failure,
    ) -> None:
        with lock:
            done[result.request_id] = result
            if len(done) < len(wanted):
                return
        failed = next((one for one in done.values() if isinstance(one, Failure)), None)
        if failed is not None:
            on_done(replace(failed, request_id=request_id))
            return
        texts = [one for one in (done[key] for key in wanted) if isinstance(one, Completion)]
        seconds = max(text.seconds for text in texts)
        scores = tuple(greedy_logit(self._calibration, text) for text in texts)
        on_done(Scored(request_id, scores, sum(text.tokens for text in texts), seconds))
