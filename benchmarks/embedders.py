"""Does MiniLM know meaning, and the offline embedder not? Both on MATH's training questions.

``paraphrases.jsonl`` holds questions of MATH in other words: line number in ``math_train.jsonl``, and the paraphrase.
For each, all of MATH's questions are ranked by similarity, and the original should come first. ``purity``: how many of
the ten nearest neighbours of a question have its subject.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.config.packaged import MINILM, PREFIX
from engine.embedding.role import Embedder, Model, fit_model
from engine.models.fetch import fetch
from store.errors import InputError

PARAPHRASES = Path(__file__).parent / "paraphrases.jsonl"
NEAREST, TOP = 10, 10
_KINDS = {"offline": "the offline embedder", "minilm": "MiniLM"}
GOALS = {
    f"{name}_{figure}": f"{said} {what}"
    for name, said in _KINDS.items()
    for figure, what in (
        ("first", "finds the original of a paraphrase first, share"),
        ("top10", "finds it among the first ten"),
        ("mrr", "mean reciprocal rank of the original"),
        ("purity", "share of the ten nearest questions with the same subject"),
    )
}


def measure() -> dict[str, Any]:
    """InputError where the data is not there, BackendError where MiniLM cannot be fetched."""
    file = Path(os.environ.get("SCALEQUEST_DATA", "../shared/data")) / "math_train.jsonl"
    if not file.is_file():
        raise InputError("SCALEQUEST_DATA", str(file.parent), "holds no math_train.jsonl", "name the folder with it")
    rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    pairs = [json.loads(line) for line in PARAPHRASES.read_text(encoding="utf-8").splitlines()]
    texts, subjects = [row["problem"] for row in rows], np.array([row["subject"] for row in rows])
    fetch(MINILM)
    found: dict[str, Any] = {"paraphrases": len(pairs)}
    for name, embedder in (
        ("offline", Embedder()),
        ("minilm", Embedder("sentence-transformers", PREFIX + MINILM.name, device="cpu")),
    ):
        model = fit_model(embedder, texts)
        vectors = model.embed(texts)
        found |= {f"{name}_{key}": value for key, value in _paraphrases(model, vectors, pairs).items()}
        found[f"{name}_purity"] = round(_purity(vectors, subjects), 4)
    return found


def _paraphrases(model: Model, vectors: NDArray[np.float32], pairs: list[dict[str, Any]]) -> dict[str, float]:
    similar = model.embed([pair["paraphrase"] for pair in pairs]) @ vectors.T  # (paraphrases, questions)
    own = similar[np.arange(len(pairs)), [pair["row"] for pair in pairs]]
    ranks = 1 + (similar > own[:, None]).sum(axis=1)
    return {
        "first": round(float((ranks == 1).mean()), 4),
        "top10": round(float((ranks <= TOP).mean()), 4),
        "mrr": round(float((1 / ranks).mean()), 4),
    }


def _purity(vectors: NDArray[np.float32], subjects: NDArray[np.str_]) -> float:
    similar = vectors @ vectors.T
    np.fill_diagonal(similar, -np.inf)
    nearest = np.argpartition(-similar, NEAREST, axis=1)[:, :NEAREST]
    return float((subjects[nearest] == subjects[:, None]).mean())
