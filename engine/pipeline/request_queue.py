"""Lanes: what waits for a model and what is in flight there, never more than the model's window.

A lane renders prompts, gives every call its id and seed, and tries a text that was cut off once more where its role
allows. Nothing here knows what a result means.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from engine.config.profiles import Role
from engine.config.sampling import Sampling
from engine.models.base import BATCH, LIVE, Completion, Failure, Request, Scored, ScoreModel, TextModel
from engine.pipeline.types import OnText
from engine.seeds import item_seed
from store.records import Question, Solution

Result = Completion | Scored | Failure
Handler = Callable[["InFlight", Any], None]


class Item:
    """One question on its way: what is known of it so far."""

    __slots__ = (
        "attempt",
        "errors",
        "fresh",
        "generator",
        "groups",
        "idx",
        "qid",
        "question",
        "scored",
        "solutions",
        "stage",
        "waiting",
    )

    def __init__(self, idx: int, qid: str, generator: int) -> None:
        self.idx, self.qid, self.generator = idx, qid, generator
        self.question: Question | None = None
        self.stage = "generated"
        self.solutions: list[Solution] = []
        self.fresh: list[Solution] = []
        self.errors: list[str] = []
        self.waiting = 0
        self.groups: list[int | None] | None = None
        self.scored: Scored | None = None
        self.attempt = 1

    @property
    def asked(self) -> Question:
        """The question, once there is one."""
        assert self.question is not None
        return self.question


class InFlight:
    """One call in flight: whose it is, and what an earlier, cut-off try of it has cost."""

    __slots__ = ("item", "lane", "rows", "sample", "seconds", "seed", "tokens")

    def __init__(self, lane: TextQueue | ScoreQueue, item: Item, sample: int, rows: int = 1) -> None:
        self.lane, self.item, self.sample, self.rows = lane, item, sample, rows
        self.seed, self.tokens, self.seconds = 0, 0, 0.0


class TextQueue:
    """To a model that writes: one call per (item, sample); with ``on_text`` a live user's, and streamed."""

    def __init__(
        self,
        stage: str,
        purpose: str,
        role: Role,
        model: TextModel,
        run_seed: int,
        in_flight: dict[str, InFlight],
        done: Callable[[Completion | Failure], None],
        handler: Handler,
        on_text: OnText | None = None,
    ) -> None:
        self.stage, self.purpose, self.role, self.model = stage, purpose, role, model
        self.window = max(1, model.window)
        self.handler = handler
        self.waiting: deque[tuple[Item, int]] = deque()
        self.in_flight = 0
        self._in_flight, self._done, self._run_seed = in_flight, done, run_seed
        self._sampling = role.sampling
        self._on_text, self._priority = on_text, BATCH if on_text is None else LIVE

    @property
    def backlog(self) -> int:
        """Calls that wait for room."""
        return len(self.waiting)

    def add(self, item: Item, samples: tuple[int, ...] = (0,)) -> None:
        self.waiting.extend((item, sample) for sample in samples)

    def submit_ready(self) -> None:
        """Submit what the window has room for, in one call."""
        requests: list[Request] = []
        while self.waiting and self.in_flight < self.window:
            item, sample = self.waiting.popleft()
            flight = InFlight(self, item, sample)
            flight.seed = item_seed(self._run_seed, item.idx, self.purpose, sample)
            requests.append(self._request(f"{item.qid}/{self.purpose}/{sample}", flight, self._sampling))
        if requests:
            self.model.submit(requests, self._done, self._on_text)

    def again(self, flight: InFlight, cut_off: Completion) -> bool:
        """Whether a cut-off text is tried once more with the role's greater limit; then it is on its way."""
        if not self.role.retry_tokens or cut_off.request_id.endswith("+"):
            return False
        flight.tokens, flight.seconds = cut_off.tokens, cut_off.seconds
        sampling = replace(self._sampling, max_tokens=self.role.retry_tokens)
        self.model.submit([self._request(cut_off.request_id + "+", flight, sampling)], self._done, self._on_text)
        return True

    def _request(self, request_id: str, flight: InFlight, sampling: Sampling) -> Request:
        self._in_flight[request_id] = flight
        self.in_flight += 1
        question = flight.item.question
        prompt = self.role.template.render(question.text if question is not None else "")
        return Request(request_id, prompt, sampling, flight.seed, self._priority)


class ScoreQueue:
    """To a model that scores: one call per item, a row for the question or for each of its solutions."""

    def __init__(
        self,
        stage: str,
        role: Role,
        model: ScoreModel,
        in_flight: dict[str, InFlight],
        done: Callable[[Scored | Failure], None],
        handler: Handler,
    ) -> None:
        self.stage, self.role, self.model = stage, role, model
        self.window = max(1, model.window)
        self.handler = handler
        self.waiting: deque[Item] = deque()
        self.in_flight = 0
        self._in_flight, self._done = in_flight, done
        self.backlog = 0
        """Rows that wait for room."""

    def add(self, item: Item) -> None:
        self.waiting.append(item)
        self.backlog += len(item.solutions) or 1

    def submit_ready(self) -> None:
        """Submit what the window has room for; an item with more rows than the window goes alone."""
        while self.waiting and self.in_flight < self.window:
            item = self.waiting.popleft()
            rows = self._rows(item)
            self.backlog -= len(rows)
            self.in_flight += len(rows)
            request_id = f"{item.qid}/{self.stage}"
            self._in_flight[request_id] = InFlight(self, item, 0, len(rows))
            self.model.submit(request_id, rows, self._done)

    def _rows(self, item: Item) -> list[tuple[str, str | None]]:
        template = self.role.template
        prompt = template.render(item.asked.text)
        if not item.solutions:
            return [(prompt, None)]
        return [(prompt, solution.text + template.end) for solution in item.solutions]
