"""A ``TextModel`` behind an OpenAI-compatible chat server: one user message to ``/chat/completions``, as hosted models
want it.

The rendered prompt is the message, so what is stored is what is sent; the server adds its model's chat format. The
models behind one protocol differ in what they accept: a request that is refused for an optional field, by name, is sent
again without it (``max_tokens`` goes under its newer name). Where that is accepted, the field is left out for that
server from then on, with a warning; where it isn't, something else was wrong with this one request.
"""

import logging
import re
from typing import Any

from engine.config.profiles import Role
from engine.models.openai.server import Refused, Server
from engine.models.openai.streamed import StreamedModel, TextCall

_OPTIONAL = ("continuous_usage_stats", "stream_options", "stream_interval", "priority", "top_k", "min_p",
             "repetition_penalty", "seed", "stop", "top_p", "temperature", "max_tokens")  # fmt: skip
"""Fields that a model may refuse."""
_REFUSES = re.compile(
    r"un(?:supported|recogni[sz]ed|known|expected)|not\s+(?:support|permitted|allowed|accept|recogni[sz]ed|available)"
    r"|n[o']t\s+support|extra[\s_](?:input|field|forbidden)|forbidden|deprecated"
    r"|cannot\s+(?:both\s+)?be(?!\s+(?:greater|larger|higher|more|longer|less|lower|smaller))",
    re.IGNORECASE,
)
"""Says of a field that it, or its value, cannot be used; not that a text is too long, which names max_tokens too."""

logger = logging.getLogger(__name__)


class OpenAIChat(StreamedModel):
    """Answers instructions."""

    path = "chat/completions"

    def __init__(self, role: Role, server: Server) -> None:
        super().__init__(role, server)
        self._refused: set[str] = set()
        """The names of the optional fields that this server does not accept."""
        self._suspected: set[str] = set()
        """Those that it has named, while no request without them was accepted."""

    async def _body(self, call: TextCall) -> dict[str, Any]:
        request = call.request
        body = self._common(request) | {"messages": [{"role": "user", "content": request.prompt}]}
        if request.logprobs:
            body["logprobs"] = True
        if self._is_vllm:
            body |= await self._vllm_fields(call)
        elif request.sampling.stop:
            body["stop"] = list(request.sampling.stop)
        for name in self._refused:
            _leave_out(body, name)
        return body

    async def _amended(self, body: dict[str, Any], refused: Refused) -> bool:
        if self._is_vllm and await self._shortened(body):
            return True
        names = _refused_fields(body, refused)
        for name in names:
            _leave_out(body, name)
        self._suspected.update(names)
        return bool(names)

    def _accepted(self, body: dict[str, Any]) -> None:
        sent = _fields(body)
        for name in sorted(name for name in self._suspected if name not in sent):
            self._suspected.remove(name)
            if name not in self._refused:
                self._refused.add(name)
                instead = "max_completion_tokens is sent" if name == "max_tokens" else "the model's own value applies"
                logger.warning("The server %s does not accept %s; %s.", self._server.url, name, instead)

    async def _shortened(self, body: dict[str, Any]) -> bool:
        """Whether the request asked for more tokens than fit, and now asks for as many as do, like local backends."""
        length, most = await self._tokenizer.chat_length(body["messages"])
        left, limit = most - length, "max_tokens" if "max_tokens" in body else "max_completion_tokens"
        if not 0 < left < body[limit]:
            return False
        body[limit] = left
        return True


def _fields(body: dict[str, Any]) -> set[str]:
    return {*body, *body.get("stream_options", {})}


def _refused_fields(body: dict[str, Any], refused: Refused) -> list[str]:
    """The optional fields of ``body`` that the server's message refuses: one that is named alone, or all that are."""
    if not _REFUSES.search(refused.said):
        return []
    sent = _fields(body)
    named = [name for name in _OPTIONAL if name in sent and re.search(rf"\b{name}\b", refused.said)]
    if "continuous_usage_stats" in named:
        return ["continuous_usage_stats"]
    if {"top_p", "temperature"} <= set(named):  # some models accept one of the two
        named.remove("temperature")
    return named


def _leave_out(body: dict[str, Any], name: str) -> None:
    if name == "continuous_usage_stats":
        body.get("stream_options", {}).pop(name, None)
    elif name == "max_tokens" and name in body:
        body["max_completion_tokens"] = body.pop(name)
    else:
        body.pop(name, None)
