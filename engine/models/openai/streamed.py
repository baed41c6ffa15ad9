"""What completions and chat have in common: every text is streamed, one request a sample, each with its seed
(but vLLM's servers get seeds only from roles that are ``reproducible``).

Streaming lets a cancel free the server immediately, and shows by silence that a server has died.
"""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from engine.config.profiles import Role
from engine.models.base import BATCH, Billed, Completion, OnCompletion, OnText, Request
from engine.models.openai.model import Call, ServerModel, check_text
from engine.models.openai.reply import Reply
from engine.models.openai.server import Again, Refused, Server
from engine.models.openai.tokens import ServerTokenizer
from engine.models.resumed_stream import ResumedStream
from store.errors import BackendError

_TOKENS_AN_EVENT = 16
"""Where the text is not streamed to a user: each event costs more than a token."""
_VLLM_DEFAULTS = {"min_p": 0.0, "repetition_penalty": 1.0}
"""vLLM takes these from the model's own files where a request leaves them out."""


@dataclass(slots=True, eq=False)
class TextCall(Call[Completion]):
    """``reply``: the newest try's; None before the first. ``wasted``: the tokens of the tries before it."""

    request: Request
    stream: ResumedStream | None
    reply: Reply | None = None
    wasted: Billed = (0, 0)

    @property
    def billed(self) -> Billed:
        """Where a server counts nothing, as most do for a text that is cut short, the events of what it wrote count,
        and a quarter of its prompt's characters."""
        if self.reply is None:
            return self.wasted
        read, written = self.reply.counted or (0, 0)
        if not self.reply.counted and (self.reply.reason or self.reply.events):
            read, written = len(self.request.prompt) // 4, self.reply.events
        return self.wasted[0] + read, self.wasted[1] + written

    def begin(self, url: str) -> Reply:
        """The reply of another try."""
        self.wasted = self.billed
        self.reply = Reply(url, self.stream)
        return self.reply


class StreamedModel(ServerModel[TextCall, Completion]):
    """``role.slots`` requests at once, and a few more of live users. A request that failed starts again from its
    beginning with its seed."""

    path: str
    """Of the texts, below the server's ``/v1``."""

    def __init__(self, role: Role, server: Server) -> None:
        super().__init__(role, server, window=role.slots + max(4, role.slots // 4))
        self._is_vllm = role.server == "vllm"
        self._tokenizer = ServerTokenizer(role, server)

    def submit(self, requests: Sequence[Request], on_done: OnCompletion, on_text: OnText | None = None) -> None:
        calls = [
            TextCall(r.request_id, on_done, r, ResumedStream(r.request_id, on_text) if on_text else None)
            for r in requests
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

    @abstractmethod
    async def _body(self, call: TextCall) -> dict[str, Any]:
        """What is sent for this request."""

    @abstractmethod
    async def _amended(self, body: dict[str, Any], refused: Refused) -> bool:
        """Whether ``body`` now avoids what the server refused."""

    def _accepted(self, body: dict[str, Any]) -> None:
        """Note that the server has answered this."""

    def _cancelled(self, call: TextCall) -> Completion:
        if call.reply is None:
            return Completion(call.request_id, "", 0, 0, 0.0, "cancelled")
        return replace(call.reply.completion(call.request_id, "cancelled"), billed=call.billed)

    async def _complete(self, call: TextCall) -> Completion:
        check_text(call.request.prompt, "The prompt")
        async with self._limiter.acquire(call.request.priority):
            return await self._server.persist(lambda: self._try(call))

    async def _try(self, call: TextCall) -> Completion:
        """One try; a request that is refused for something that can be changed is sent changed."""
        body = await self._body(call)
        while True:
            try:
                done = await self._stream(call, body)
            except Refused as refused:
                if call.request.logprobs and "logprobs" in refused.said:
                    raise self._without_logprobs(f": {refused.said}") from refused
                if not await self._amended(body, refused):
                    raise
            else:
                self._accepted(body)
                return done

    async def _stream(self, call: TextCall, body: dict[str, Any]) -> Completion:
        reply = call.begin(self._server.url)
        await self._server.stream(f"{self._server.url}/{self.path}", body, reply.add)
        if reply.error is not None:
            raise reply.error
        if reply.reason is None:
            raise Again("it cut the stream")
        done = reply.completion(call.request_id, reply.reason)
        if call.request.logprobs and done.logprobs is None and (done.text or done.reasoning):
            raise self._without_logprobs()
        return replace(done, billed=call.billed)

    def _without_logprobs(self, why: str = "") -> BackendError:
        """The server gives no log-probabilities to a role that needs them."""
        problem = f"The server {self._server.url} of the {self._role.role} gives no log-probabilities of tokens"
        needed = "which difficulty by greedy-confidence needs"
        remedy = "use a server that gives them, such as vLLM's, or another [difficulty]"
        return BackendError(f"{problem}, {needed}{why}; {remedy}.")

    def _common(self, request: Request) -> dict[str, Any]:
        """The fields of OpenAI's protocol that both kinds of requests have."""
        sampling = request.sampling
        fields: dict[str, Any] = {
            "model": self._role.model,
            "max_tokens": sampling.max_tokens,
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        if self._role.reproducible or not self._is_vllm:  # on a GPU, a seed alone slows vLLM and promises nothing
            fields["seed"] = request.seed
        return fields

    async def _vllm_fields(self, call: TextCall) -> dict[str, Any]:
        """What OpenAI's protocol lacks: the model's own sampling defaults are off, special tokens stop by id and never
        show, live users go first (where the server runs with ``--scheduling-policy priority``), and a server whose
        tokenizer loses text is refused."""
        await self._tokenizer.check_round_trip()
        sampling = call.request.sampling
        fields = {"top_k": sampling.top_k, **_VLLM_DEFAULTS, **await self._tokenizer.stop_fields(sampling.stop)}
        # so that the cost of a cancelled text is known
        fields["stream_options"] = {"include_usage": True, "continuous_usage_stats": True}
        if call.stream is None:
            fields["stream_interval"] = _TOKENS_AN_EVENT
        if call.request.priority >= BATCH:  # a live user's 0 is the server's default
            fields["priority"] = call.request.priority
        return fields
