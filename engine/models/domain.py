"""Whether a text is of the kind that a scorer was trained on; elsewhere its score would mean nothing.

The test is the vocabulary of the training texts: a question with other words is about something the scorer never saw.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path

from store.errors import InputError

FILE = "domain.json"
"""In the scorer's folder: ``{"words": [...], "max_unknown_share": 0.1, "max_characters": 360}``. Without this file
every text is in the domain."""
WORD = re.compile(r"<\|\w+\|>|([A-Za-z]+)")


class WordDomain:
    """Rendered texts of at most ``max_characters`` with at most ``max_unknown_share`` of unknown words."""

    def __init__(self, words: Iterable[str], max_unknown_share: float, max_characters: int) -> None:
        self._words, self._share, self._most = frozenset(words), max_unknown_share, max_characters

    @classmethod
    def load(cls, folder: Path | None) -> WordDomain | None:
        """The folder's domain; None where it has no such file. InputError for a damaged file."""
        if folder is None or not (folder / FILE).is_file():
            return None
        path = folder / FILE
        try:
            content = json.loads(path.read_text("utf-8"))
            return cls(content["words"], float(content["max_unknown_share"]), int(content["max_characters"]))
        except (ValueError, TypeError, KeyError) as error:
            problem = "does not state words, max_unknown_share and max_characters"
            raise InputError("model", str(path), problem, "restore it from the release") from error

    def __call__(self, text: str) -> bool:
        words = [word for word in WORD.findall(text.lower()) if word]  # without the template's markers
        unknown = sum(word not in self._words for word in words)
        return bool(words) and len(text) <= self._most and unknown <= self._share * len(words)
