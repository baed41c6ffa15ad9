"""Vectors of questions in the workspace's folder ``embeddings/``, so that a check by meaning that continues, or is
repeated with another threshold, embeds nothing twice. The folder is a cache: it may be deleted.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from xxhash import xxh3_64_intdigest

from engine.embedding.role import Embedder, Model
from store.errors import StoreError

FOLDER = "embeddings"
_BLOCK = 8_192
"""Records that are read at once."""

Floats = NDArray[np.float32]


class StoredVectors:
    """The vectors of texts by one embedder: a file of records, each the hash of a text and its vector in half
    precision. New vectors are rounded in the same way before they are used, so that it makes no difference whether a
    vector was stored. Not thread-safe.
    """

    def __init__(self, workspace: Path, embedder: Embedder, model: Model) -> None:
        """``workspace``: its folder; ``model``: of this embedder. StoreError where the disk fails."""
        self._model = model
        self._type = np.dtype([("text", "<u8"), ("vector", "<f2", (model.dimensions,))])
        name = hashlib.sha256(repr(asdict(embedder)).encode()).hexdigest()[:16]
        self._path = workspace / FOLDER / f"{name}.bin"
        try:
            self._path.parent.mkdir(exist_ok=True)
            self._path.touch()
            self._size = self._path.stat().st_size // self._type.itemsize
            self._rows = self._known()
        except OSError as error:
            raise self._failed(error) from error

    def of(self, texts: Sequence[str]) -> Floats:
        """Vectors (texts, dimensions) of length 1; missing ones are computed and stored. StoreError where the
        disk fails."""
        keys = [xxh3_64_intdigest(text.encode(errors="surrogatepass")) for text in texts]
        new = {key: text for key, text in zip(keys, texts, strict=True) if key not in self._rows}
        try:
            if new:
                self._append(list(new), self._model.embed(list(new.values())))
            vectors: Floats = self._records()["vector"][[self._rows[key] for key in keys]].astype(np.float32)
        except OSError as error:
            raise self._failed(error) from error
        return vectors

    def _known(self) -> dict[int, int]:
        """The row of each text. Rows that a power cut left incomplete have another length than 1."""
        found: dict[int, int] = {}
        for first in range(0, self._size, _BLOCK):
            block = self._records()[first : first + _BLOCK]
            lengths = np.linalg.norm(block["vector"].astype(np.float32), axis=1)
            rows = np.flatnonzero(np.abs(lengths - 1) < 0.01)
            found |= dict(zip(block["text"][rows].tolist(), (first + rows).tolist(), strict=True))
        return found

    def _records(self) -> NDArray[np.void]:
        if not self._size:  # an empty file cannot be mapped
            return np.zeros(0, self._type)
        return np.memmap(self._path, self._type, "r", shape=(self._size,))

    def _append(self, keys: Sequence[int], vectors: Floats) -> None:
        """Write behind the last whole record, over what a kill left of another one."""
        records = np.zeros(len(keys), self._type)
        records["text"], records["vector"] = keys, vectors
        with self._path.open("r+b") as file:
            file.seek(self._size * self._type.itemsize)
            file.write(records.tobytes())
        self._rows |= {key: self._size + row for row, key in enumerate(keys)}
        self._size += len(keys)

    def _failed(self, error: OSError) -> StoreError:
        reason = (error.strerror or str(error)).lower()
        return StoreError(
            f"vectors cannot be kept in {self._path.parent} ({reason}); make room, or delete that folder."
        )
