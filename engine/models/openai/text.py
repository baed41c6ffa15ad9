"""A ``TextModel`` behind an OpenAI-compatible server: raw prefixes to ``/completions``.

``server = "vllm"`` adds that nothing is put before the prompt, and vLLM's other fields (``StreamedModel``).
"""

import asyncio
from typing import Any

from engine.config.profiles import Role
from engine.models.base import TextModel
from engine.models.openai.chat import OpenAIChat
from engine.models.openai.server import Refused, Server
from engine.models.openai.streamed import StreamedModel, TextCall
from engine.models.replicas import Pool

_BOS = ("<s>", "<|begin_of_text|>", "<\uff5cbegin\u2581of\u2581sentence\uff5c>", "<bos>")
"""Tokens that begin a text, as templates spell them."""


def open_role(role: Role) -> TextModel:
    """The role's server, or a pool of its servers, without a request to them. Raises InputError as ``Server`` does."""
    kind = OpenAIChat if role.backend == "openai-chat" else OpenAIText
    models = [kind(role, Server(role, url)) for url in role.urls]
    return models[0] if len(models) == 1 else Pool(models)


class OpenAIText(StreamedModel):
    """Continues raw prefixes."""

    path = "completions"

    def __init__(self, role: Role, server: Server) -> None:
        super().__init__(role, server)
        self._adds_bos: bool | None = None
        self._asking = asyncio.Lock()

    async def _body(self, call: TextCall) -> dict[str, Any]:
        request = call.request
        body = self._common(request) | {"prompt": await self._prompt(request.prompt)}
        if self._is_vllm:
            return body | {"add_special_tokens": False, **await self._vllm_fields(call)}
        return body | ({"stop": list(request.sampling.stop)} if request.sampling.stop else {})

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

    async def _amended(self, body: dict[str, Any], refused: Refused) -> bool:
        """Whether the request asked for more tokens than fit, and now asks for as many as do, like local backends."""
        if not self._is_vllm:
            return False
        ids, most = await self._tokenizer.tokenize(body["prompt"])
        left = most - len(ids)
        if not 0 < left < body["max_tokens"]:
            return False
        body["max_tokens"] = left
        return True
