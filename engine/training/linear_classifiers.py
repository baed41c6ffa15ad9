"""Training of the two classifiers of ``linear_classifier``: topic (linear SVM) and level (ridge regression).

Data: MATH train (subjects, levels), GSM8K train as Arithmetic, the nano curriculum. Penalties are chosen by
cross-validation on training rows, from which overlaps with math500 are removed; math500 only evaluates. Run as
``python -m engine.training.linear_classifiers --data DIR``.
"""

import argparse
import json
import os
import random
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.stages.contamination import Benchmark
from engine.text import linear_classifier
from engine.training.curriculum import sample
from store.errors import InputError
from store.records import Question
from store.statistics import wilson

GSM8K_ROWS, NANO_ROWS, SEED, FOLDS = 2500, 3000, 20, 5
MIN_TEXTS = 3
"""A feature must occur in this many training texts: keeps the vocabulary small and general."""
SVM_PENALTIES, RIDGE_PENALTIES = (0.25, 0.5, 1.0), (0.5, 1.0, 2.0, 4.0)
MARGINS, ARITHMETIC_FLOOR = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5), 0.96
"""Margins by which Arithmetic must win: MATH's word problems read like GSM8K's, so the margin is the one that is best
on MATH while this share of GSM8K stays Arithmetic."""
ARITHMETIC = "Arithmetic"
LEVEL_DOMAIN = "competition mathematics in English (MATH's levels 1-5)"

Index = NDArray[np.int64]


@dataclass(frozen=True)
class Rows:
    """Training texts; ``level`` is 0 where the source has none; ``source`` is MATH, GSM8K or nano."""

    texts: list[str]
    topic: NDArray[np.str_]
    level: NDArray[np.float64]
    source: NDArray[np.str_]


def training_rows(data: Path) -> Rows:
    """MATH train, a sample of GSM8K train, and fresh nano problems; without rows that overlap math500."""
    benchmark = Benchmark.load([data / "math500.jsonl"])
    maths = [row for row in _jsonl(data / "math_train.jsonl") if not _overlaps(benchmark, row["problem"])]
    rng = random.Random(SEED)
    gsm8k = rng.sample(_jsonl(data / "gsm8k_train.jsonl"), GSM8K_ROWS)
    nano = [sample(rng) for _ in range(NANO_ROWS)]
    levels = [int(row["level"][-1]) if row["level"][-1].isdigit() else 0 for row in maths]
    return Rows(
        [row["problem"] for row in maths] + [row["question"] for row in gsm8k] + [problem.question for problem in nano],
        np.array([r["subject"] for r in maths] + [ARITHMETIC] * len(gsm8k) + [problem.topic for problem in nano]),
        np.array(levels + [0] * (len(gsm8k) + len(nano)), dtype=np.float64),
        np.array(["MATH"] * len(maths) + ["GSM8K"] * len(gsm8k) + ["nano"] * len(nano)),
    )


def _overlaps(benchmark: Benchmark, text: str) -> bool:
    return not benchmark.judge(Question("", "", 0, text, "", "", {}, 0, 0, "stop")).kept


