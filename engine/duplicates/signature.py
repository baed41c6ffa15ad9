"""The signature of a question: the hashes by which the duplicate stage finds what it repeats.

It is made once, when the question is judged, and stored with it: to read two million back takes seconds, to make them
takes minutes.
"""

from __future__ import annotations

import re
import struct
import tomllib
from itertools import pairwise
from typing import NamedTuple

from rensa import RMinHash
from xxhash import xxh3_64_intdigest, xxh32_intdigest

from engine.paths import ASSETS

METHOD = "words-1"
"""Names how signatures are made. Change it whenever the same text would get another signature: stored signatures of
another method are made again."""
PERMUTATIONS, BANDS, _SEED = 96, 16, 7
"""6 rows a band: a pair with Jaccard 0.8 becomes a candidate with probability 0.99, one with 0.5 with 0.22."""
_DIGEST = struct.Struct(f"<{PERMUTATIONS}I")
_BAND_BYTES = _DIGEST.size // BANDS

_REST = r"|\d+(?:,\d{3})*(?:\.\d+)?|[-+*/^=<>%()!|]|[^\x00-\x7f]"
_TOKEN, _ASCII_TOKEN = re.compile(r"[^\W\d_]+(?:['’][a-z]+)?" + _REST), re.compile(r"[A-Za-z]+(?:'[a-z]+)?" + _REST)
_MASK = "0"
_WORDS = tomllib.loads((ASSETS / "text" / "words.toml").read_text(encoding="utf-8"))["duplicate"]
_NUMBERS, _CONTRASTS = frozenset(_WORDS["numbers"].split()), frozenset(_WORDS["contrasts"].split())
"""Words that make another question, like numbers, operators, one-letter names and words in capitals."""


class Signature(NamedTuple):
    """``exact``: of the normalised text; ``mask``: of its words with numbers masked; ``content``: of its numbers,
    operators and contrasting words (64-bit hashes). ``size``: distinct words and word pairs. ``bands``: the MinHash, a
    32-bit hash for each band. ``words``: the masked words in order, a 32-bit hash each (little-endian)."""

    exact: int
    content: int
    mask: int
    size: int
    bands: bytes
    words: bytes


def signature(text: str) -> Signature:
    """The signature of a question's text."""
    given = _tokens(text)
    kinds = [_KINDS[token] for token in given]
    words = [word for word, _, _ in kinds if word]
    content = [contrast for _, contrast, _ in kinds if contrast]
    hashes = [hashed for word, _, hashed in kinds if word]
    features = {*words, *[f"{first} {second}" for first, second in pairwise(words)]}
    minhash = RMinHash(PERMUTATIONS, _SEED)
    minhash.update(list(features))
    digest = _DIGEST.pack(*minhash.digest())
    bands = [xxh32_intdigest(digest[at : at + _BAND_BYTES]) for at in range(0, _DIGEST.size, _BAND_BYTES)]
    return Signature(
        _exact(given),
        _hash(" ".join(content)),
        _hash(" ".join(words)),
        len(features),
        struct.pack(f"<{BANDS}I", *bands),
        struct.pack(f"<{len(hashes)}I", *hashes),
    )


def features(words: list[int]) -> set[int]:
    """The words and word pairs of a question, as numbers, from the hashes of its words."""
    return {*words, *[first << 32 | second for first, second in pairwise(words)]}


def jaccard(a: set[int], b: set[int]) -> float:
    """The share of features that two questions have in common; 1.0 for two without any."""
    shared = len(a & b)
    return shared / (len(a) + len(b) - shared) if a or b else 1.0


def exact(text: str) -> int:
    """Equal for texts that are the same after normalising."""
    return _exact(_tokens(text))


def similarity(one: str, other: str) -> float:
    """The Jaccard of two texts as the index measures it: words and word pairs, numbers masked; 1.0 for two empty
    ones."""
    return jaccard(features(_word_hashes(one)), features(_word_hashes(other)))


def _word_hashes(text: str) -> list[int]:
    return [hashed for word, _, hashed in map(_KINDS.__getitem__, _tokens(text)) if word]


def _tokens(text: str) -> list[str]:
    return (_ASCII_TOKEN if text.isascii() else _TOKEN).findall(text)


def _exact(given: list[str]) -> int:
    return _hash(" ".join(given).casefold())


def _hash(text: str) -> int:
    return xxh3_64_intdigest(text.encode())


class _Kinds(dict[str, tuple[str, str, int]]):
    """Token -> (its word with numbers masked, or ""; its contrasting content, or ""; the word's hash), cached since
    tokens repeat."""

    def __missing__(self, given: str) -> tuple[str, str, int]:
        if len(self) > 100_000:
            self.clear()
        token = given.casefold()
        number = token[0].isdigit() or token in _NUMBERS
        capital = (given.isupper() or len(token) == 1) and token not in "ai"
        contrasts = number or capital or token in _CONTRASTS or not token[0].isalpha()
        word = _MASK if number else token if token[0].isalnum() else ""
        content = token.replace(",", "") if contrasts else ""
        kind = self[given] = (word, content, xxh32_intdigest(word.encode()))
        return kind


_KINDS = _Kinds()
