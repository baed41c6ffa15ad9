"""Places on the map: t-SNE lays out a few thousand landmarks, every other question stands among those nearest to it.

So a place depends on the landmarks and the question's own vector alone: old points stay where they are when new ones
come. Distances mean little between far points, as in every picture of this kind: near is alike, far is not measured.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from store.errors import InputError
from store.filters.map_area import SIDE

LANDMARKS = 2_500
_NEAREST = 4
_SHARP = 0.05
"""How much less alike a landmark may be than the nearest one and still pull."""
_MARGIN = 4.0
_STEPS, _PERPLEXITY, _SEED = 500, 30, 0
_FILE = "landmarks.npz"

Floats = NDArray[np.float32]


class Layout:
    """``vectors`` (landmarks, dimensions) of length 1; ``places`` (landmarks, 2); ``spread`` (landmarks,): how far the
    next ones are."""

    def __init__(self, vectors: Floats, places: Floats, spread: Floats) -> None:
        self._vectors, self._places, self._spread = vectors, places, spread

    @classmethod
    def fit(cls, vectors: Floats) -> Layout:
        """Of landmarks (n, dimensions), at least five; takes some twenty seconds for LANDMARKS."""
        from sklearn.manifold import TSNE

        perplexity = min(_PERPLEXITY, (len(vectors) - 1) / 3)
        start = "pca" if vectors.shape[1] > 1 else "random"
        tsne = TSNE(perplexity=perplexity, init=start, max_iter=_STEPS, random_state=_SEED, n_jobs=1)
        # equal vectors, which are common, would have no direction in which to part
        nudge = np.random.default_rng(_SEED).normal(0, 1e-4, vectors.shape)
        found = tsne.fit_transform((vectors + nudge).astype(np.float32))
        low, high = found.min(axis=0), found.max(axis=0)
        places = _MARGIN + (found - low) / np.maximum(high - low, 1e-9) * (SIDE - 2 * _MARGIN)
        return cls(vectors, places.astype(np.float32), _spread(places).astype(np.float32))

    def place(self, vectors: Floats, keys: NDArray[np.int64]) -> Floats:
        """(n, 2) of SIDE: the mean of the nearest landmarks, weighed by likeness. What is unlike them all is scattered
        about that place, by its key, so that a landmark's neighbours do not fall on one point."""
        import torch

        likeness = torch.from_numpy(vectors) @ torch.from_numpy(self._vectors).T
        top = torch.topk(likeness, min(_NEAREST, len(self._vectors)), dim=1)
        near, which = top.values.numpy(), top.indices.numpy()
        weight = np.exp((near - near[:, :1]) / _SHARP)
        weight /= weight.sum(axis=1, keepdims=True)
        places = (self._places[which] * weight[:, :, None]).sum(axis=1)
        away = np.clip(1 - near[:, 0], 0, 1) * self._spread[which[:, 0]]
        found: Floats = np.clip(places + _scatter(keys) * away[:, None], 0, SIDE).astype(np.float32)
        return found

    def save(self, folder: Path) -> None:
        np.savez(folder / _FILE, vectors=self._vectors, places=self._places, spread=self._spread)

    @classmethod
    def load(cls, folder: Path) -> Layout:
        """InputError where its file is missing or damaged."""
        try:
            with np.load(folder / _FILE) as held:
                return cls(held["vectors"], held["places"], held["spread"])
        except (OSError, ValueError, KeyError, EOFError) as error:
            remedy = "make the map anew with `scalequest embed --anew`"
            raise InputError("map", str(folder), f"its landmarks cannot be read ({error})", remedy) from error


def _spread(places: NDArray[np.float64]) -> NDArray[np.float64]:
    """How far each landmark's fourth neighbour is."""
    from sklearn.neighbors import NearestNeighbors

    nearest = NearestNeighbors(n_neighbors=min(_NEAREST + 1, len(places))).fit(places)
    distances: NDArray[np.float64] = nearest.kneighbors(places)[0][:, -1]
    return distances


def _scatter(keys: NDArray[np.int64]) -> Floats:
    """(n, 2) of a bell about 0, the same for the same key."""
    with np.errstate(over="ignore"):
        mixed = keys.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        mixed ^= mixed >> np.uint64(29)
        mixed *= np.uint64(0xBF58476D1CE4E5B9)
        mixed ^= mixed >> np.uint64(32)
    first = ((mixed & np.uint64(0xFFFFFFFF)).astype(np.float64) + 1) / 2**32
    turn = (mixed >> np.uint64(32)).astype(np.float64) / 2**32 * 2 * np.pi
    far = np.sqrt(-2 * np.log(np.minimum(first, 1.0)))
    return np.stack([far * np.cos(turn), far * np.sin(turn)], axis=1).astype(np.float32)