def _jsonl(path: Path) -> list[dict[str, Any]]:
    if not path.is_file():
        raise InputError(
            "--data", str(path.parent), f"it holds no {path.name}", "name the folder of the training files"
        )
    with path.open(encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def train(data: Path, out: Path) -> dict[str, Any]:
    """Choose the settings, fit both models on all rows, write them to ``out/topic`` and ``out/level``; returns the
    cross-validated figures."""
    from sklearn.linear_model import Ridge
    from sklearn.svm import LinearSVC

    rows = training_rows(data)
    chosen = _choose(rows)
    counts = {str(source): int(np.sum(rows.source == source)) for source in np.unique(rows.source)}
    vectoriser = _vectoriser()
    matrix = vectoriser.fit_transform(rows.texts)
    svm = LinearSVC(C=chosen["svm_penalty"], class_weight="balanced", random_state=SEED).fit(matrix, rows.topic)
    bias = svm.intercept_ - chosen["arithmetic_margin"] * (svm.classes_ == ARITHMETIC)
    topic = {"topics": [str(name) for name in svm.classes_], "training_rows": counts, "cross_validation": chosen}
    _write(out / linear_classifier.TOPIC_DIR.name, vectoriser, svm.coef_.T, bias, topic)

    levelled = rows.level > 0
    texts = [text for text, has in zip(rows.texts, levelled, strict=True) if has]
    matrix = vectoriser.fit_transform(texts)
    ridge = Ridge(alpha=chosen["ridge_penalty"], solver="sparse_cg").fit(matrix, rows.level[levelled])
    level = {"domain": LEVEL_DOMAIN, "training_rows": {"MATH": len(texts)}, "cross_validation": chosen}
    _write(
        out / linear_classifier.LEVEL_DIR.name, vectoriser, ridge.coef_[:, None], np.array([ridge.intercept_]), level
    )
    return chosen


def _write(folder: Path, vectoriser: Any, weight: Any, bias: Any, meta: dict[str, Any]) -> None:
    from safetensors.numpy import save_file

    folder.mkdir(parents=True, exist_ok=True)
    half = {"idf": vectoriser.idf_, "weight": weight, "bias": bias}
    weights = folder / linear_classifier.WEIGHTS
    save_file({name: np.ascontiguousarray(value, dtype=np.float16) for name, value in half.items()}, str(weights))
    weights.chmod(0o644)  # safetensors writes for the owner only
    names = vectoriser.get_feature_names_out()
    (folder / linear_classifier.VOCABULARY).write_text("\n".join(names), encoding="utf-8")
    meta = {**meta, "features": len(names)}
    (folder / linear_classifier.META).write_text(json.dumps(meta, indent=1) + "\n", encoding="utf-8")


def _vectoriser() -> Any:
    from sklearn.feature_extraction.text import TfidfVectorizer

    return TfidfVectorizer(analyzer=linear_classifier.grams, sublinear_tf=True, min_df=MIN_TEXTS, dtype=np.float32)


def _choose(rows: Rows) -> dict[str, float]:
    """The penalties and the margin with the best cross-validated accuracy and Spearman on the rows of MATH."""
    from sklearn.model_selection import StratifiedKFold

    topic: dict[tuple[float, float], list[tuple[float, float]]] = {}
    level: dict[float, list[float]] = {}
    texts = np.array(rows.texts, dtype=object)
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=SEED)
    for number, (seen, held) in enumerate(folds.split(texts, rows.topic), start=1):
        print(f"fold {number} of {FOLDS}", file=sys.stderr, flush=True)
        vectoriser = _vectoriser()
        a, b = vectoriser.fit_transform(texts[seen]), vectoriser.transform(texts[held])
        for setting, shares in _topic_fold(rows, seen, held, a, b).items():
            topic.setdefault(setting, []).append(shares)
        for alpha, spearman in _level_fold(rows, seen, held, a, b).items():
            level.setdefault(alpha, []).append(spearman)
    shares_of = {setting: np.mean(shares, axis=0) for setting, shares in topic.items()}  # (MATH, GSM8K)
    allowed = [setting for setting, shares in shares_of.items() if shares[1] >= ARITHMETIC_FLOOR]
    penalty, margin = max(allowed or shares_of, key=lambda setting: float(shares_of[setting][0]))
    alpha = max(level, key=lambda a: float(np.mean(level[a])))
    return {
        "svm_penalty": penalty,
        "arithmetic_margin": margin,
        "topic_accuracy": round(float(shares_of[penalty, margin][0]), 4),
        "gsm8k_arithmetic_share": round(float(shares_of[penalty, margin][1]), 4),
        "ridge_penalty": alpha,
        "level_spearman": round(float(np.mean(level[alpha])), 4),
    }


