"""The figures of a nano family, computed from what was sampled: right answers, rewards, fail rates."""

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from engine.training.confidence import deviance_explained, quality
from engine.training.nano import measure
from engine.training.rank_correlation import spearman, spearman_attainable


def auc(scores: Sequence[float], labels: Sequence[bool]) -> float:
    """Probability that a positive scores above a negative; ties count half."""
    from scipy.stats import mannwhitneyu

    ups, downs = measure.split(scores, labels)
    return float(mannwhitneyu(ups, downs).statistic / (len(ups) * len(downs))) if ups and downs else float("nan")


def mean(values: Sequence[float]) -> float:
    return round(sum(values) / max(len(values), 1), 4)


def interval(gaps: Sequence[float]) -> list[float]:
    """95 % interval of the mean of paired differences: percentiles of 1,000 bootstrap samples."""
    rng = random.Random(0)
    means = sorted(sum(rng.choices(gaps, k=len(gaps))) / len(gaps) for _ in range(1000))
    return [round(means[25], 4), round(means[974], 4)]


def difference(first: Sequence[bool], second: Sequence[bool]) -> tuple[float, list[float]]:
    """(mean of first minus second, its interval), of pairs with the same question or the same seed."""
    gaps = [int(a) - int(b) for a, b in zip(first, second, strict=True)]
    return mean(gaps), interval(gaps)


def majority(answers: Sequence[str | None]) -> int:
    """Index of the first sample with the most frequent stated answer."""
    counts = Counter(a for a in answers if a is not None)
    if not counts:
        return 0
    return list(answers).index(counts.most_common(1)[0][0])


def best(rewards: Sequence[float]) -> int:
    return max(range(len(rewards)), key=lambda i: (round(rewards[i], 4), -i))


def best_of_n(
    found: Sequence[Sequence[str]],
    right: Sequence[Sequence[bool]],
    rewards: Sequence[Sequence[float]],
    greedy: Mapping[str, Sequence[bool]],
) -> dict[str, Any]:
    """Best-of-5 by reward against random, majority, any, and the greedy solutions of the solver and of the reward model
    (``greedy``, by name) to the same questions.

    A reward that is a log-probability comes from a model that can solve: what matters is whether choosing by it does
    better than asking it.
    """
    by_reward = [row[best(values)] for row, values in zip(right, rewards, strict=True)]
    by_majority = [row[majority([measure.stated(t) for t in texts])] for row, texts in zip(right, found, strict=True)]
    gain, gain_interval = difference(by_reward, greedy["reward"])
    return {
        "reward_within_question": round(measure.within_question(rewards, right), 4),
        "best_of_5": mean(by_reward),
        "majority_of_5": mean(by_majority),
        "random_of_5": mean([sum(row) / len(row) for row in right]),
        "any_of_5": mean([any(row) for row in right]),
        "best_minus_majority_ci95": difference(by_reward, by_majority)[1],
        "solver_greedy_accuracy": mean(greedy["solver"]),
        "reward_greedy_accuracy": mean(greedy["reward"]),
        "best_minus_reward_greedy": gain,
        "best_minus_reward_greedy_ci95": gain_interval,
    }


def kind_means(kinds: Sequence[str], fails: Sequence[int], n: int) -> list[float]:
    """What a question's kind says of its fail rate: (F - f + n b) / (N - n + n), with F the failures among the N
    rollouts of all questions of its kind, f those of itself, which are left out, and b the mean rate of all questions,
    which counts like one question more.
    """
    base = sum(fails) / max(n * len(fails), 1)
    failed: Counter[str] = Counter()
    for kind, f in zip(kinds, fails, strict=True):
        failed[kind] += f
    size = Counter(kinds)
    return [(failed[k] - f + n * base) / (n * size[k]) for k, f in zip(kinds, fails, strict=True)]


def within_kind(kinds: Sequence[str], predicted: Sequence[float], rates: Sequence[float]) -> float | None:
    """Spearman correlation within kinds, after each kind's mean is subtracted."""
    members: dict[str, list[int]] = {}
    for i, kind in enumerate(kinds):
        members.setdefault(kind, []).append(i)
    a, b = [], []
    for rows in members.values():
        if len(rows) > 2:
            a += [predicted[i] - sum(predicted[j] for j in rows) / len(rows) for i in rows]
            b += [rates[i] - sum(rates[j] for j in rows) / len(rows) for i in rows]
    return spearman(a, b)


def difficulty(
    kinds: Sequence[str], fails: Sequence[int], n: int, predicted: Mapping[str, Sequence[float]]
) -> dict[str, Any]:
    """How well fail rates are predicted, against ``fails`` of ``n`` rollouts of each question.

    ``predicted``, by name: ``text`` (the difficulty scorer) and ``greedy`` (the solver's greedy confidence).

    - auc_any_fail_*: probability that a question that failed at all is predicted above one that never did;
      auc_quarter_*: the same of failing in at least a quarter of the rollouts.
    - deviance_explained_*: 1 - D(p) / D(base rate), with D(p) = -2 sum(f ln p + (n - f) ln(1 - p)) + the same of the
      measured rates; of ``kind``: of the kind's mean (``kind_means``).
    - deviance_beyond_kind_*: 1 - D(p) / D(the kind's mean): what is known beyond the kind.
    - reliability_*: (questions, mean predicted, mean measured) of bins of the prediction.
    - spearman_attainable: the most that any score reaches on these rates.
    """
    rates, asked = [f / n for f in fails], [n] * len(fails)
    by_kind = kind_means(kinds, fails, n)
    figures: dict[str, Any] = {
        "rated_questions": len(fails),
        "any_fail_share": mean([f > 0 for f in fails]),
        "mean_fail_rate": mean(rates),
        "deviance_explained_kind": deviance_explained(by_kind, fails, asked),
    }
    for name, values in predicted.items():
        found = asdict(quality(values, fails, asked))
        figures |= {f"{key}_{name}": found[key] for key in ("auc_any_fail", "auc_quarter", "deviance_explained")}
        figures[f"deviance_beyond_kind_{name}"] = deviance_explained(values, fails, asked, by_kind)
        figures[f"mean_predicted_{name}"] = mean(values)
        figures[f"reliability_{name}"] = found["reliability"]
    return figures | {
        "difficulty_spearman": spearman(predicted["text"], rates),
        "greedy_spearman": spearman(predicted["greedy"], rates),
        "spearman_attainable": spearman_attainable(rates),
        "difficulty_within_kind": within_kind(kinds, predicted["text"], rates),
    }


def best_threshold(values: Sequence[float], valid: Sequence[bool]) -> float:
    """The threshold with the best F1, to two digits."""

    def f1(threshold: float) -> float:
        kept = [v >= threshold for v in values]
        return 2 * sum(k and x for k, x in zip(kept, valid, strict=True)) / max(sum(kept) + sum(valid), 1)

    return max((t / 100 for t in range(5, 96)), key=f1)
