"""Embeddings by a model of sentence-transformers, an optional package."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.config.packaged import packaged
from engine.embedding.role import INSTALL, Embedder
from store.errors import InputError

_BATCH = 64


class SentenceModel:
    """The embedder's model as the package loads it, without code from its repository."""

    def __init__(self, embedder: Embedder) -> None:
        """InputError where the package is not installed or the model cannot be loaded."""
        try:
            from sentence_transformers import SentenceTransformer
            from transformers.utils import logging
        except ImportError as error:
            remedy = f"install it with {INSTALL}, or choose a profile without an embedder, such as nano"
            raise InputError("embedder.backend", embedder.backend, "is not installed", remedy) from error
        logging.disable_progress_bar()  # type: ignore[no-untyped-call]
        device = None if embedder.device == "auto" else embedder.device
        known = packaged(embedder.model)
        if known is not None and not known.fetched:
            raise InputError("embedder.model", embedder.model, "has not been fetched", "run `make smol`")
        local = known.folder if known is not None else Path(embedder.model).expanduser()
        source = str(local) if known is not None or embedder.model.startswith("~") else embedder.model
        try:
            self._model: Any = SentenceTransformer(source, revision=embedder.revision, device=device)
            self.dimensions: int = self.embed(["1"]).shape[1]
        except Exception as error:
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
            remedy = "check the hub id, the revision and the network, or give a folder"
            raise InputError("embedder.model", embedder.model, f"cannot be loaded: {reason[:300]}", remedy) from error

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """(texts, dimensions), of length 1."""
        options = {"normalize_embeddings": True, "convert_to_numpy": True, "show_progress_bar": False}
        return np.asarray(self._model.encode(list(texts), batch_size=_BATCH, **options), dtype=np.float32)

    def save(self, folder: Path) -> None:
        """Nothing: its id and revision identify it."""
