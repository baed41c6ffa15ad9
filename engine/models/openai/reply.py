"""What a server has written of one text so far, put together from the events of its stream. Knows no connection."""

from __future__ import annotations

import codecs
import time
from typing import Any, Literal, cast

from engine.models.base import Completion
from engine.models.openai.server import Again
from engine.models.resumed_stream import Retelling
from store.errors import ItemError


class Reply:
    """One try of one request: its text, its cost, and why it ended, None as long as it has not.

    Where the server states no token counts (or impossible ones), its events are counted instead, and 0 tokens of
    prompt.
    """

    def __init__(self, url: str, telling: Retelling | None = None) -> None:
        self._url, self._telling = url, telling
        self._parts: list[str] = []
        self._events = 0
        self._usage: tuple[int, int] | None = None
        # Two halves of a character beyond U+FFFF may come in two events; a half alone is no text.
        self._halves = codecs.getincrementaldecoder("utf-16-le")("replace")
        self.reason: Literal["stop", "length"] | None = None
        self._started = time.perf_counter()
        if telling:
            telling.restart()

    def take(self, event: dict[str, Any]) -> None:
        """One event of the stream. Raises ``Again`` for garbage, ItemError where the server ended the text for
        reasons of its own."""
        self._usage = _usage(event.get("usage")) or self._usage
        choices = event.get("choices")
        if not isinstance(choices, list):
            raise Again("it sent garbage")
        if not choices or self.reason:
            return
        try:
            text, reason = choices[0].get("text") or "", choices[0].get("finish_reason")
            new = self._halves.decode(text.encode("utf-16-le", "surrogatepass"), final=reason is not None)
        except (AttributeError, TypeError, ValueError) as error:
            raise Again("it sent garbage") from error
        if new:
            self._parts.append(new)
            self._events += 1
            if self._telling:
                self._telling.add(new)
        if reason in ("stop", "length"):
            self.reason = cast("Literal['stop', 'length']", reason)
        elif reason in ("abort", "error"):
            raise Again("it gave up the text")
        elif reason is not None:
            raise ItemError(f"The server {self._url} ended the text for a reason of its own: {str(reason)[:100]}.")

    def completion(self, request_id: str, reason: Literal["stop", "length", "cancelled"]) -> Completion:
        tokens, prompt_tokens = self._usage or (self._events, 0)
        seconds = time.perf_counter() - self._started
        return Completion(request_id, "".join(self._parts), tokens, prompt_tokens, seconds, reason)


def _usage(stated: Any) -> tuple[int, int] | None:
    """Tokens written and read; None where that is not what was stated."""
    if not isinstance(stated, dict):
        return None
    counts = stated.get("completion_tokens"), stated.get("prompt_tokens")
    if all(type(count) is int and 0 <= count < 1 << 31 for count in counts):
        return cast("tuple[int, int]", counts)
    return None
