"""Evaluation of a nano family, on the ``test`` split and on samples with seeds that no training used.

Thresholds come from the model card, where ``calibrate`` puts them (from the ``dev`` split and its own seeds).
``figures`` defines what is computed of the samples.
"""

import json
import math
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from engine.config.calibration import Calibration
from engine.models.tokenizers import load_tokenizer
from engine.training import confidence
from engine.training.curriculum import Problem
from engine.training.fit import Event, quiet
from engine.training.nano import family, figures, measure, text
from engine.training.nano.novelty import TrainingSets
from engine.training.nano.recipe import CALIBRATION
from engine.training.rank_correlation import spearman
from store.statistics import wilson

PARALLEL = 16
CARD, CONTROL = "card.json", "control"


def draw(seed: int, n: int, split: Any = "test") -> list[Problem]:
    return [p for chunk in text.problems(seed, split=split, most=1, chunk=n) for p in chunk]


def rewards_of(
    model: Any, tokenizer: Any, questions: Sequence[str], found: Sequence[Sequence[str]], aggregate: str
) -> list[list[float]]:
    """Log-probability rewards of every sample of every question."""
    repeated = [q for q, row in zip(questions, found, strict=True) for _ in row]
    flat = measure.logprobs(model, tokenizer, repeated, [s for row in found for s in row])
    values = iter(total / length if aggregate == "mean" else total for total, length in flat)
    return [[next(values) for _ in row] for row in found]


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
        qft_texts, self.qft_read = [t for ts, _ in qft for t in ts], [r for _, rs in qft for r in rs]
        self.qpo_texts, self.qpo_read = [t for ts, _ in qpo for t in ts], [r for _, rs in qpo for r in rs]
        mixed = random.Random(self.seed).sample(range(len(qft_texts)), len(qft_texts))
        order = random.Random(self.seed).sample(range(len(self.qpo_texts)), len(self.qpo_texts))
        return {
            "qgen_valid_before": round(measure.share(before, "ok"), 4),
            "qgen_valid_qft": round(measure.share(self.qft_read, "ok"), 4),
            "qgen_valid_qpo": round(measure.share(self.qpo_read, "ok"), 4),
            "qgen_unk_qpo": round(measure.share(self.qpo_read, "unk"), 4),
            "fail_rate_qft": self.fail_rate([self.qft_read[i] for i in mixed], [qft_texts[i] for i in mixed]),
            "fail_rate_qpo": self.fail_rate([self.qpo_read[i] for i in order], [self.qpo_texts[i] for i in order]),
            "kinds_qft": round(measure.effective_kinds(self.qft_read), 2),
            "kinds_qpo": round(measure.effective_kinds(self.qpo_read), 2),
        }

    def of_control(self) -> dict[str, Any]:
        """The first generator after QFT against the same QFT from random weights: equal numbers of questions, with the
        same seeds. The difference of their valid shares has a bootstrap interval over the pairs. A family without the
        control's weights has only the card's figure.
        """
        if not (self.assets / CONTROL).exists():
            return {
                "qft_from_random_valid": self.card.get("qft_from_random_valid"),
                "control_difference": None,
                "control_difference_ci95": None,
            }
        _, control = self.questions(CONTROL, self.n, 2)
        valid = [r.status == "ok" for r in control]
        found, ends = figures.difference([r.status == "ok" for r in self.qft_read[: self.n]], valid)
        return {
            "qft_from_random_valid": figures.mean(valid),
            "control_difference": found,
            "control_difference_ci95": ends,
        }

    def of_novelty(self) -> dict[str, Any]:
        """Of the valid questions after QPO, looked up in the training sets of all stages."""
        sets = TrainingSets(self.assets, self.card.get("stages", {}), self.tokenizer)
        valid = [t.strip() for t, r in zip(self.qpo_texts, self.qpo_read, strict=True) if r.status == "ok"]
        exact, masked = sets.novel(valid)
        return {"novel_share": round(exact, 4), "novel_masked_share": round(masked, 4), "novel_among": sets.names}

    def of_judge(self) -> dict[str, Any]:
        judge, threshold = self.model("judge"), float(self.card.get("judge_threshold", 0.5))
        values = measure.scores(judge, self.tokenizer, [text.asked(t) for t in self.qpo_texts])
        valid = [r.status == "ok" for r in self.qpo_read]
        kept = [v >= threshold for v in values]
        both = sum(k and x for k, x in zip(kept, valid, strict=True))
        return {
            "judge_auc": round(figures.auc(values, valid), 4),
            "judge_precision": round(both / max(sum(kept), 1), 4),
            "judge_recall": round(both / max(sum(valid), 1), 4),
            "judge_kept": round(sum(kept) / len(kept), 4),
        }

    def of_reward(self) -> dict[str, Any]:
        """Best-of-5 by reward, and what its two models answer greedily to the same questions."""
        asked = draw(self.seed + 1, self.n, self.split)
        questions = [p.question for p in asked]
        found = measure.sample_solutions(self.solver, self.tokenizer, questions, 5, self.seed + 1)
        right = measure.correct(found, [p.answer for p in asked])
        reward, aggregate = self.model("reward"), self.card.get("reward_aggregate", "sum")
        rewards = rewards_of(reward, self.tokenizer, questions, found, aggregate)
        models = {"solver": self.solver, "reward": reward}
        greedy = {name: measure.greedy_correct(model, self.tokenizer, asked) for name, model in models.items()}
        return figures.best_of_n(found, right, rewards, greedy)

    def of_difficulty(self) -> dict[str, Any]:
        """The difficulty scorer and the solver's greedy confidence against fail rates of 16 rollouts.

        ``difficulty_ceiling``: the square root of the rates' reliability, by the correlation of two halves of the
        rollouts (Spearman-Brown).
        """
        asked = draw(self.seed + 1, self.n * 4 // 7, self.split)
        rows, marks = measure.rollouts(self.solver, self.tokenizer, asked, PARALLEL, self.seed + 2)
        half = PARALLEL // 2
        r = spearman([sum(row[:half]) for row in marks], [sum(row[half:]) for row in marks]) or 0.0
        calibration = Calibration.read(str(self.assets / CALIBRATION))
        predicted = {
            "text": measure.scores(self.model("difficulty"), self.tokenizer, [text.asked(p.question) for p in asked]),
            "greedy": confidence.predict(calibration, rows),
        }
        found = figures.difficulty([p.kind.name for p in asked], [row.fails for row in rows], PARALLEL, predicted)
        return {**found, "difficulty_ceiling": round(math.sqrt(max(0.0, 2 * r / (1 + r))), 4)}


def evaluate(assets: Path, seed: int = 1, n: int = 700, device: str = "cpu", on_event: Event = quiet) -> dict[str, Any]:
    """The figures of a family as one object; see the README for what each key means."""
    run = Evaluation(assets, seed, n, device, on_event)
    found = {
        **run.of_solver(),
        **run.of_generators(),
        **run.of_control(),
        **run.of_novelty(),
        **run.of_judge(),
        **run.of_difficulty(),
        **run.of_reward(),
    }
    size = sum(f.stat().st_size for f in assets.rglob("*") if f.is_file())
    return {**found, "size_mb": round(size / 1e6, 2), "n": n, "seed": seed}


def calibrate(
    assets: Path, seed: int = 7_000_001, n: int = 700, device: str = "cpu", on_event: Event = quiet
) -> dict[str, Any]:
    """The choices on the ``dev`` split: the judge's threshold and the reward's aggregate."""
    run = Evaluation(assets, seed, n, device, on_event, split="dev")
    judged = [run.questions(g, n, 4 + i) for i, g in enumerate(("qgen-a", "qgen-b"))]
    texts, valid = [t for ts, _ in judged for t in ts], [r.status == "ok" for _, rs in judged for r in rs]
    values = measure.scores(run.model("judge"), run.tokenizer, [text.asked(t) for t in texts])
    asked = draw(seed, n // 2, "dev")
    questions = [p.question for p in asked]
    found = measure.sample_solutions(run.solver, run.tokenizer, questions, 5, seed)
    right = measure.correct(found, [p.answer for p in asked])
    model = run.model("reward")
    by = {}
    for aggregate in ("mean", "sum"):
        rewards = rewards_of(model, run.tokenizer, questions, found, aggregate)
        by[aggregate] = measure.within_question(rewards, right)
    return {
        "judge_threshold": figures.best_threshold(values, valid),
        "reward_aggregate": max(by, key=lambda a: by[a]),
        "dev_within_question": {a: round(v, 4) for a, v in by.items()},
    }
