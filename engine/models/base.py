"""The contract between the pipeline and any model: rendered text in, text or raw scores out.

Two protocols. A ``TextModel`` continues a raw prefix; a ``ScoreModel`` gives one raw float per (question, solution).
Both take work from any thread, answer by callback on a thread of their own in any order, and never touch templates:
what they are given is exactly what the model reads. Streaming and batch are the same call (``on_text``); nothing here
knows of runs, stages or files. A callback must only hand the result on (put it in a queue).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol

from engine.config.sampling import Sampling
from store.errors import ScaleQuestError

LIVE, BATCH = 0, 1
"""Priorities: a live user's request is served before a batch's."""


@dataclass(frozen=True, slots=True)
class Request:
    """One sample of one prompt. The same (prompt, sampling, seed) gives the same tokens on CPU whatever its
    batch-mates. ``logprobs``: whether the completion should say how likely the model finds its tokens."""

    request_id: str
    prompt: str
    sampling: Sampling
    seed: int
    priority: int = BATCH
    logprobs: bool = False


Billed = tuple[int, int]
"""Tokens read and written in all tries of a request, as its server counts them; (0, 0) for models in process."""


class Logprobs(NamedTuple):
    """The mean and the least natural log-probability of a completion's tokens, its end token included, under the
    model's own distribution: at temperature 1, whatever the sampling."""

    mean: float
    least: float

    @classmethod
    def of(cls, tokens: Sequence[float]) -> "Logprobs | None":
        """Of the tokens' log-probabilities; None without any."""
        return cls(sum(tokens) / len(tokens), min(tokens)) if tokens else None


@dataclass(frozen=True, slots=True)
class Completion:
    """``text`` excludes prompt and stop string; ``seconds`` from the first step of this request to its last.

    ``reasoning``: what a server returned apart from the text, and its tokens where the server counts them. ``tokens``
    includes them. A model that writes its reasoning into the text leaves both None (``engine.text.reasoning``).
    ``logprobs``: None where the request does not ask for them, and where no token was generated.
    """

    request_id: str
    text: str
    tokens: int
    prompt_tokens: int
    seconds: float
    finish_reason: Literal["stop", "length", "cancelled"]
    reasoning: str | None = None
    reasoning_tokens: int | None = None
    billed: Billed = (0, 0)
    logprobs: Logprobs | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """A request that has no result. ``fatal`` means that the backend itself is gone; otherwise only this item
    failed."""

    request_id: str
    error: ScaleQuestError
    fatal: bool
    billed: Billed = (0, 0)


@dataclass(frozen=True, slots=True)
class Scored:
    """Raw scores (no sigmoid) of one ``score`` call, in the order of its rows; None where a row is outside the model's
    domain or longer than its context."""

    request_id: str
    scores: tuple[float | None, ...]
    tokens: int
    seconds: float


Row = tuple[str, str | None]
"""What a score model reads: a rendered question, and a solution or None."""
OnCompletion = Callable[[Completion | Failure], None]
OnScored = Callable[[Scored | Failure], None]
OnText = Callable[[str, str], None]
"""Gets (request id, new text)."""


class TextModel(Protocol):
    name: str
    window: int
    """How many requests it likes to have in flight; fewer starve it, more only queue."""

    def submit(self, requests: Sequence[Request], on_done: OnCompletion, on_text: OnText | None = None) -> None:
        """Queue requests. ``on_done`` is called once for each; ``on_text(request_id, new_text)`` as text appears."""

    def cancel(self, request_ids: Sequence[str]) -> None:
        """Stop these at the next step; each still gets its ``on_done`` with finish_reason ``cancelled``."""

    def close(self) -> None:
        """Stop the thread and free the weights; what is in flight ends as ``cancelled``."""


class ScoreModel(Protocol):
    name: str
    window: int
    """How many rows it likes to have waiting."""

    def submit(self, request_id: str, rows: Sequence[Row], on_done: OnScored) -> None:
        """Queue (question, solution or None) rows; ``on_done`` is called once, with all their scores."""

    def close(self) -> None:
        """Stop and free the weights."""
