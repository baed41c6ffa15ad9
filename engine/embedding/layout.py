"""Places on the map: t-SNE lays out a few thousand landmarks; every other question is placed among the nearest ones.

A place depends on the landmarks and the question's own vector alone, so that old points stay when new ones are added.
Nearby points are similar; distances between distant points mean little, as in every t-SNE plot.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from store.errors import InputError
from store.filters.map_area import SIDE

LANDMARKS = 2_500
_NEAREST = 4
_TEMPERATURE = 0.05
"""Of the softmax over the cosines that weighs the nearest landmarks."""
_MARGIN = 4.0
_STEPS, _PERPLEXITY, _SEED = 500, 30, 0
_FILE = "landmarks.npz"

Floats = NDArray[np.float32]


class Layout:
    """``vectors`` (landmarks, dimensions) of length 1; ``places`` (landmarks, 2); ``spread`` (landmarks,): the distance
    of the fourth neighbour."""

    def __init__(self, vectors: Floats, places: Floats, spread: Floats) -> None:
        self._vectors, self._places, self._spread = vectors, places, spread

    @classmethod
    def fit(cls, vectors: Floats) -> Layout:
        """Lay out landmarks (n, dimensions), at least five; LANDMARKS of them take about twenty seconds."""
        from sklearn.manifold import TSNE

        perplexity = min(_PERPLEXITY, (len(vectors) - 1) / 3)
        start = "pca" if vectors.shape[1] > 1 else "random"
        tsne = TSNE(perplexity=perplexity, init=start, max_iter=_STEPS, random_state=_SEED, n_jobs=1)
        # noise separates equal vectors, which are common
        noise = np.random.default_rng(_SEED).normal(0, 1e-4, vectors.shape)
        raw = tsne.fit_transform((vectors + noise).astype(np.float32))
        low, high = raw.min(axis=0), raw.max(axis=0)
        places = _MARGIN + (raw - low) / np.maximum(high - low, 1e-9) * (SIDE - 2 * _MARGIN)
        return cls(vectors, places.astype(np.float32), _spread(places).astype(np.float32))

    def place(self, vectors: Floats, keys: NDArray[np.int64]) -> Floats:
        """Places (n, 2) from 0 to SIDE: the mean of the nearest landmarks, weighted by similarity. Questions that are
        unlike all landmarks are scattered around it, by their key, so that they don't fall on one point."""
        import torch

        cosines = torch.from_numpy(vectors) @ torch.from_numpy(self._vectors).T
        top = torch.topk(cosines, min(_NEAREST, len(self._vectors)), dim=1)
        near, which = top.values.numpy(), top.indices.numpy()
        weight = np.exp((near - near[:, :1]) / _TEMPERATURE)
        weight /= weight.sum(axis=1, keepdims=True)
        places = (self._places[which] * weight[:, :, None]).sum(axis=1)
        radius = np.clip(1 - near[:, 0], 0, 1) * self._spread[which[:, 0]]
        scattered: Floats = np.clip(places + _scatter(keys) * radius[:, None], 0, SIDE).astype(np.float32)
        return scattered

    def save(self, folder: Path) -> None:
        np.savez(folder / _FILE, vectors=self._vectors, places=self._places, spread=self._spread)

    @classmethod
    def load(cls, folder: Path) -> Layout:
        """InputError where its file is missing or damaged."""
        try:
            with np.load(folder / _FILE) as arrays:
                return cls(arrays["vectors"], arrays["places"], arrays["spread"])
        except (OSError, ValueError, KeyError, EOFError) as error:
            remedy = "rebuild the map with `scalequest embed --rebuild`"
            raise InputError("map", str(folder), f"its landmarks cannot be read ({error})", remedy) from error


def _spread(places: NDArray[np.float64]) -> NDArray[np.float64]:
    """The distance of each landmark's fourth neighbour."""
    from sklearn.neighbors import NearestNeighbors

    nearest = NearestNeighbors(n_neighbors=min(_NEAREST + 1, len(places))).fit(places)
    distances: NDArray[np.float64] = nearest.kneighbors(places)[0][:, -1]
    return distances


def _scatter(keys: NDArray[np.int64]) -> Floats:
    """Normal deviates (n, 2) determined by the keys (a hash, then Box-Muller)."""
    with np.errstate(over="ignore"):
        mixed = keys.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        mixed ^= mixed >> np.uint64(29)
        mixed *= np.uint64(0xBF58476D1CE4E5B9)
        mixed ^= mixed >> np.uint64(32)
    first = ((mixed & np.uint64(0xFFFFFFFF)).astype(np.float64) + 1) / 2**32
    angle = (mixed >> np.uint64(32)).astype(np.float64) / 2**32 * 2 * np.pi
    radius = np.sqrt(-2 * np.log(np.minimum(first, 1.0)))
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1).astype(np.float32)
