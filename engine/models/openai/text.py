"""A ``TextModel`` behind an OpenAI-compatible server: raw prefixes to ``/completions``.

``server = "vllm"`` adds that nothing is put before the prompt, and vLLM's other fields (``StreamedModel``). Another
server is asked at first how many tokens it counts in a few short texts: whether it puts a BOS before a prompt, and
whether it reads blanks at all. One that counts nothing is used with a warning.
"""

import asyncio
import logging
from typing import Any

from engine.config.profiles import Role
from engine.models.base import TextModel
from engine.models.openai.chat import OpenAIChat
from engine.models.openai.server import Refused, Server
from engine.models.openai.streamed import StreamedModel, TextCall
from engine.models.replicas import Pool
from store.errors import BackendError

_BOS = ("<s>", "<|begin_of_text|>", "<\uff5cbegin\u2581of\u2581sentence\uff5c>", "<bos>")
"""Tokens that begin a text, as templates spell them."""
_APART, _JOINED = ("1 1 1 1 1 1 1 1", "x x x x x x x x"), ("11111111", "xxxxxxxx")
"""Texts with and without blanks. No usual tokenizer counts equal tokens in both of a kind, and in both kinds, unless it
loses the blanks."""

logger = logging.getLogger(__name__)


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
        self._reads_blanks = self._is_vllm  # whose tokenizer is checked as a whole
        self._asking = asyncio.Lock()

    async def _body(self, call: TextCall) -> dict[str, Any]:
        request = call.request
        body = self._common(request) | {"prompt": await self._prompt(request.prompt)}
        if request.logprobs:
            body["logprobs"] = 1  # of the chosen token and the likeliest one: some servers read 0 as none
        if self._is_vllm:
            return body | {"add_special_tokens": False, **await self._vllm_fields(call)}
        return body | ({"stop": list(request.sampling.stop)} if request.sampling.stop else {})

    async def _prompt(self, text: str) -> str:
        """What to send so that the model reads ``text``: it goes without its BOS where the server puts one before every
        prompt."""
        bos = next((bos for bos in _BOS if text.startswith(bos)), None)
        if self._is_vllm:
            return text
        async with self._asking:
            if not self._reads_blanks:
                await self._check_blanks()
                self._reads_blanks = True
            if bos is not None and self._adds_bos is None:
                self._adds_bos = await self._counted("a") != 1  # as most do, where it does not count
        return text.removeprefix(bos) if bos is not None and self._adds_bos else text

    async def _check_blanks(self) -> None:
        """BackendError where blanks change nothing in the server's counts: it loses them, in prompts and in answers."""
        apart = [await self._counted(text) for text in _APART]
        if None in apart:
            sentence = "The server %s does not count the tokens of a prompt: whether it reads blanks is unchecked."
            logger.warning(sentence, self._server.url)
        elif apart == [await self._counted(text) for text in _JOINED]:
            counts = f"it counts {apart[0]} tokens in '{_APART[0]}' and as many in '{_JOINED[0]}'"
            remedy = "start it with the tokenizer that `scalequest tokenizer` writes, or use another server"
            raise BackendError(
                f"The server {self._server.url} loses the blanks of the model '{self._role.model}': {counts}; {remedy}."
            )

    async def _counted(self, text: str) -> int | None:
        """The tokens that the server reads in a text; None where it does not say, or takes no such request."""
        body = {"model": self._role.model, "prompt": text, "max_tokens": 1, "temperature": 0.0}
        try:
            usage = (await self._server.post(f"{self._server.url}/completions", body)).get("usage")
        except Refused:
            return None
        found = usage.get("prompt_tokens") if isinstance(usage, dict) else None
        return found if type(found) is int else None

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
