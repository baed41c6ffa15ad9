"""Does MiniLM know meaning, and the offline embedder not? Both on MATH's training questions.

``paraphrases.jsonl`` holds questions of MATH in other words: line number in ``math_train.jsonl``, and the paraphrase.
For each, all of MATH's questions are ranked by similarity, and the original should come first. ``purity``: how many of
the ten nearest neighbours of a question have its subject. ``near``: what the checks of near-duplicates mark with their
default thresholds.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.checks.request import SIMILAR
from engine.config.packaged import MINILM, PREFIX
from engine.embedding.role import Embedder, Model, fit_model
from engine.models.fetch import fetch
from engine.stages.duplicate import Index
from store.errors import InputError
from store.records import Question, question_id

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
} | {
    f"near_{by}_{figure}": f"near-duplicates by {by}: {what}"
    for by in ("meaning", "wording")
    for figure, what in (
        ("paraphrases", "share of paraphrases marked as near-duplicates of their original"),
        ("marked", "share of MATH's training questions marked as near-duplicates of an earlier one"),
    )
}
_BLOCK = 1_000
"""Questions that are compared with all others at once."""


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
    found |= near_by_meaning(model, vectors, pairs)  # the last model: MiniLM
    return found | near_by_wording(texts, pairs)


def near_by_meaning(
    model: Model, vectors: NDArray[np.float32], pairs: list[dict[str, Any]], threshold: float = SIMILAR
) -> dict[str, float]:
    """What the check by meaning marks. ``vectors``: of the questions; ``pairs``: paraphrases, and the rows of their
    originals."""
    own = vectors[[pair["row"] for pair in pairs]]
    cosines = (model.embed([pair["paraphrase"] for pair in pairs]) * own).sum(axis=1)
    marked = 0
    for first in range(0, len(vectors), _BLOCK):
        last = min(first + _BLOCK, len(vectors))
        earlier = np.tril(vectors[first:last] @ vectors[:last].T, first - 1)  # 0 for the question itself and later ones
        marked += int((earlier >= threshold).any(axis=1).sum())
    return {
        "near_meaning_paraphrases": round(float((cosines >= threshold).mean()), 4),
        "near_meaning_marked": round(marked / len(vectors), 4),
    }


def near_by_wording(texts: list[str], pairs: list[dict[str, Any]]) -> dict[str, float]:
    """What the check by wording marks."""
    found = 0
    for pair in pairs:
        index = Index(mark_only=True)
        index.remember(_question(0, texts[pair["row"]]))
        found += bool(index.judge(_question(1, pair["paraphrase"]))[1])
    index = Index(mark_only=True)
    marked = sum(bool(index.judge(_question(idx, text))[1]) for idx, text in enumerate(texts))
    return {
        "near_wording_paraphrases": round(found / len(pairs), 4),
        "near_wording_marked": round(marked / len(texts), 4),
    }


def _question(idx: int, text: str) -> Question:
    return Question(question_id("m", idx), "m", idx, text, "file", "", {}, 0, 0, "stop")


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
