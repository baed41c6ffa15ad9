"""Training of the two text scorers of ``engine.textscore``: topic (linear SVM) and level (ridge regression).

Data: MATH train (subjects, levels), GSM8K train as Arithmetic, the nano curriculum. Penalties are chosen by
cross-validation on training rows; math500 only measures (and its overlaps are taken out of the training rows). Run as
``python -m engine.training.linear --data DIR``.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import random
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine import textscore
from engine.stages.contamination import Benchmark
from engine.training.curriculum import sample
from store.errors import InputError
from store.records import Question

GSM8K_ROWS, NANO_ROWS, SEED, FOLDS = 2500, 3000, 20, 5
MIN_TEXTS = 3
"""A feature must occur in this many training texts: keeps the vocabulary small and general."""
SVM_PENALTIES, RIDGE_PENALTIES = (0.25, 0.5, 1.0), (1.0, 2.0, 4.0)
LEVEL_DOMAIN = "competition mathematics in English (MATH's levels 1-5)"


@dataclass(frozen=True)
class Rows:
    """Training texts; ``level`` is 0 where the source has none, ``maths`` marks the rows of MATH."""

    texts: list[str]
    topic: NDArray[np.str_]
    level: NDArray[np.float64]
    maths: NDArray[np.bool_]


def training_rows(data: Path) -> Rows:
    """MATH train, a sample of GSM8K train, and fresh nano problems; without rows that overlap math500."""
    benchmark = Benchmark.load([data / "math500.jsonl"])
    maths = [row for row in _jsonl(data / "math_train.jsonl") if not _overlaps(benchmark, row["problem"])]
    rng = random.Random(SEED)
    gsm8k = rng.sample(_jsonl(data / "gsm8k_train.jsonl"), GSM8K_ROWS)
    nano = [sample(rng) for _ in range(NANO_ROWS)]
    others = len(gsm8k) + len(nano)
    levels = [int(row["level"][-1]) if row["level"][-1].isdigit() else 0 for row in maths]
    return Rows(
        [row["problem"] for row in maths] + [row["question"] for row in gsm8k] + [problem.question for problem in nano],
        np.array([r["subject"] for r in maths] + ["Arithmetic"] * len(gsm8k) + [problem.topic for problem in nano]),
        np.array(levels + [0] * others, dtype=np.float64),
        np.array([True] * len(maths) + [False] * others),
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
    """Choose the penalties, fit on all rows, write weights, vocabulary and meta to ``out``; returns the CV figures."""
    from safetensors.numpy import save_file
    from sklearn.linear_model import Ridge
    from sklearn.svm import LinearSVC

    rows = training_rows(data)
    chosen = _choose(rows)
    vectoriser = _vectoriser()
    matrix = vectoriser.fit_transform(rows.texts)
    svm = LinearSVC(C=chosen["svm_penalty"], class_weight="balanced", random_state=SEED).fit(matrix, rows.topic)
    levelled = rows.level > 0
    ridge = Ridge(alpha=chosen["ridge_penalty"], solver="sparse_cg").fit(matrix[levelled], rows.level[levelled])
    half = {
        "idf": vectoriser.idf_,
        "topic.weight": svm.coef_.T,
        "topic.bias": svm.intercept_,
        "level.weight": ridge.coef_[:, None],
        "level.bias": np.array([ridge.intercept_]),
    }
    out.mkdir(parents=True, exist_ok=True)
    save_file({k: np.ascontiguousarray(v, dtype=np.float16) for k, v in half.items()}, str(out / textscore.WEIGHTS))
    (out / textscore.WEIGHTS).chmod(0o644)  # safetensors writes for the owner only
    (out / textscore.VOCABULARY).write_text("\n".join(vectoriser.get_feature_names_out()), encoding="utf-8")
    meta = {
        "topics": [str(topic) for topic in svm.classes_],
        "level_domain": LEVEL_DOMAIN,
        "training_rows": {"MATH train": int(rows.maths.sum()), "GSM8K train": GSM8K_ROWS, "nano": NANO_ROWS},
        "features": int(matrix.shape[1]),
        "cross_validation": chosen,
    }
    (out / textscore.META).write_text(json.dumps(meta, indent=1) + "\n", encoding="utf-8")
    return chosen


def _vectoriser() -> Any:
    from sklearn.feature_extraction.text import TfidfVectorizer

    return TfidfVectorizer(analyzer=textscore.grams, sublinear_tf=True, min_df=MIN_TEXTS, dtype=np.float32)


def _choose(rows: Rows) -> dict[str, float]:
    """The penalties with the best cross-validated accuracy and Spearman on the rows of MATH."""
    from scipy.stats import spearmanr
    from sklearn.linear_model import Ridge
    from sklearn.model_selection import StratifiedKFold
    from sklearn.svm import LinearSVC

    accuracy: dict[float, list[float]] = {c: [] for c in SVM_PENALTIES}
    spearman: dict[float, list[float]] = {a: [] for a in RIDGE_PENALTIES}
    texts = np.array(rows.texts, dtype=object)
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=SEED)
    for number, (seen, held) in enumerate(folds.split(texts, rows.topic), start=1):
        print(f"fold {number} of {FOLDS}", file=sys.stderr, flush=True)
        vectoriser = _vectoriser()
        a, b = vectoriser.fit_transform(texts[seen]), vectoriser.transform(texts[held])
        maths, level_seen, level_held = rows.maths[held], rows.level[seen] > 0, rows.level[held] > 0
        for c in SVM_PENALTIES:
            svm = LinearSVC(C=c, class_weight="balanced", random_state=SEED).fit(a, rows.topic[seen])
            accuracy[c].append(float(np.mean(svm.predict(b[maths]) == rows.topic[held][maths])))
        for alpha in RIDGE_PENALTIES:
            ridge = Ridge(alpha=alpha, solver="sparse_cg").fit(a[level_seen], rows.level[seen][level_seen])
            spearman[alpha].append(float(spearmanr(ridge.predict(b[level_held]), rows.level[held][level_held])[0]))
    best_c = max(accuracy, key=lambda c: np.mean(accuracy[c]))
    best_alpha = max(spearman, key=lambda a: np.mean(spearman[a]))
    return {
        "svm_penalty": best_c,
        "topic_accuracy": round(float(np.mean(accuracy[best_c])), 4),
        "ridge_penalty": best_alpha,
        "level_spearman": round(float(np.mean(spearman[best_alpha])), 4),
    }


def evaluate(data: Path, directory: Path = textscore.DIR) -> dict[str, Any]:
    """The weights in ``directory`` measured on math500 and on GSM8K's test set, with 95 % intervals."""
    from scipy.stats import spearmanr

    held = _jsonl(data / "math500.jsonl")
    texts = [row["problem"] for row in held]
    right = np.array(textscore.TopicModel.load(directory).predict(texts)) == np.array([r["subject"] for r in held])
    level = np.array([int(str(row["level"])[-1]) for row in held])
    score = np.array(textscore.LevelModel.load(directory).score(texts), dtype=float)
    rng = np.random.default_rng(SEED)
    draws = rng.integers(0, len(held), size=(1000, len(held)))
    spread = [float(spearmanr(score[d], level[d])[0]) for d in draws]
    gsm8k = textscore.TopicModel.load(directory).predict([row["question"] for row in _jsonl(data / "gsm8k_test.jsonl")])
    files = (textscore.WEIGHTS, textscore.VOCABULARY, textscore.META)
    return {
        "topic_accuracy": round(float(right.mean()), 4),
        "topic_ci95": wilson(int(right.sum()), len(held)),
        "topic_arithmetic_share_gsm8k_test": round(gsm8k.count("Arithmetic") / len(gsm8k), 4),
        "level_spearman": round(float(spearmanr(score, level)[0]), 4),
        "level_ci95": [round(float(np.quantile(spread, q)), 4) for q in (0.025, 0.975)],
        "n": len(held),
        "size_mb": round(sum((directory / name).stat().st_size for name in files) / 1e6, 2),
    }


def wilson(hits: int, n: int, z: float = 1.96) -> list[float]:
    """Wilson's 95 % interval of a share."""
    share, spread = hits / n, z * z / n
    middle = share + spread / 2
    half = z * math.sqrt(share * (1 - share) / n + spread / (4 * n))
    return [round((middle - half) / (1 + spread), 4), round((middle + half) / (1 + spread), 4)]


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m engine.training.linear", description=__doc__)
    parser.add_argument("--data", type=Path, default=os.environ.get("SCALEQUEST_DATA", "../shared/data"))
    parser.add_argument("--out", type=Path, default=textscore.DIR)
    parser.add_argument("--evaluate", action="store_true", help="only measure the weights that are there")
    options = parser.parse_args(arguments)
    try:
        if not options.evaluate:
            train(Path(options.data), options.out)
        meta = json.loads((options.out / textscore.META).read_text(encoding="utf-8"))
        print(json.dumps({**evaluate(Path(options.data), options.out), "cross_validation": meta["cross_validation"]}))
    except InputError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
