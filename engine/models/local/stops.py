"""Where a text ends: end-of-text tokens, stop strings, and how much of an unfinished text may be streamed."""

from collections.abc import Sequence
from typing import Any

import torch

GOES_ON, MAY_END, ENDS = 0, 1, 2
"""What a token means for a stop set: nothing, the text must be checked, or the end."""

_BROKEN = "\ufffd"


class StopTable:
    """What every token means for each set of stop strings in use: one row of ``kinds`` [sets, vocabulary] a set.

    A stop string that is one added token of the tokenizer (``<|im_end|>``) stops on that token's id. Any other is
    searched in the text whenever a token appears that can complete it.
    """

    def __init__(self, tokenizer: Any, vocabulary: int, end_ids: Sequence[int], device: torch.device) -> None:
        self._tokenizer = tokenizer
        self._end_ids = list(end_ids)
        self._added: dict[str, int] = dict(tokenizer.get_added_vocab())
        self._numbers: dict[tuple[str, ...], int] = {}
        self._strings: list[tuple[str, ...]] = []
        self._ends: list[set[int]] = []
        self._pieces: list[str] | None = None
        self.kinds = torch.zeros((0, vocabulary), dtype=torch.int64, device=device)

    def number(self, stop: tuple[str, ...]) -> int:
        """The row of ``kinds`` for this stop set, made at its first use."""
        if stop not in self._numbers:
            kinds = torch.zeros(self.kinds.shape[1], dtype=torch.int64)
            strings = tuple(s for s in stop if s and s not in self._added)
            for text in strings:
                kinds[self._completing(text)] = MAY_END
            ends = {*self._end_ids, *(self._added[s] for s in stop if s in self._added)}
            ends = {i for i in ends if 0 <= i < len(kinds)}
            kinds[sorted(ends)] = ENDS
            self._ends.append(ends)
            self.kinds = torch.cat((self.kinds, kinds[None].to(self.kinds.device)))
            self._strings.append(strings)
            self._numbers[stop] = len(self._strings) - 1
        return self._numbers[stop]

    def _completing(self, stop: str) -> list[int]:
        """The tokens in which ``stop`` may end: they contain its last character, or their text is uncertain."""
        if self._pieces is None:
            size = min(len(self._tokenizer), self.kinds.shape[1])
            self._pieces = self._tokenizer.batch_decode([[i] for i in range(size)], skip_special_tokens=True)
        last = stop[-1]
        # A single token may lose a leading space; a part of a character decodes to the replacement sign.
        return [i for i, p in enumerate(self._pieces) if last in p or _BROKEN in p or not p or last.isspace()]

    def without_end(self, number: int, tokens: list[int]) -> list[int]:
        """The tokens without an end token at the end."""
        return tokens[:-1] if tokens and tokens[-1] in self._ends[number] else tokens

    def cut(self, number: int, text: str) -> int | None:
        """Where the first stop string of this set begins in ``text``; None without one."""
        found = [at for s in self._strings[number] if (at := text.find(s)) >= 0]
        return min(found, default=None)

    def showable(self, number: int, text: str) -> str:
        """The final part of an unfinished text: without an incomplete character or the beginning of a stop string."""
        text = text.rstrip(_BROKEN)
        for size in range(max((len(s) for s in self._strings[number]), default=1) - 1, 0, -1):
            if any(s.startswith(text[-size:]) for s in self._strings[number] if len(s) > size <= len(text)):
                return text[:-size]
        return text
