"""A ``ScoreModel`` behind a vLLM server: raw scores over ``/pooling``, next to its ``/v1``.

``/pooling`` serves two kinds of model: a sequence classifier with one label gives one number, a reward model that
scores every token gives a list whose last number is the score. The server's activation is switched off, since it would
hide the raw score. A row's two texts are sent as one string: where tokens merge across the joint, the model reads other
tokens than in local backends, which encode the texts separately. For a model that is read at a token of its own
(``engine.models.reward_token``), ids are sent, with that one at the end.
"""

import asyncio
import math
import time
from collections.abc import Callable, Sequence
from typing import Any

from engine.config.profiles import Role
from engine.models.base import BATCH, Failure, OnScored, Row, Scored, ScoreModel
from engine.models.domain import WordDomain
from engine.models.openai.model import Call, ServerModel, check_text
from engine.models.openai.server import Again, Refused, Server
from engine.models.openai.tokens import ServerTokenizer
from engine.models.replicas import ScorePool
from engine.models.reward_token import check_reward_token, reward_token_id
from store.errors import BackendError, InputError, ItemError


def open_role(role: Role) -> ScoreModel:
    """The role's server, or a pool of its servers, without a request to them. Raises InputError as ``Server`` does, and
    for a damaged ``domain.json`` of a local model folder."""
    in_domain = WordDomain.load(role.path)
    models = [OpenAIScore(role, Server(role, url), in_domain) for url in role.urls]
    return models[0] if len(models) == 1 else ScorePool(models)


class OpenAIScore(ServerModel[Call[Scored], Scored]):
    """One server request per call. Rows outside the domain (``in_domain`` of their first text) or too long for the
    model score None. A call with a row that the server refuses for another reason gets a ``Failure`` with
    ``ItemError``."""

    def __init__(self, role: Role, server: Server, in_domain: Callable[[str], bool] | None = None) -> None:
        super().__init__(role, server, window=role.slots)
        self._in_domain = in_domain
        self._tokenizer = ServerTokenizer(role, server)
        self._read_at = reward_token_id(role)
        self._checked = False

    def submit(self, request_id: str, rows: Sequence[Row], on_done: OnScored) -> None:
        call: Call[Scored] = Call(request_id, on_done)
        copied = list(rows)
        if not self._post(lambda: self._start(call, self._score(request_id, copied))):
            on_done(Failure(request_id, BackendError(f"The scorer '{self.name}' is closed."), fatal=True))

    # -- on the loop

    def _cancelled(self, call: Call[Scored]) -> Failure:
        """Not fatal: the model is not gone, it was closed."""
        closed = ItemError(f"The scorer '{self.name}' was closed before it was done.")
        return Failure(call.request_id, closed, fatal=False)

    async def _score(self, request_id: str, rows: list[Row]) -> Scored:
        inside = [i for i, row in enumerate(rows) if self._in_domain is None or self._in_domain(row[0])]
        texts = [check_text(rows[i][0] + (rows[i][1] or ""), "The text to score") for i in inside]
        scores: list[float | None] = [None] * len(rows)
        if not texts:
            return Scored(request_id, tuple(scores), 0, 0.0)
        async with self._limiter.acquire(BATCH):
            started = time.perf_counter()
            values, tokens = await self._server.persist(lambda: self._try(texts))
        for place, value in zip(inside, values, strict=True):
            scores[place] = value
        return Scored(request_id, tuple(scores), tokens, time.perf_counter() - started)

    async def _try(self, texts: list[str]) -> tuple[list[float | None], int]:
        """One try: the raw scores of texts, None where one is too long, and the tokens that the server read."""
        await self._check()
        if self._read_at is None:
            try:
                return await self._pool(texts)
            except Refused as refused:  # for its length?
                try:
                    inputs = await self._fitting(texts)
                except BackendError:  # a proxy that forwards no /tokenize
                    raise refused from None
                if None not in inputs:
                    raise
        else:
            inputs = await self._fitting(texts)
        places = [place for place, ids in enumerate(inputs) if ids is not None]
        scores: list[float | None] = [None] * len(texts)
        if not places:
            return scores, 0
        values, tokens = await self._pool([ids for ids in inputs if ids is not None])
        for place, value in zip(places, values, strict=True):
            scores[place] = value
        return scores, tokens

    async def _check(self) -> None:
        """Once: BackendError where the server misreads texts, or the model would be read at another token."""
        if self._checked:
            return
        if self._read_at is None:
            await self._tokenizer.check_scorer()
            self._checked = True
            return
        await self._tokenizer.check_round_trip()
        try:
            check_reward_token(self._role, self._read_at, await self._tokenizer.detokenize([self._read_at]))
        except (Refused, InputError) as error:
            raise BackendError(f"The server {self._server.url} does not fit the profile: {error}") from error
        self._checked = True

    async def _fitting(self, texts: list[str]) -> list[list[int] | None]:
        """The ids of each text, with the model's own at the end; None where they are too many."""
        found: list[list[int] | None] = []
        for ids, most in await asyncio.gather(*map(self._tokenizer.tokenize, texts)):
            whole = ids if self._read_at is None or ids[-1:] == [self._read_at] else [*ids, self._read_at]
            found.append(whole if not most or len(whole) <= most else None)
        return found

    async def _pool(self, inputs: Sequence[str | list[int]]) -> tuple[list[float | None], int]:
        """The raw scores of texts or ids, and the tokens that the server read."""
        body = {"model": self._role.model, "input": inputs, "add_special_tokens": False, "use_activation": False}
        answer = await self._server.post(f"{self._server.root}/pooling", body)
        try:
            by_place = {int(entry["index"]): entry["data"] for entry in answer["data"]}
            outputs = [by_place[place] for place in range(len(inputs))]
            tokens = int(answer.get("usage", {}).get("prompt_tokens", 0))
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise Again("it sent garbage") from error
        return [self._value(output) for output in outputs], tokens

    def _value(self, output: Any) -> float:
        """The score in ``output``: [1] for a sequence, or [tokens, 1], where the last one counts."""
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
