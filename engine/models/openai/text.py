"""A ``TextModel`` behind an OpenAI-compatible server: raw prefixes to ``/completions``, always streamed.

Streaming lets a cancel free the server immediately, and shows by silence that a server has died. One request per
sample, each with its seed. ``server = "vllm"`` adds what OpenAI's protocol lacks: nothing is added to the prompt, the
model's own sampling defaults are off, special tokens stop by id and never show, live users go first (where the
server runs with ``--scheduling-policy priority``), and a server whose tokenizer loses text is refused.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from engine.config.profiles import Role
from engine.models.base import BATCH, Completion, OnCompletion, OnText, Request, TextModel
from engine.models.openai.model import Call, ServerModel, check_text
from engine.models.openai.reply import Reply
from engine.models.openai.server import Again, Refused, Server
from engine.models.openai.tokens import ServerTokenizer
from engine.models.replicas import Pool
from engine.models.resumed_stream import ResumedStream

_TOKENS_AN_EVENT = 16
"""Where the text is not streamed to a user: each event costs more than a token."""
_BOS = ("<s>", "<|begin_of_text|>", "<\uff5cbegin\u2581of\u2581sentence\uff5c>", "<bos>")
"""Tokens that begin a text, as templates spell them."""
_VLLM_DEFAULTS = {"top_k": 0, "min_p": 0.0, "repetition_penalty": 1.0}
"""vLLM takes these from the model's own files where a request leaves them out."""


def open_role(role: Role) -> TextModel:
    """The role's server, or a pool of its servers, without a request to them. Raises InputError as ``Server`` does."""
    models = [OpenAIText(role, Server(role, url)) for url in role.urls]
    return models[0] if len(models) == 1 else Pool(models)


@dataclass(slots=True, eq=False)
class _Call(Call[Completion]):
    """``reply``: the newest try's; None before the first."""

    request: Request
    stream: ResumedStream | None
    reply: Reply | None = None


class OpenAIText(ServerModel[_Call, Completion]):
    """``role.slots`` requests at once, and a few more of live users. A request that failed starts again from its
    beginning with its seed."""

    def __init__(self, role: Role, server: Server) -> None:
        super().__init__(role, server, window=role.slots + max(4, role.slots // 4))
        self._is_vllm = role.server == "vllm"
        self._stops: dict[tuple[str, ...], dict[str, Any]] = {}
        self._tokenizer = ServerTokenizer(role, server)
        self._adds_bos: bool | None = None
        self._asking = asyncio.Lock()

    def submit(self, requests: Sequence[Request], on_done: OnCompletion, on_text: OnText | None = None) -> None:
        calls = [
            _Call(r.request_id, on_done, r, ResumedStream(r.request_id, on_text) if on_text else None) for r in requests
        ]

        def start() -> None:
            for call in calls:
                self._start(call, self._complete(call))

        if not self._post(start):
            for call in calls:
                on_done(self._cancelled(call))

    def cancel(self, request_ids: Sequence[str]) -> None:
        wanted = set(request_ids)
        self._post(lambda: self._cancel(lambda call: call.request_id in wanted))

    # -- on the loop

    def _cancelled(self, call: _Call) -> Completion:
        if call.reply is None:
            return Completion(call.request_id, "", 0, 0, 0.0, "cancelled")
        return call.reply.completion(call.request_id, "cancelled")

    async def _complete(self, call: _Call) -> Completion:
        check_text(call.request.prompt, "The prompt")
        async with self._limiter.acquire(call.request.priority):
            return await self._server.persist(lambda: self._try(call))

    async def _try(self, call: _Call) -> Completion:
        """One try; a request that is refused for its length is shortened where that is possible."""
        body = await self._body(call)
        while True:
            try:
                return await self._stream(call, body)
            except Refused:
                if not self._is_vllm or not await self._shortened(body):
                    raise

    async def _stream(self, call: _Call, body: dict[str, Any]) -> Completion:
        call.reply = reply = Reply(self._server.url, call.stream)
        await self._server.stream(f"{self._server.url}/completions", body, reply.add)
        if reply.reason is None:
            raise Again("it cut the stream")
        return reply.completion(call.request_id, reply.reason)

    async def _body(self, call: _Call) -> dict[str, Any]:
        request, sampling = call.request, call.request.sampling
        body: dict[str, Any] = {
            "model": self._role.model,
            "prompt": await self._prompt(request.prompt),
            "max_tokens": sampling.max_tokens,
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            "seed": request.seed,
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        if not self._is_vllm:
            return body | ({"stop": list(sampling.stop)} if sampling.stop else {})
        await self._tokenizer.check_round_trip()
        body |= {"add_special_tokens": False, **_VLLM_DEFAULTS, **await self._stop_fields(sampling.stop)}
        body["stream_options"]["continuous_usage_stats"] = True  # so that the cost of a cancelled text is known
        if call.stream is None:
            body["stream_interval"] = _TOKENS_AN_EVENT
        if request.priority >= BATCH:  # a live user's 0 is the server's default
            body["priority"] = request.priority
        return body

    async def _prompt(self, text: str) -> str:
        """What to send so that the model reads ``text``: it goes without its BOS where the server puts one before every
        prompt."""
        bos = next((bos for bos in _BOS if text.startswith(bos)), None)
        if self._is_vllm or bos is None:
            return text
        async with self._asking:
            if self._adds_bos is None:
                self._adds_bos = await self._measure_bos()
        return text.removeprefix(bos) if self._adds_bos else text

    async def _measure_bos(self) -> bool:
        """Whether the server reads more than one token in a text of one. True, as most do, where it does not count."""
        body = {"model": self._role.model, "prompt": "a", "max_tokens": 1, "temperature": 0.0}
        usage = (await self._server.post(f"{self._server.url}/completions", body)).get("usage")
        return not (isinstance(usage, dict) and usage.get("prompt_tokens") == 1)

    async def _shortened(self, body: dict[str, Any]) -> bool:
        """Whether the request asked for more tokens than fit, and now asks for as many as do, like local backends."""
        ids, most = await self._tokenizer.tokenize(body["prompt"])
        left = most - len(ids)
        if not 0 < left < body["max_tokens"]:
            return False
        body["max_tokens"] = left
        return True

    async def _stop_fields(self, stop: tuple[str, ...]) -> dict[str, Any]:
        """vLLM's fields for these stop strings: special tokens by id, since they never show in the text."""
        async with self._asking:
            if stop not in self._stops:
                self._stops[stop] = await self._make_stop_fields(stop)
            return self._stops[stop]

    async def _make_stop_fields(self, stop: tuple[str, ...]) -> dict[str, Any]:
        ids: list[int] = []
        texts: list[str] = []
        for text in stop:
            tokens, _ = await self._tokenizer.tokenize(text)
            special = len(tokens) == 1
            ids += tokens if special else []
            if not (special and text.startswith("<") and text.endswith(">")):  # "." is one token, and part of others
                texts.append(text)
        return {key: value for key, value in (("stop", texts), ("stop_token_ids", ids)) if value}
