"""The tokenizer of a vLLM server, over its ``/tokenize`` and ``/detokenize``. For use on one asyncio loop."""

import asyncio
from typing import Any

from engine.config.profiles import Role
from engine.models.openai.server import Again, Refused, Server
from engine.models.sizes import cached
from engine.models.tokenizers import PROBE, load_tokenizer, lost_text, misreading
from store.errors import BackendError

_WORDS = "natalia sold"
"""Words of ``PROBE`` with a blank between them."""


def _own_tokenizer(role: Role) -> Any:
    """The tokenizer as the model's own files say; None where they are not on this machine."""
    folder = role.path or cached(role.model, role.revision)
    return load_tokenizer(str(folder)) if folder is not None and (folder / "tokenizer.json").is_file() else None


class ServerTokenizer:
    """All methods raise as ``Server.post`` does."""

    def __init__(self, role: Role, server: Server) -> None:
        self._role, self._server = role, server
        self._lock = asyncio.Lock()
        self._checked = False
        self._stops: dict[tuple[str, ...], dict[str, Any]] = {}

    async def tokenize(self, text: str) -> tuple[list[int], int]:
        """The ids of exactly this text, and how many the model takes (0 where the server does not say)."""
        body = {"model": self._role.model, "prompt": text, "add_special_tokens": False}
        answer = await self._server.post(f"{self._server.root}/tokenize", body)
        try:
            return [int(i) for i in answer["tokens"]], int(answer.get("max_model_len") or 0)
        except (KeyError, TypeError, ValueError) as error:
            raise Again("it sent garbage") from error

    async def chat_length(self, messages: list[dict[str, str]]) -> tuple[int, int]:
        """How many tokens the model reads of a chat, and how many it takes (0 where the server does not say)."""
        body = {"model": self._role.model, "messages": messages}
        answer = await self._server.post(f"{self._server.root}/tokenize", body)
        try:
            return int(answer["count"]), int(answer.get("max_model_len") or 0)
        except (KeyError, TypeError, ValueError) as error:
            raise Again("it sent garbage") from error

    async def detokenize(self, ids: list[int]) -> str:
        body: dict[str, Any] = {"model": self._role.model, "tokens": ids}
        answer = await self._server.post(f"{self._server.root}/detokenize", body)
        if not isinstance(text := answer.get("prompt"), str):
            raise Again("it sent garbage")
        return text

    async def check_round_trip(self) -> None:
        """Once: BackendError where the server's tokenizer loses text, which would spoil all prompts and answers."""
        async with self._lock:
            if self._checked:
                return
            ids, _ = await self.tokenize(PROBE)
            if (loss := lost_text(await self.detokenize(ids))) is not None:
                model = self._role.model
                remedy = f"run `scalequest tokenizer {model} --out FOLDER` and start it with --tokenizer FOLDER"
                raise BackendError(f"The server {self._server.url} misreads the model '{model}': {loss}; {remedy}.")
            self._checked = True

    async def check_scorer(self) -> None:
        """Once: BackendError where a scorer's server reads other tokens than the model's files say, if they are on this
        machine; else where it loses the blanks between words. Another loss may be meant: an uncased encoder's is. A
        server that forwards no ``/tokenize`` is used unchecked."""
        async with self._lock:
            if self._checked:
                return
            try:
                ids, _ = await self.tokenize(PROBE)
                text = await self.detokenize(ids)
            except (BackendError, Refused):
                self._checked = True
                return
            model = self._role.model
            own = await asyncio.to_thread(_own_tokenizer, self._role)
            problem = None if own is None else misreading(own, own.encode(PROBE, add_special_tokens=False), ids)
            if own is None and _WORDS not in text.lower():
                problem = f"its tokenizer turns {PROBE[:24]!r} into {text[:24]!r}"
            if problem is not None:
                remedy = f"run `scalequest tokenizer {model} --out FOLDER` and start it with --tokenizer FOLDER"
                raise BackendError(f"The server {self._server.url} misreads the model '{model}': {problem}; {remedy}.")
            self._checked = True

    async def stop_fields(self, stop: tuple[str, ...]) -> dict[str, Any]:
        """vLLM's fields for these stop strings: special tokens by id, since they never show in the text."""
        async with self._lock:
            if stop not in self._stops:
                self._stops[stop] = await self._make_stop_fields(stop)
            return self._stops[stop]

    async def _make_stop_fields(self, stop: tuple[str, ...]) -> dict[str, Any]:
        ids: list[int] = []
        texts: list[str] = []
        for text in stop:
            tokens, _ = await self.tokenize(text)
            special = len(tokens) == 1
            ids += tokens if special else []
            if not (special and text.startswith("<") and text.endswith(">")):  # "." is one token, and part of others
                texts.append(text)
        return {key: value for key, value in (("stop", texts), ("stop_token_ids", ids)) if value}
