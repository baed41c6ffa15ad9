"""Request queues: the items that wait for a model and the requests in flight there, at most the model's window.

A queue renders prompts, gives every request its id and seed, and retries a text that was cut off where its role allows
it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from engine.config.profiles import Role
from engine.config.sampling import Sampling
from engine.models.base import (
    BATCH,
    LIVE,
    Completion,
    Failure,
    OnText,
    Request,
    Scored,
    ScoreModel,
    TextModel,
)
from engine.pipeline.spending import Spending
from engine.seeds import item_seed
from store.records import Question, Solution

Result = Completion | Scored | Failure
Handler = Callable[["InFlight", Any], None]


@dataclass(slots=True, eq=False)
class Item:
    """One question on its way through the stages. ``generator``: its number; ``missing``: samples still to come;
    ``new_solutions``: of this process; ``groups``: of equivalent answers; ``scored``: the rewards;
    ``undecided``: the judge's first reply where it held no verdict; ``fail_rate``: as difficulty predicts it."""

    idx: int
    qid: str
    generator: int
    question: Question | None = None
    stage: str = "generated"
    solutions: list[Solution] = field(default_factory=list)
    new_solutions: list[Solution] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    missing: int = 0
    groups: list[int | None] | None = None
    scored: Scored | None = None
    undecided: Completion | None = None
    fail_rate: float | None = None
    attempt: int = 1

    @property
    def generated(self) -> Question:
        """The question of an item that is past generation."""
        assert self.question is not None
        return self.question


@dataclass(slots=True, eq=False)
class InFlight:
    """One request at a model. ``tokens`` and ``seconds``: what an earlier, cut-off try of it has cost."""

    queue: TextQueue | ScoreQueue
    item: Item
    sample: int = 0
    rows: int = 1
    seed: int = 0
    tokens: int = 0
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class RunContext:
    """What the queues of a run share. ``on_text``: gets the texts of a live user's run; None for a batch."""

    seed: int
    in_flight: dict[str, InFlight]
    on_done: Callable[[Result], None]
    on_text: OnText | None
    spending: Spending


class TextQueue:
    """The requests to a text model: one for each (item, sample).

    ``later``: the temperature of samples after the first, where it is another than the role's. ``logprobs``: whether
    those of the texts are wanted.
    """

    def __init__(
        self,
        stage: str,
        purpose: str,
        role: Role,
        model: TextModel,
        handler: Handler,
        run: RunContext,
        later: float | None = None,
        logprobs: bool = False,
    ) -> None:
        self.stage, self.purpose, self.role, self.model = stage, purpose, role, model
        self.window = max(1, model.window)
        self.handler = handler
        self.waiting: deque[tuple[Item, int]] = deque()
        self.in_flight = 0
        self._run, self._sampling = run, role.sampling
        self.account = run.spending.account(stage, role)
        self._logprobs = logprobs
        self._later = self._sampling if later is None else replace(self._sampling, temperature=later)

    @property
    def backlog(self) -> int:
        """Requests that wait to be submitted."""
        return len(self.waiting)

    def add(self, item: Item, samples: tuple[int, ...] = (0,)) -> None:
        self.waiting.extend((item, sample) for sample in samples)

    def submit_ready(self) -> None:
        """Submit as many requests as the window allows, in one call."""
        requests: list[Request] = []
        while self.waiting and self.in_flight < self.window and self._run.spending.allows(self.account):
            item, sample = self.waiting.popleft()
            seed = item_seed(self._run.seed, item.idx, self.purpose, sample)
            request_id = f"{item.qid}/{self.purpose}/{sample}"
            requests.append(
                self._request(request_id, InFlight(self, item, sample, seed=seed), self._sampling_of(sample))
            )
        if requests:
            self.model.submit(requests, self._run.on_done, self._run.on_text)

    def retry(self, call: InFlight, cut_off: Completion) -> bool:
        """Submit a cut-off text once more with the role's larger limit; False where the role has none, or a second
        time."""
        if not self.role.retry_tokens or cut_off.request_id.endswith("+"):
            return False
        call.tokens, call.seconds = cut_off.tokens, cut_off.seconds
        sampling = replace(self._sampling_of(call.sample), max_tokens=self.role.retry_tokens)
        request = self._request(cut_off.request_id + "+", call, sampling)
        self.model.submit([request], self._run.on_done, self._run.on_text)
        return True

    def _sampling_of(self, sample: int) -> Sampling:
        return self._later if sample else self._sampling

    def _request(self, request_id: str, call: InFlight, sampling: Sampling) -> Request:
        self._run.in_flight[request_id] = call
        self._run.spending.sent(self.account)
        self.in_flight += 1
        question = call.item.question
        prompt = self.role.template.render(question.text if question is not None else "")
        priority = BATCH if self._run.on_text is None else LIVE
        return Request(request_id, prompt, sampling, call.seed, priority, self._logprobs)


class ScoreQueue:
    """The requests to a score model: one for each item, with a row for the question or for each of its solutions."""

    def __init__(self, stage: str, role: Role, model: ScoreModel, handler: Handler, run: RunContext) -> None:
        self.stage, self.role, self.model = stage, role, model
        self.window = max(1, model.window)
        self.handler = handler
        self.waiting: deque[Item] = deque()
        self.in_flight = 0
        self._run = run
        self.account = run.spending.account(stage, role)
        self.backlog = 0
        """Rows that wait to be submitted."""

    def add(self, item: Item) -> None:
        self.waiting.append(item)
        self.backlog += len(item.solutions) or 1

    def submit_ready(self) -> None:
        """Submit as many items as the window allows; one with more rows than the window goes alone."""
        while self.waiting and self.in_flight < self.window and self._run.spending.allows(self.account):
            item = self.waiting.popleft()
            rows = self._rows(item)
            self.backlog -= len(rows)
            self.in_flight += len(rows)
            request_id = f"{item.qid}/{self.stage}"
            self._run.in_flight[request_id] = InFlight(self, item, rows=len(rows))
            self._run.spending.sent(self.account)
            self.model.submit(request_id, rows, self._run.on_done)

    def _rows(self, item: Item) -> list[tuple[str, str | None]]:
        template = self.role.template
        prompt = template.render(item.generated.text)
        if not item.solutions:
            return [(prompt, None)]
        return [(prompt, solution.text + template.end) for solution in item.solutions]
