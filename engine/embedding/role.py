"""The embedder of the map: the optional table ``[embedder]`` of a profile, read when a map is begun.

Runs embed nothing, so the embedder is not part of a run's config.
"""

import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from engine.config.packaged import MINILM, PREFIX, packaged
from engine.config.profiles import as_table, profile_table
from engine.config.validation import validate, validated_dataclass
from store.errors import InputError

INSTALL = "`pip install sentence-transformers`"
MANY = 50_000
"""Questions that MiniLM embeds in about a quarter of an hour on two cores."""


class Model(Protocol):
    """A loaded embedder; ``dimensions`` of its vectors."""

    dimensions: int

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Vectors (texts, dimensions) of length 1, or 0 for a text without known words."""

    def save(self, folder: Path) -> None:
        """Write what it learned from the texts, for ``open_model``."""


@validated_dataclass
class Embedder:
    """``text``: the offline default, fitted to the workspace's own questions. ``sentence-transformers``: its ``model``
    (a hub id, a folder, or ``package:NAME`` of ``engine.config.packaged``) at a ``revision``, on a ``device`` (auto,
    cpu, cuda)."""

    backend: Literal["text", "sentence-transformers"] = "text"
    model: str = ""
    revision: str | None = None
    device: str = "auto"

    def __post_init__(self) -> None:
        if self.backend == "text" and (self.model or self.revision):
            raise InputError("model", self.model, "has no effect on the backend text", "leave it out")
        if self.backend != "text" and not self.model:
            raise InputError("model", "", "is missing", "name a model's hub id or folder")
        packaged(self.model)

    @property
    def name(self) -> str:
        return self.model.removeprefix(PREFIX) or "the offline text embedder"

    @property
    def description(self) -> str:
        """What its similarity means, as a sentence of the page."""
        if self.backend == "text":
            return "Computed by the offline text embedder: it knows words and word pairs, not meaning."
        return f"Computed by {self.name}."


def load_embedder(profile: str, folder: Path | None = None) -> Embedder:
    """The embedder of a profile, ``text`` where it has none. InputError for an unknown profile or an invalid table.
    ``folder``: where other than bundled profiles are found by name."""
    table = profile_table(profile, folder)[1].get("embedder", {})
    return validate(Embedder, as_table(table, "embedder"), "embedder")


def usual_embedder(questions: int) -> Embedder:
    """The embedder of a new map of so many questions where no profile names one: MiniLM where it has been fetched and
    takes minutes, else ``text``."""
    embedder = sentence_embedder()
    if embedder is None:
        return Embedder()
    if questions > MANY:
        import torch

        if not torch.cuda.is_available():
            return Embedder()
    return embedder


def sentence_embedder() -> Embedder | None:
    """The embedder that knows meaning: MiniLM; None where it has not been fetched or its package is missing."""
    if not MINILM.fetched or importlib.util.find_spec("sentence_transformers") is None:
        return None
    return Embedder("sentence-transformers", PREFIX + MINILM.name)


def stored(settings: dict[str, Any]) -> Embedder:
    """The embedder of a map's ``meta.json``."""
    return validate(Embedder, settings, "embedder")


def fit_model(embedder: Embedder, texts: Sequence[str]) -> Model:
    """A model fitted to these texts. InputError where it cannot be loaded, or the texts have no words."""
    if embedder.backend == "text":
        from engine.embedding.text import TextModel

        return TextModel.fit(texts)
    from engine.embedding.sentences import SentenceModel

    return SentenceModel(embedder)


def open_model(embedder: Embedder, folder: Path) -> Model:
    """The model of an existing map. Errors as ``fit_model``; InputError where its files are damaged."""
    if embedder.backend != "text":
        return fit_model(embedder, ())
    from engine.embedding.text import TextModel

    return TextModel.load(folder)
