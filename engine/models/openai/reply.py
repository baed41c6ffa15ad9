"""One text as a server streams it, put together from the events of its stream."""

import codecs
import time
from typing import Any, Literal, cast

from engine.models.base import Billed, Completion, Logprobs
from engine.models.openai.server import Again
from engine.models.resumed_stream import ResumedStream
from store.errors import ItemError


class Reply:
    """One try of one request: its text, its token counts, and ``reason``, None until the text has ended; ``error``
    where the server ended it for a reason that makes it no text.

    Where the server gives no token counts, or impossible ones, the events are counted instead, with a prompt of 0.
    Reasoning that the server sends apart (``reasoning_content``, or ``reasoning``) is kept out of the text. A chat
    model's refusal is its text.
    """

    def __init__(self, url: str, stream: ResumedStream | None = None) -> None:
        self._url, self._stream = url, stream
        self._parts: list[str] = []
        self._reasoning: list[str] = []
        self._reasoning_tokens: int | None = None
        self._logprobs: list[float] = []
        self.events = 0
        self.counted: Billed | None = None
        """Tokens read and written, as far as the server has counted them."""
        # The two halves of a character beyond U+FFFF may come in two events; one half alone is not text.
        self._halves = codecs.getincrementaldecoder("utf-16-le")("replace")
        self.reason: Literal["stop", "length"] | None = None
        self.error: ItemError | None = None
        self._started = time.perf_counter()
        if stream:
            stream.restart()

    def add(self, event: dict[str, Any]) -> None:
        """Add one event of the stream. Raises ``Again`` for a malformed one, and where the server gave up."""
        self.counted = _usage(event.get("usage")) or self.counted
        self._reasoning_tokens = _reasoning_tokens(event.get("usage")) or self._reasoning_tokens
        choices = event.get("choices")
        if not isinstance(choices, list):
            raise Again("it sent garbage")
        if not choices or self.reason or self.error:
            return
        try:
            said, reason = choices[0].get("delta") or choices[0], choices[0].get("finish_reason")
            text = said.get("text") or said.get("content") or said.get("refusal") or ""
            new = self._halves.decode(text.encode("utf-16-le", "surrogatepass"), final=reason is not None)
            thought = said.get("reasoning_content") or said.get("reasoning") or ""
            self._logprobs += _logprobs(choices[0].get("logprobs"))
        except (AttributeError, TypeError, ValueError) as error:
            raise Again("it sent garbage") from error
        if isinstance(thought, str) and thought:
            self._reasoning.append(thought)
            self.events += 1
        if new:
            self._parts.append(new)
            self.events += 1
            if self._stream:
                self._stream.add(new)
        if reason in ("stop", "length"):
            self.reason = cast("Literal['stop', 'length']", reason)
        elif reason in ("abort", "error"):
            raise Again("it gave up the text")
        elif reason == "content_filter":
            self.error = ItemError(f"The server {self._url} withheld the text (content_filter).")
        elif reason is not None:
            why = str(reason)[:100]
            self.error = ItemError(f"The server {self._url} ended the text for an unknown reason: {why}.")

    def completion(self, request_id: str, reason: Literal["stop", "length", "cancelled"]) -> Completion:
        prompt_tokens, tokens = self.counted or (0, self.events)
        seconds = time.perf_counter() - self._started
        text, reasoning = "".join(self._parts), "".join(self._reasoning) or None
        more = (reasoning, self._reasoning_tokens if reasoning else None)
        logprobs = Logprobs.of(self._logprobs)
        return Completion(request_id, text, tokens, prompt_tokens, seconds, reason, *more, logprobs=logprobs)


def _logprobs(event: Any) -> list[float]:
    """The log-probabilities of an event's tokens, as completions (``token_logprobs``) and chats (``content``) have
    them."""
    if not isinstance(event, dict):
        return []
    found = event.get("token_logprobs") or [token.get("logprob") for token in event.get("content") or []]
    return [float(one) for one in found if one is not None]


def _reasoning_tokens(usage: Any) -> int | None:
    details = usage.get("completion_tokens_details") if isinstance(usage, dict) else None
    count = details.get("reasoning_tokens") if isinstance(details, dict) else None
    return count if type(count) is int and 0 < count < 1 << 31 else None


def _usage(usage: Any) -> Billed | None:
    """Tokens read and written; None for anything else. Some servers count reasoning in the total alone."""
    if not isinstance(usage, dict):
        return None
    counts = usage.get("prompt_tokens"), usage.get("completion_tokens")
    if not all(type(count) is int and 0 <= count < 1 << 31 for count in counts):
        return None
    read, written = cast("Billed", counts)
    total = usage.get("total_tokens")
    return read, max(written, total - read) if type(total) is int and total < 1 << 31 else written
