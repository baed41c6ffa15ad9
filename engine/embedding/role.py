"""Who makes the map's vectors: the optional table ``[embedder]`` of a profile. Opens nothing.

A run embeds nothing, so the embedder is no part of a run's config: it is read from the profile when a map is begun.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from engine.config import values
from engine.config.run_config import profile_table
from store.errors import InputError

INSTALL = "`pip install sentence-transformers`"


class Model(Protocol):
    """An embedder that is open. ``dimensions`` of its vectors."""

    dimensions: int

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """(texts, dimensions), of length 1; of length 0 for a text of which nothing is known."""

    def save(self, folder: Path) -> None:
        """Write what it learned from the texts, for ``opened``."""


@dataclass(frozen=True, slots=True)
class Embedder:
    """``text``: the offline default, fitted to the workspace's own questions. ``sentence-transformers``: a model of
    that package, ``model`` a hub id or a folder, at a ``revision``, on a ``device`` (auto, cpu, cuda)."""

    backend: Literal["text", "sentence-transformers"] = "text"
    model: str = ""
    revision: str | None = None
    device: str = "auto"

    def __post_init__(self) -> None:
        if self.backend == "text" and (self.model or self.revision):
            raise InputError("embedder.model", self.model, "has no effect on the backend text", "leave it out")
        if self.backend != "text" and not self.model:
            raise InputError("embedder.model", "", "is missing", "name a model's hub id or folder")

    @property
    def name(self) -> str:
        return self.model or "the offline text embedder"

    @property
    def nature(self) -> str:
        """What its likeness means, as a sentence of the page."""
        if self.backend == "text":
            return "Computed by the offline text embedder: it knows words and word pairs, not meaning."
        return f"Computed by {self.model}."


def load_embedder(profile: str | None = None, folder: Path | None = None) -> Embedder:
    """The profile's embedder (nano's where none is named), ``text`` where it has none. InputError: no such profile, or
    a table that makes no embedder. ``folder``: where profiles are found by name beside the bundled ones."""
    table = profile_table(profile or "nano", folder)[1].get("embedder", {})
    if not isinstance(table, dict):
        raise InputError("embedder", table, "is not a table", "write an [embedder] table")
    return values.make(Embedder, table, "embedder")


def stored(told: dict[str, Any]) -> Embedder:
    """The embedder that a map's ``meta.json`` tells of."""
    return values.make(Embedder, told, "embedder")


def fitted(embedder: Embedder, texts: Sequence[str]) -> Model:
    """A model for these texts and their like. InputError where it cannot be had, or the texts have no words."""
    if embedder.backend == "text":
        from engine.embedding.text import TextModel

        return TextModel.fit(texts)
    from engine.embedding.sentences import SentenceModel

    return SentenceModel(embedder)


def opened(embedder: Embedder, folder: Path) -> Model:
    """The model of a map that was begun with it. Errors as ``fitted``; InputError where its files are damaged."""
    if embedder.backend == "text":
        from engine.embedding.text import TextModel

        return TextModel.load(folder)
    from engine.embedding.sentences import SentenceModel

    return SentenceModel(embedder)
