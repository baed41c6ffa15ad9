"""Evaluation of a nano family, on the ``test`` split and on samples with seeds that no training used.

Thresholds come from the model card, where ``calibrate`` puts them (from the ``dev`` split and its own seeds).
"""

import json
import math
import random
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from engine.models.tokenizers import load_tokenizer
from engine.training.curriculum import Problem
from engine.training.curriculum.core import WORDS
from engine.training.fit import Event, quiet
from engine.training.nano import family, measure, text
from store.statistics import wilson

PARALLEL = 16
CARD = "card.json"
_NAMES = re.compile(rf"\b({'|'.join(WORDS['name'])})\b|[0-9]+")


def spearman(a: Sequence[float], b: Sequence[float]) -> float:
    from scipy.stats import spearmanr

    return float(spearmanr(a, b).statistic)


def auc(scores: Sequence[float], labels: Sequence[bool]) -> float:
    """Probability that a positive scores above a negative; ties count half."""
    from scipy.stats import mannwhitneyu

    ups, downs = measure.split(scores, labels)
    return float(mannwhitneyu(ups, downs).statistic / (len(ups) * len(downs))) if ups and downs else float("nan")


def draw(seed: int, n: int, split: Any = "test") -> list[Problem]:
    return [p for chunk in text.problems(seed, split=split, most=1, chunk=n) for p in chunk]


def majority(answers: Sequence[str | None]) -> int:
    """Index of the first sample with the most frequent stated answer."""
    counts = Counter(a for a in answers if a is not None)
    if not counts:
        return 0
    return list(answers).index(counts.most_common(1)[0][0])


def best(rewards: Sequence[float]) -> int:
    return max(range(len(rewards)), key=lambda i: (round(rewards[i], 4), -i))


def rewards_of(
    model: Any, tokenizer: Any, questions: Sequence[str], found: Sequence[Sequence[str]], aggregate: str
) -> list[list[float]]:
    """Log-probability rewards of every sample of every question."""
    repeated = [q for q, row in zip(questions, found, strict=True) for _ in row]
    flat = measure.logprobs(model, tokenizer, repeated, [s for row in found for s in row])
    values = iter(total / length if aggregate == "mean" else total for total, length in flat)
    return [[next(values) for _ in row] for row in found]


def best_of_n(
    found: Sequence[Sequence[str]], right: Sequence[Sequence[bool]], rewards: Sequence[Sequence[float]]
) -> dict[str, Any]:
    """Best-of-n by reward against random, majority and any, with a paired bootstrap interval of best minus majority."""
    n = len(found)
    by_reward = [row[best(values)] for row, values in zip(right, rewards, strict=True)]
    by_majority = [row[majority([measure.stated(t) for t in texts])] for row, texts in zip(right, found, strict=True)]
    gaps = [int(b) - int(m) for b, m in zip(by_reward, by_majority, strict=True)]
    rng = random.Random(0)
    means = sorted(sum(rng.choices(gaps, k=n)) / n for _ in range(1000))
    return {
        "reward_within_question": round(measure.within_question(rewards, right), 4),
        "best_of_5": round(sum(by_reward) / n, 4),
        "majority_of_5": round(sum(by_majority) / n, 4),
        "random_of_5": round(sum(sum(row) / len(row) for row in right) / n, 4),
        "any_of_5": round(sum(any(row) for row in right) / n, 4),
        "best_minus_majority_ci95": [round(means[25], 4), round(means[974], 4)],
    }


