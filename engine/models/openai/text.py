"""A model behind an OpenAI-compatible server as a ``TextModel``: raw prefixes to ``/completions``, always streamed.

Streamed even where nobody watches: so a cancel frees the server at once, and a server that died is noticed by its
silence. One request per sample, each with its seed. For ``server = "vllm"`` also what OpenAI's protocol lacks: nothing
is added to the prompt, the model's own defaults of sampling are off, special tokens stop by id and never show, and live
users go first (where the server runs with ``--scheduling-policy priority``; others ignore it). Knows no templates.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from engine.config.profiles import Role
from engine.models.base import BATCH, Completion, Failure, Request, TextModel
from engine.models.device import sentence
from engine.models.openai.event_loop import Tasks
from engine.models.openai.reply import Reply
from engine.models.openai.server import Again, Refused, Server
from engine.models.openai.turns import Turns
from engine.models.replicas import Pool
from engine.models.resumed_stream import Retelling
from store.errors import BackendError, ItemError

_TOKENS_AN_EVENT = 16
"""Of texts that nobody watches: events cost more than tokens."""
_AS_SPOKEN = {"top_k": 0, "min_p": 0.0, "repetition_penalty": 1.0}
"""vLLM takes these from the model's own files where a request does not say."""


def open_role(role: Role) -> TextModel:
    """The role's server, or a pool of its servers. Asks them nothing yet. Raises InputError as ``Server`` does."""
    servers = [Server(role, url) for url in role.urls]
    models = [OpenAIText(role, server) for server in servers]
    return models[0] if len(models) == 1 else Pool(models)


@dataclass(slots=True, eq=False)
class _Call:
    """One request, and its newest try if there was one. ``error``: why all requests end, where they do."""

    request: Request
    on_done: Callable[[Completion | Failure], None]
    telling: Retelling | None
    reply: Reply | None = None
    error: BackendError | None = None


