"""Streaming a text that may have to be begun again: what has been told is not told twice. Knows no models."""

from __future__ import annotations

from collections.abc import Callable


class Retelling:
    """ReviewState before one request's ``on_text``.

    After ``restart`` nothing is told until the new text has grown past what was told of the old one; a new text that
    differs from it (a server that does not give the same for the same seed) is not told at all: it comes with the
    completion.
    """

    def __init__(self, request_id: str, on_text: Callable[[str, str], None]) -> None:
        self._request_id, self._on_text = request_id, on_text
        self._told = self._text = ""

    def add(self, new: str) -> None:
        """More of the text."""
        self._text += new
        if len(self._text) > len(self._told) and self._text.startswith(self._told):
            fresh, self._told = self._text[len(self._told) :], self._text
            self._on_text(self._request_id, fresh)

    def restart(self) -> None:
        """The text begins anew."""
        self._text = ""