class Evaluation:
    """One evaluation: a family's folder, a seed, and how many of each to draw."""

    def __init__(self, assets: Path, seed: int, n: int, device: str, on_event: Event, split: Any = "test") -> None:
        self.assets, self.seed, self.n, self.split = assets, seed, n, split
        self.device, self.on_event = device, on_event
        self.tokenizer = load_tokenizer(str(assets / "solver"))
        self.card = json.loads((assets / CARD).read_text()) if (assets / CARD).exists() else {}
        self.solver = self.model("solver")

    def model(self, name: str) -> Any:
        self.on_event({"event": "progress", "stage": f"evaluate {name}", "done": 0, "total": 1})
        return family.load(self.assets / name, self.device)

    def of_solver(self) -> dict[str, Any]:
        asked = draw(self.seed, self.n, self.split)
        right = measure.greedy_correct(self.solver, self.tokenizer, asked)
        by_level = {level: [r for r, p in zip(right, asked, strict=True) if p.level == level] for level in range(1, 6)}
        return {
            "solver_accuracy": round(sum(right) / self.n, 4),
            "solver_ci95": [round(end, 4) for end in wilson(sum(right), self.n)],
            "fail_rate_by_level": {str(k): round(1 - sum(v) / max(len(v), 1), 4) for k, v in by_level.items()},
        }

    def questions(self, name: str, n: int, salt: int) -> tuple[list[str], list[Any]]:
        samples = measure.sample_questions(self.model(name), self.tokenizer, n, self.seed * 1000 + salt)
        return [s.text for s in samples], measure.readings(samples)

    def fail_rate(self, found: Sequence[Any], texts: Sequence[str]) -> float:
        """Mean fail rate of the solver on the valid questions, four samples each."""
        valid = [(t, r.answer) for t, r in zip(texts, found, strict=True) if r.status == "ok"][: self.n // 3]
        rows = measure.sample_solutions(self.solver, self.tokenizer, [t for t, _ in valid], 4, self.seed)
        marks = measure.correct(rows, [a for _, a in valid])
        return round(1 - sum(map(sum, marks)) / max(4 * len(marks), 1), 4)

    def of_generators(self) -> dict[str, Any]:
        """Both generators pooled, before QFT (the solver itself), after QFT and after QPO."""
        half = self.n
        _, before = self.questions("solver", self.n // 3, 1)
        qft = [self.questions(f"{g}-qft", half, 2 + i) for i, g in enumerate(("qgen-a", "qgen-b"))]
        qpo = [self.questions(g, half, 4 + i) for i, g in enumerate(("qgen-a", "qgen-b"))]
        qft_texts, qft_read = [t for ts, _ in qft for t in ts], [r for _, rs in qft for r in rs]
        self.qpo_texts, self.qpo_read = [t for ts, _ in qpo for t in ts], [r for _, rs in qpo for r in rs]
        known = {p.question for seed in (11, 23) for chunk in text.problems(seed, most=20) for p in chunk}
        masked = {_NAMES.sub("#", q) for q in known}
        valid = [t.strip() for t, r in zip(self.qpo_texts, self.qpo_read, strict=True) if r.status == "ok"]
        mixed = random.Random(self.seed).sample(range(len(qft_texts)), len(qft_texts))
        order = random.Random(self.seed).sample(range(len(self.qpo_texts)), len(self.qpo_texts))
        return {
            "qgen_valid_before": round(measure.share(before, "ok"), 4),
            "qgen_valid_qft": round(measure.share(qft_read, "ok"), 4),
            "qgen_valid_qpo": round(measure.share(self.qpo_read, "ok"), 4),
            "qgen_unk_qpo": round(measure.share(self.qpo_read, "unk"), 4),
            "fail_rate_qft": self.fail_rate([qft_read[i] for i in mixed], [qft_texts[i] for i in mixed]),
            "fail_rate_qpo": self.fail_rate([self.qpo_read[i] for i in order], [self.qpo_texts[i] for i in order]),
            "kinds_qft": round(measure.effective_kinds(qft_read), 2),
            "kinds_qpo": round(measure.effective_kinds(self.qpo_read), 2),
            "novel_share": round(sum(v not in known for v in valid) / max(len(valid), 1), 4),
            "novel_masked_share": round(sum(_NAMES.sub("#", v) not in masked for v in valid) / max(len(valid), 1), 4),
            "qft_from_random_valid": self.card.get("qft_from_random_valid"),
        }

    def of_judge(self) -> dict[str, Any]:
        judge, threshold = self.model("judge"), float(self.card.get("judge_threshold", 0.5))
        values = measure.scores(judge, self.tokenizer, [text.asked(t) for t in self.qpo_texts])
        valid = [r.status == "ok" for r in self.qpo_read]
        kept = [v >= threshold for v in values]
        both = sum(k and x for k, x in zip(kept, valid, strict=True))
        return {
            "judge_auc": round(auc(values, valid), 4),
            "judge_precision": round(both / max(sum(kept), 1), 4),
            "judge_recall": round(both / max(sum(valid), 1), 4),
            "judge_kept": round(sum(kept) / len(kept), 4),
        }

    def of_scorers(self) -> dict[str, Any]:
        """Difficulty against measured fail rates, and best-of-5 by reward, on the same rollouts."""
        asked = draw(self.seed + 1, self.n, self.split)
        questions, answers = [p.question for p in asked], [p.answer for p in asked]
        found = measure.sample_solutions(self.solver, self.tokenizer, questions, 5, self.seed + 1)
        right = measure.correct(found, answers)
        aggregate = self.card.get("reward_aggregate", "sum")
        rewards = rewards_of(self.model("reward"), self.tokenizer, questions, found, aggregate)
        few = asked[: self.n * 2 // 5]
        asked_few = [p.question for p in few]
        rollouts = measure.sample_solutions(self.solver, self.tokenizer, asked_few, PARALLEL, self.seed + 2)
        runs = measure.correct(rollouts, [p.answer for p in few])
        rates = [1 - sum(row) / PARALLEL for row in runs]
        half = PARALLEL // 2
        r = spearman([sum(row[:half]) for row in runs], [sum(row[half:]) for row in runs])
        predicted = measure.scores(self.model("difficulty"), self.tokenizer, [text.asked(p.question) for p in few])
        return {
            "difficulty_spearman": round(spearman(predicted, rates), 4),
            "difficulty_ceiling": round(math.sqrt(max(0.0, 2 * r / (1 + r))), 4),
            "difficulty_within_kind": _within_kind([p.kind.name for p in few], predicted, rates),
            **best_of_n(found, right, rewards),
        }


def _within_kind(kinds: Sequence[str], predicted: Sequence[float], rates: Sequence[float]) -> float:
    """Spearman correlation within kinds, after each kind's mean is subtracted."""
    members: dict[str, list[int]] = {}
    for i, kind in enumerate(kinds):
        members.setdefault(kind, []).append(i)
    a, b = [], []
    for rows in members.values():
        if len(rows) > 2:
            a += [predicted[i] - sum(predicted[j] for j in rows) / len(rows) for i in rows]
            b += [rates[i] - sum(rates[j] for j in rows) / len(rows) for i in rows]
    return round(spearman(a, b), 4) if a else float("nan")


def evaluate(assets: Path, seed: int = 1, n: int = 700, device: str = "cpu", on_event: Event = quiet) -> dict[str, Any]:
    """The figures of a family as one object; see the README for what each key means."""
    run = Evaluation(assets, seed, n, device, on_event)
    figures = {**run.of_solver(), **run.of_generators(), **run.of_judge(), **run.of_scorers()}
    size = sum(f.stat().st_size for f in assets.rglob("*") if f.is_file())
    return {**figures, "size_mb": round(size / 1e6, 2), "n": n, "seed": seed}


def calibrate(
    assets: Path,
    control: Path | None,
    seed: int = 7_000_001,
    n: int = 700,
    device: str = "cpu",
    on_event: Event = quiet,
) -> dict[str, Any]:
    """The choices on the ``dev`` split, the judge's threshold and the reward's aggregate, and the control's valid
    share."""
    run = Evaluation(assets, seed, n, device, on_event, split="dev")
    run.of_generators()
    values = measure.scores(run.model("judge"), run.tokenizer, [text.asked(t) for t in run.qpo_texts])
    valid = [r.status == "ok" for r in run.qpo_read]
    asked = draw(seed, n // 2, "dev")
    questions = [p.question for p in asked]
    found = measure.sample_solutions(run.solver, run.tokenizer, questions, 5, seed)
    right = measure.correct(found, [p.answer for p in asked])
    model = run.model("reward")
    by = {}
    for aggregate in ("mean", "sum"):
        rewards = rewards_of(model, run.tokenizer, questions, found, aggregate)
        by[aggregate] = measure.within_question(rewards, right)
    card: dict[str, Any] = {
        "judge_threshold": best_threshold(values, valid),
        "reward_aggregate": max(by, key=lambda a: by[a]),
        "dev_within_question": {a: round(v, 4) for a, v in by.items()},
    }
    if control is not None:
        samples = measure.sample_questions(family.load(control, device), run.tokenizer, n, seed)
        card["qft_from_random_valid"] = round(measure.share(measure.readings(samples), "ok"), 4)
    return card


def best_threshold(values: Sequence[float], valid: Sequence[bool]) -> float:
    """The threshold with the best F1, to two digits."""

    def f1(threshold: float) -> float:
        kept = [v >= threshold for v in values]
        return 2 * sum(k and x for k, x in zip(kept, valid, strict=True)) / max(sum(kept) + sum(valid), 1)

    return max((t / 100 for t in range(5, 96)), key=f1)
