"""A reward model behind a vLLM server as a ``ScoreModel``: raw scores over ``/pooling``, beside its ``/v1``.

``/pooling`` serves both kinds of model: a sequence classifier with one label gives one number, a reward model that
judges every token gives a list of which the last one is the score. The server's activation is switched off, since it
would hide the raw score. A row's two texts are sent strung together: where tokens merge across the joint, the model
reads other tokens than from the backends in process, which read the texts one after the other. Knows nothing of
templates or stages.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from engine.config.profiles import Role
from engine.models.base import BATCH, Failure, Scored, ScoreModel
from engine.models.device import sentence
from engine.models.domain import WordDomain
from engine.models.openai.event_loop import Tasks
from engine.models.openai.server import Again, Server
from engine.models.openai.turns import Turns
from engine.models.replicas import ScorePool
from store.errors import BackendError, ItemError

Row = tuple[str, str | None]


def open_role(role: Role) -> ScoreModel:
    """The role's server, or a pool of its servers. Asks them nothing yet. Raises InputError as ``Server`` does, and for
    a damaged ``domain.json`` beside the model where that is a folder here."""
    in_domain = WordDomain.load(role.path)
    servers = [Server(role, url) for url in role.urls]
    models = [OpenAIScore(role, server, in_domain) for server in servers]
    return models[0] if len(models) == 1 else ScorePool(models)


@dataclass(slots=True, eq=False)
class _Call:
    """One ``submit``. ``error``: why all calls end, where they do."""

    request_id: str
    rows: list[Row]
    on_done: Callable[[Scored | Failure], None]
    error: BackendError | None = None


class OpenAIScore:
    """A ``ScoreModel`` over one server; ``role.slots`` calls at once, one request each.

    ``in_domain`` is asked of each row's first text; where it says no, the score is None and the server is not asked. A
    call with a row that the server refuses (too long, say) gets a ``Failure`` with ``ItemError``. Failures of the
    server are met as in ``OpenAIText``.
    """

    def __init__(self, role: Role, server: Server, in_domain: Callable[[str], bool] | None = None) -> None:
        self.name, self.window = role.name, role.slots
        self._role, self._server, self._in_domain = role, server, in_domain
        self._turns = Turns(role.slots)
        self._tasks: Tasks[_Call] = Tasks()

    def submit(self, request_id: str, rows: Sequence[Row], on_done: Callable[[Scored | Failure], None]) -> None:
        call = _Call(request_id, list(rows), on_done)
        if not self._tasks.post(lambda: self._tasks.spawn(call, self._serve(call), partial(self._end, call))):
            on_done(Failure(request_id, BackendError(f"The scorer '{self.name}' is closed."), fatal=True))

    def close(self) -> None:
        """What is in flight fails as not fatal: the model is not gone, it was put away."""
        self._tasks.close(self._server.close)

    # -- on the loop

    async def _serve(self, call: _Call) -> Scored:
        inside = [i for i, row in enumerate(call.rows) if self._in_domain is None or self._in_domain(row[0])]
        texts = [_text(call.rows[i]) for i in inside]
        scores: list[float | None] = [None] * len(call.rows)
        if not texts:
            return Scored(call.request_id, tuple(scores), 0, 0.0)
        async with self._turns.take(BATCH):
            started = time.perf_counter()
            found, tokens = await self._server.persist(lambda: self._ask(texts))
        for place, score in zip(inside, found, strict=True):
            scores[place] = score
        return Scored(call.request_id, tuple(scores), tokens, time.perf_counter() - started)

    def _end(self, call: _Call, task: asyncio.Task[Scored]) -> None:
        if task.cancelled():
            closed = ItemError(f"The scorer '{self.name}' was closed before it was done.")
            call.on_done(Failure(call.request_id, call.error or closed, fatal=call.error is not None))
        elif (error := task.exception()) is None:
            call.on_done(task.result())
        elif isinstance(error, ItemError):
            call.on_done(Failure(call.request_id, error, fatal=False))
        else:
            gone = error if isinstance(error, BackendError) else BackendError(sentence(self.name, error))
            self._tasks.cancel(lambda other: _doom(other, gone))
            call.on_done(Failure(call.request_id, gone, fatal=True))

    async def _ask(self, texts: list[str]) -> tuple[list[float], int]:
        """One try: the raw scores of texts, and the tokens that the server read."""
        body = {"model": self._role.model, "input": texts, "add_special_tokens": False, "use_activation": False}
        answer = await self._server.post(f"{self._server.root}/pooling", body)
        try:
            by_place = {int(entry["index"]): entry["data"] for entry in answer["data"]}
            outputs = [by_place[place] for place in range(len(texts))]
            tokens = int(answer.get("usage", {}).get("prompt_tokens", 0))
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise Again("it sent garbage") from error
        return [self._score(output) for output in outputs], tokens

    def _score(self, output: Any) -> float:
        """[1] of a sequence, or [tokens, 1] of which the last counts."""
        last = output[-1] if isinstance(output, list) and output and isinstance(output[-1], list) else output
        if not isinstance(last, list) or not last or not all(isinstance(x, int | float) for x in last):
            raise Again("it sent garbage")
        if len(last) > 1:
            role, model = self._role.role, self._role.model
            problem = f"gives {len(last)} numbers for a text, not one"
            raise BackendError(f"The model '{model}' of the server {self._server.url} {problem}; correct {role}.model.")
        if not math.isfinite(last[0]):
            raise ItemError(f"The server {self._server.url} scored a text with {last[0]}.")
        return float(last[0])


def _doom(call: _Call, error: BackendError) -> bool:
    call.error = error
    return True


def _text(row: Row) -> str:
    text = row[0] + (row[1] or "")
    if not text:
        raise ItemError("The text to score is empty.")
    try:
        text.encode()
    except UnicodeError as error:
        raise ItemError(f"The text to score is not a valid text: {error}.") from error
    return text