def _topic_fold(rows: Rows, seen: Index, held: Index, a: Any, b: Any) -> dict[tuple[float, float], tuple[float, float]]:
    """(penalty, margin) -> (accuracy on MATH, share of GSM8K called Arithmetic) on one held-out fold."""
    from sklearn.svm import LinearSVC

    found = {}
    for penalty in SVM_PENALTIES:
        svm = LinearSVC(C=penalty, class_weight="balanced", random_state=SEED).fit(a, rows.topic[seen])
        scores = svm.decision_function(b)
        for margin in MARGINS:
            topics = svm.classes_[np.argmax(scores - margin * (svm.classes_ == ARITHMETIC), axis=1)]
            right = topics == rows.topic[held]
            found[penalty, margin] = (
                float(right[rows.source[held] == "MATH"].mean()),
                float(right[rows.source[held] == "GSM8K"].mean()),
            )
    return found


def _level_fold(rows: Rows, seen: Index, held: Index, a: Any, b: Any) -> dict[float, float]:
    """Penalty -> Spearman of predicted and true level on one held-out fold."""
    from scipy.stats import spearmanr
    from sklearn.linear_model import Ridge

    fit, measure = rows.level[seen] > 0, rows.level[held] > 0
    found = {}
    for alpha in RIDGE_PENALTIES:
        ridge = Ridge(alpha=alpha, solver="sparse_cg").fit(a[fit], rows.level[seen][fit])
        found[alpha] = float(spearmanr(ridge.predict(b[measure]), rows.level[held][measure])[0])
    return found


def evaluate(data: Path, directory: Path = linear_classifier.TOPIC_DIR.parent) -> dict[str, Any]:
    """The weights in ``directory`` measured on math500 and on GSM8K's test set, with 95 % intervals."""
    from scipy.stats import spearmanr

    topic_model = linear_classifier.TopicModel.load(directory / linear_classifier.TOPIC_DIR.name)
    level_model = linear_classifier.LevelModel.load(directory / linear_classifier.LEVEL_DIR.name)
    held = _jsonl(data / "math500.jsonl")
    texts = [row["problem"] for row in held]
    right = np.array(topic_model.predict(texts)) == np.array([row["subject"] for row in held])
    level = np.array([int(str(row["level"])[-1]) for row in held])
    score = np.array(level_model.score(texts), dtype=float)
    rng = np.random.default_rng(SEED)
    draws = rng.integers(0, len(held), size=(1000, len(held)))
    spread = [float(spearmanr(score[draw], level[draw])[0]) for draw in draws]
    gsm8k = topic_model.predict([row["question"] for row in _jsonl(data / "gsm8k_test.jsonl")])
    files = [
        file
        for name in (linear_classifier.TOPIC_DIR.name, linear_classifier.LEVEL_DIR.name)
        for file in (directory / name).iterdir()
    ]
    return {
        "topic_accuracy": round(float(right.mean()), 4),
        "topic_ci95": [round(end, 4) for end in wilson(int(right.sum()), len(held))],
        "topic_arithmetic_share_gsm8k_test": round(gsm8k.count(ARITHMETIC) / len(gsm8k), 4),
        "level_spearman": round(float(spearmanr(score, level)[0]), 4),
        "level_ci95": [round(float(np.quantile(spread, q)), 4) for q in (0.025, 0.975)],
        "n": len(held),
        "cross_validation": topic_model.cross_validation,
        "size_mb": round(sum(file.stat().st_size for file in files) / 1e6, 2),
    }


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m engine.training.linear_classifiers", description=__doc__)
    parser.add_argument("--data", type=Path, default=os.environ.get("SCALEQUEST_DATA", "../shared/data"))
    parser.add_argument("--out", type=Path, default=linear_classifier.TOPIC_DIR.parent)
    parser.add_argument("--evaluate", action="store_true", help="only measure the weights that are there")
    options = parser.parse_args(arguments)
    try:
        if not options.evaluate:
            train(Path(options.data), options.out)
        print(json.dumps(evaluate(Path(options.data), options.out)))
    except InputError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