class OpenAIText:
    """A ``TextModel`` over one server; ``role.slots`` requests at once, and a few more of live users.

    A request that failed is tried again from its beginning under its seed. When the server is gone, everything in
    flight gets a fatal ``Failure``; what is asked later is tried anew, so a server that comes back is used again.
    """

    def __init__(self, role: Role, server: Server) -> None:
        self.name = role.name
        self.window = role.slots + max(4, role.slots // 4)
        self._model, self._is_vllm = role.model, role.server == "vllm"
        self._server, self._turns = server, Turns(role.slots)
        self._stops: dict[tuple[str, ...], dict[str, Any]] = {}
        self._asking = asyncio.Lock()
        self._tasks: Tasks[_Call] = Tasks()

    def submit(
        self,
        requests: Sequence[Request],
        on_done: Callable[[Completion | Failure], None],
        on_text: Callable[[str, str], None] | None = None,
    ) -> None:
        batch = list(requests)
        if not self._tasks.post(lambda: self._begin(batch, on_done, on_text)):
            for request in batch:
                on_done(_cancelled(_Call(request, on_done, None)))

    def cancel(self, request_ids: Sequence[str]) -> None:
        wanted = set(request_ids)
        self._tasks.post(lambda: self._tasks.cancel(lambda call: call.request.request_id in wanted))

    def close(self) -> None:
        self._tasks.close(self._server.close)

    # -- on the loop

    def _begin(
        self,
        requests: list[Request],
        on_done: Callable[[Completion | Failure], None],
        on_text: Callable[[str, str], None] | None,
    ) -> None:
        for request in requests:
            telling = Retelling(request.request_id, on_text) if on_text else None
            call = _Call(request, on_done, telling)
            self._tasks.spawn(call, self._serve(call), partial(self._end, call))

    async def _serve(self, call: _Call) -> Completion:
        _check(call.request.prompt)
        async with self._turns.take(call.request.priority):
            return await self._server.persist(lambda: self._try(call))

    def _end(self, call: _Call, task: asyncio.Task[Completion]) -> None:
        request_id = call.request.request_id
        if task.cancelled():
            call.on_done(Failure(request_id, call.error, fatal=True) if call.error else _cancelled(call))
        elif (error := task.exception()) is None:
            call.on_done(task.result())
        elif isinstance(error, ItemError):
            call.on_done(Failure(request_id, error, fatal=False))
        else:
            gone = error if isinstance(error, BackendError) else BackendError(sentence(self.name, error))
            self._tasks.cancel(lambda other: self._doom(other, gone))
            call.on_done(Failure(request_id, gone, fatal=True))

    def _doom(self, call: _Call, error: BackendError) -> bool:
        call.error = error
        return True

    async def _try(self, call: _Call) -> Completion:
        """One try; a request that is refused for its length is made shorter where it can be."""
        body = await self._body(call)
        while True:
            try:
                return await self._complete(call, body)
            except Refused:
                if not self._is_vllm or not await self._shortened(body):
                    raise

    async def _complete(self, call: _Call, body: dict[str, Any]) -> Completion:
        call.reply = reply = Reply(self._server.url, call.telling)
        await self._server.stream(f"{self._server.url}/completions", body, reply.take)
        if reply.reason is None:
            raise Again("it cut the stream")
        return reply.completion(call.request.request_id, reply.reason)

    async def _body(self, call: _Call) -> dict[str, Any]:
        request, sampling = call.request, call.request.sampling
        body: dict[str, Any] = {
            "model": self._model,
            "prompt": request.prompt,
            "max_tokens": sampling.max_tokens,
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            "seed": request.seed,
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        if not self._is_vllm:
            return body | ({"stop": list(sampling.stop)} if sampling.stop else {})
        body |= {"add_special_tokens": False, **_AS_SPOKEN, **await self._stop_fields(sampling.stop)}
        body["stream_options"]["continuous_usage_stats"] = True  # so that a cancelled text's cost is known
        if call.telling is None:
            body["stream_interval"] = _TOKENS_AN_EVENT
        if request.priority >= BATCH:  # 0, a live user's, is the server's own default
            body["priority"] = request.priority
        return body

    async def _shortened(self, body: dict[str, Any]) -> bool:
        """Whether the request asked for more tokens than the model has room for, and now asks for as many as fit, like
        the backends in process."""
        prompt = await self._tokens(body["prompt"])
        room = prompt.get("max_model_len", 0) - prompt.get("count", 0)
        if not 0 < room < body["max_tokens"]:
            return False
        body["max_tokens"] = room
        return True

    async def _stop_fields(self, stop: tuple[str, ...]) -> dict[str, Any]:
        """How to say to vLLM where a text ends: special tokens by id, since the text never shows them."""
        async with self._asking:
            if stop not in self._stops:
                self._stops[stop] = await self._ask_stops(stop)
            return self._stops[stop]

    async def _ask_stops(self, stop: tuple[str, ...]) -> dict[str, Any]:
        ids: list[int] = []
        texts: list[str] = []
        for text in stop:
            tokens = (await self._tokens(text)).get("tokens", [])
            special = len(tokens) == 1
            ids += tokens if special else []
            if not (special and text.startswith("<") and text.endswith(">")):  # "." is one token, and part of others
                texts.append(text)
        return {key: value for key, value in (("stop", texts), ("stop_token_ids", ids)) if value}

    async def _tokens(self, text: str) -> dict[str, Any]:
        asked = {"model": self._model, "prompt": text, "add_special_tokens": False}
        return await self._server.post(f"{self._server.root}/tokenize", asked)


def _cancelled(call: _Call) -> Completion:
    request_id = call.request.request_id
    if call.reply is None:
        return Completion(request_id, "", 0, 0, 0.0, "cancelled")
    return call.reply.completion(request_id, "cancelled")


def _check(prompt: str) -> None:
    if not prompt:
        raise ItemError("The prompt is empty.")
    try:
        prompt.encode()
    except UnicodeError as error:
        raise ItemError(f"The prompt is not a valid text: {error}.") from error
