"""``answers``: are final answers compared and read rightly? On pairs made from MATH's answers, and on worked solutions.

Equal pairs are answers rewritten (fractions, decimals, order, units, expanded polynomials), different ones have a small
change (a digit, a sign, an end of an interval); ``answer_pairs`` makes them by string rules of its own. The pairs that
go wrong and the kinds with most of them are printed on stderr.
"""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from pathlib import Path

from benchmarks.answer_pairs import Pair, pairs
from engine.text.answers import AnswerPool, extract
from store.errors import InputError

MOST = 100
"""Pairs of each kind."""
GOALS = {
    "pairs": "compared, at least 1,500",
    "false_equal": "share of the different pairs that are called the same; goal 0",
    "false_different": "share of the equal pairs that are called different; goal <= 0.01",
    "undecided": "share of all pairs; goal <= 0.03",
    "gold_math500": "share of MATH-500's solutions that state their gold answer; goal 1",
    "gold_gsm8k": "of GSM8K's; goal 1",
}
FILES = {"math": ("math_train", "math500"), "gsm8k": ("gsm8k_train", "gsm8k_test")}


def measure() -> dict[str, float]:
    """The figures by name. InputError where the data is missing."""
    folder = Path(os.environ.get("SCALEQUEST_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
    if not (folder / "math500.jsonl").is_file():
        raise InputError(
            "SCALEQUEST_DATA", str(folder), "has no math500.jsonl", "set it to the folder of MATH and GSM8K"
        )
    answers = [str(row["answer"]) for name in FILES["math"] for row in _rows(folder, name)]
    with AnswerPool() as pool:
        figures = compared(pool, list(pairs(answers, MOST)))
        math500 = [(row["solution"], row["answer"]) for row in _rows(folder, "math500")]
        gsm8k = [
            (row["answer"], row["answer"].rpartition("####")[2])
            for name in FILES["gsm8k"]
            for row in _rows(folder, name)
        ]
        return figures | {"gold_math500": stated(pool, math500), "gold_gsm8k": stated(pool, gsm8k)}


def compared(pool: AnswerPool, found: list[Pair]) -> dict[str, float]:
    """The rates over these pairs; both orders count, and the worse one stands for a pair."""
    wrong: Counter[tuple[str, str]] = Counter()
    for kind, first, second, equal in found:
        right = "same" if equal else "different"
        said = {pool.compare(first, second), pool.compare(second, first)} - {right}
        if said:
            worst = "undecided" if said == {"undecided"} else "same" if not equal else "different"
            wrong[worst, kind] += 1
            print(f"{worst:10} {kind:24} {first}   |   {second}", file=sys.stderr)
    for (worst, kind), count in wrong.most_common(8):
        print(f"{count:4} x {kind} ({worst})", file=sys.stderr)
    counts = Counter[str]()
    for (worst, _), count in wrong.items():
        counts[worst] += count
    equal_pairs = sum(equal for *_, equal in found)
    return {
        "pairs": len(found),
        "false_equal": counts["same"] / max(1, len(found) - equal_pairs),
        "false_different": counts["different"] / max(1, equal_pairs),
        "undecided": counts["undecided"] / max(1, len(found)),
    }


def stated(pool: AnswerPool, solutions: list[tuple[str, str]]) -> float:
    """The share of solutions of which the extracted answer is the same as the gold answer."""
    right = 0
    for solution, gold in solutions:
        found = extract(solution)
        same = found is not None and pool.same(found, gold)
        right += same
        if not same:
            print(f"gold       {found}   |   {gold.strip()}", file=sys.stderr)
    return right / len(solutions)


def _rows(folder: Path, name: str) -> list[dict[str, str]]:
    with (folder / f"{name}.jsonl").open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]
