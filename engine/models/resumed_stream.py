"""Streaming a text that may have to be generated again from its beginning, without sending any part twice."""

from engine.models.base import OnText


class ResumedStream:
    """Sits between a model and one request's ``on_text``.

    After ``restart`` nothing is sent until the new text is longer than what was sent of the old one. A new text that
    differs from it (a server that does not repeat a text for the same seed) is not streamed; it comes with the
    completion.
    """

    def __init__(self, request_id: str, on_text: OnText) -> None:
        self._request_id, self._on_text = request_id, on_text
        self._sent = self._text = ""

    def add(self, new: str) -> None:
        """Append a piece of text."""
        self._text += new
        if len(self._text) > len(self._sent) and self._text.startswith(self._sent):
            unsent, self._sent = self._text[len(self._sent) :], self._text
            self._on_text(self._request_id, unsent)

    def restart(self) -> None:
        """The text starts again from its beginning."""
        self._text = ""
