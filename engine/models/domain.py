"""Whether a text is of the kind that a scorer was trained on; outside it a score would be a number without meaning.

The words of the training texts are the test: a question that uses others is about something the scorer has never seen.
Knows nothing of models, and of files only the one that states the words.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path

from store.errors import InputError

FILE = "domain.json"
"""Beside a scorer's weights: ``{"words": [...], "max_unknown_share": 0.1, "max_characters": 360}``. Without it every
text is in the domain."""
_WORD = re.compile(r"<\|\w+\|>|([A-Za-z]+)")


class WordDomain:
    """Rendered texts of at most ``max_characters``, of whose words no more than ``max_unknown_share`` are unknown."""

    def __init__(self, words: Iterable[str], max_unknown_share: float, max_characters: int) -> None:
        self._words, self._share, self._most = frozenset(words), max_unknown_share, max_characters

    @classmethod
    def load(cls, folder: Path | None) -> WordDomain | None:
        """The domain that the folder states, None where it states none. Raises InputError for a damaged file."""
        if folder is None or not (folder / FILE).is_file():
            return None
        path = folder / FILE
        try:
            stated = json.loads(path.read_text("utf-8"))
            return cls(stated["words"], float(stated["max_unknown_share"]), int(stated["max_characters"]))
        except (ValueError, TypeError, KeyError) as error:
            problem = "does not state words, max_unknown_share and max_characters"
            raise InputError("model", str(path), problem, "restore it from the release") from error

    def __call__(self, text: str) -> bool:
        words = [word for word in _WORD.findall(text.lower()) if word]  # a template's markers are no words
        unknown = sum(word not in self._words for word in words)
        return bool(words) and len(text) <= self._most and unknown <= self._share * len(words)
