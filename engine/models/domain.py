"""Whether a text is of the kind that a scorer was trained on; outside it a score would be a number without meaning.

A small tokenizer is itself the test: it has whole tokens for the words it was trained on, and spells all others out
in pieces. Knows nothing of models or files other than the one that states the limits.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from store.errors import InputError

FILE = "domain.json"
"""Beside a scorer's weights: ``{"max_tokens_per_word": 2.0, "max_tokens": 160}``. Without it every text is in the
domain."""
_LIMITS = {"max_tokens_per_word", "max_tokens"}


class TextDomain:
    """Texts of at most ``max_tokens`` tokens that the tokenizer writes with at most so many tokens a word.

    Special tokens do not count: they belong to the template. Words are what stands between blanks.
    """

    def __init__(self, tokenizer: Any, max_tokens_per_word: float, max_tokens: int) -> None:
        self._tokenizer, self._per_word, self._most = tokenizer, max_tokens_per_word, max_tokens
        self._special = set(tokenizer.all_special_ids)

    @classmethod
    def load(cls, folder: Path | None, tokenizer: Any) -> TextDomain | None:
        """The domain that the folder states, None where it states none. Raises InputError for a damaged file."""
        if folder is None or not (folder / FILE).is_file():
            return None
        path = folder / FILE
        try:
            limits = json.loads(path.read_text("utf-8"))
            if not isinstance(limits, dict) or _LIMITS - limits.keys():
                raise ValueError
            return cls(tokenizer, float(limits["max_tokens_per_word"]), int(limits["max_tokens"]))
        except (ValueError, TypeError) as error:
            problem = f"does not state {' and '.join(sorted(_LIMITS))}"
            raise InputError("model", str(path), problem, "restore it from the release") from error

    def __call__(self, text: str) -> bool:
        tokens = [i for i in self._tokenizer.encode(text, add_special_tokens=False) if i not in self._special]
        words = self._tokenizer.decode(tokens).split()
        return bool(words) and len(tokens) <= min(self._most, self._per_word * len(words))
