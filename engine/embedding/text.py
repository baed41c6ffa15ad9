"""The default embedder: latent semantic analysis of words and word pairs in 128 numbers, offline.

Features are words, their first five letters and pairs of neighbours, with numbers masked by their digits. They are
weighted by TF-IDF with logarithmic counts and projected by a truncated SVD that is fitted to a sample of the
workspace's own questions. Questions are similar if they share words or contexts; meaning is unknown to it, and words
outside the sample are ignored.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.text.linear_classifier import masked_token, stem_of, tokens_of
from store.errors import InputError

DIMENSIONS = 128
FEATURES = 40_000
_FILE, _VOCABULARY = "text.npz", "vocabulary.txt"
_FEW = 1_000
"""With more texts, a feature must occur in three of them."""
_SEED = 0

Floats = NDArray[np.float32]


class _FeatureCache(dict[str, tuple[str, str]]):
    """Token -> (its feature, its stem)."""

    def __missing__(self, token: str) -> tuple[str, str]:
        if len(self) > 200_000:
            self.clear()
        feature = masked_token(token)
        entry = self[token] = (feature, stem_of(feature))
        return entry


_features = _FeatureCache()


def features(text: str) -> list[str]:
    """Tokens, stems of longer ones and pairs of stems, with repeats."""
    tokens = [_features[token] for token in tokens_of(text)]
    words = [feature for feature, _ in tokens]
    stems = [f"~{stem}" for feature, stem in tokens if stem != feature]
    return words + stems + [f"{a} {b}" for (_, a), (_, b) in pairwise(tokens)]


class TextModel:
    """``project`` (features, dimensions): the right singular vectors."""

    def __init__(self, vocabulary: Sequence[str], idf: Floats, project: Floats) -> None:
        self._vocabulary, self._idf, self._project = list(vocabulary), idf, project
        self._column = {feature: i for i, feature in enumerate(vocabulary)}
        self.dimensions: int = project.shape[1]

    @classmethod
    def fit(cls, texts: Sequence[str]) -> TextModel:
        """Deterministic for the same texts in the same order. InputError where they have no words."""
        from sklearn.decomposition import TruncatedSVD

        seen = Counter(feature for text in texts for feature in set(features(text)))
        least = 1 if len(texts) <= _FEW else 3
        common = sorted(((n, f) for f, n in seen.items() if n >= least), key=lambda found: (-found[0], found[1]))
        vocabulary = [feature for _, feature in common[:FEATURES]]
        if len(vocabulary) < 3:
            count = f"{len(texts):,} texts"
            raise InputError("questions", count, "have too few words for a map", "add questions in words")
        often = np.array([seen[feature] for feature in vocabulary])
        idf = (np.log((1 + len(texts)) / (1 + often)) + 1).astype(np.float32)
        blank = cls(vocabulary, idf, np.zeros((len(vocabulary), 0), np.float32))
        size = max(1, min(DIMENSIONS, len(texts) - 1, len(vocabulary) - 1))
        svd = TruncatedSVD(size, n_iter=3, random_state=_SEED).fit(blank.weights(texts))
        return cls(vocabulary, idf, svd.components_.T.astype(np.float32))

    def embed(self, texts: Sequence[str]) -> Floats:
        """(texts, dimensions), of length 1; of length 0 for a text without a known feature."""
        projected = np.asarray(self.weights(texts) @ self._project, dtype=np.float32)
        length = np.linalg.norm(projected, axis=1, keepdims=True)
        unit: Floats = np.divide(projected, length, out=np.zeros_like(projected), where=length > 1e-6)
        return unit

    def weights(self, texts: Sequence[str]) -> Any:
        """TF-IDF as a sparse matrix (texts, features), rows of length 1; TF is 1 + log count."""
        from scipy.sparse import csr_matrix

        columns: list[int] = []
        counts: list[int] = []
        ends = [0]
        known = self._column
        for text in texts:
            occurrences = Counter(known[feature] for feature in features(text) if feature in known)
            columns += occurrences.keys()
            counts += occurrences.values()
            ends.append(len(columns))
        at, rows = np.array(columns, np.int32), np.repeat(np.arange(len(texts)), np.diff(ends))
        values = (1 + np.log(np.array(counts, np.float32))) * self._idf[at]
        length = np.sqrt(np.bincount(rows, values**2, minlength=len(texts)))
        values /= np.maximum(length, 1e-12)[rows].astype(np.float32)
        return csr_matrix((values, at, np.array(ends)), shape=(len(texts), len(self._vocabulary)))

    def save(self, folder: Path) -> None:
        np.savez(folder / _FILE, idf=self._idf, project=self._project)
        (folder / _VOCABULARY).write_text("\n".join(self._vocabulary), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> TextModel:
        """InputError where its files are missing or damaged."""
        try:
            with np.load(folder / _FILE) as arrays:
                idf, project = arrays["idf"], arrays["project"]
            vocabulary = (folder / _VOCABULARY).read_text(encoding="utf-8").split("\n")
            if not len(vocabulary) == len(idf) == len(project):
                raise ValueError("its files do not match")
        except (OSError, ValueError, KeyError, EOFError) as error:
            remedy = "rebuild the map with `scalequest embed --rebuild`"
            raise InputError("map", str(folder), f"its embedder cannot be read ({error})", remedy) from error
        return cls(vocabulary, idf, project)
