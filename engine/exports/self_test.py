r"""Runs a trainer's published rule on responses made for exported rows: a right one, and one with another answer.

A rule that rejects the right response would give every rollout of that row the same reward, so such rows are counted.
"""

import json
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from engine.exports.rl_trainers import Trainer

MOST = 100
"""Rows that are tested; they are spread evenly over the export."""
_SECONDS = 3.0
"""Processor time of a comparison."""
_KILLED = 6
_NAMED = 20
_WORKER = Path(__file__).with_name("reward_rules.py")
_OPPOSITE = {"yes": "No", "no": "Yes", "true": "False", "false": "True"}

Tested = tuple[str, str, str]
"""question_id, the answer in plain form, and the gold answer as the row has it."""


def run(trainer: Trainer, rows: Sequence[Tested]) -> dict[str, Any]:
    """The result for the manifest: ``right_rejected`` names the first rows whose right response the rule rejects."""
    asked = []
    for _, plain, gold in rows:
        asked += [(trainer.rule, said(trainer, answer), gold) for answer in (plain, other(plain))]
    accepted = verdicts(asked)
    right, wrong = accepted[: len(accepted) // 2 * 2 : 2], accepted[1::2]
    rejected = [row[0] for row, good in zip(rows, right, strict=False) if not good]
    return {
        "rule": trainer.rule,
        "tested": len(right),
        "right_accepted": sum(right),
        "wrong_rejected": len(wrong) - sum(wrong),
        "right_rejected": rejected[:_NAMED],
    }


def in_words(result: dict[str, Any]) -> str:
    """The result as a sentence or two."""
    n, right, wrong = result["tested"], result["right_accepted"], result["wrong_rejected"]
    lines = [f"Self-test by the rule '{result['rule']}' on {n:,} rows: {right:,} right responses accepted, "
             f"{wrong:,} wrong ones rejected."]  # fmt: skip
    if right < n:
        lines.append(f"It rejects the right response of {n - right:,} rows, such as {result['right_rejected'][0]}.")
    return " ".join(lines)


def said(trainer: Trainer, answer: str) -> str:
    """A response that states the answer as the trainer's prompt asks for."""
    return f"We work step by step, and check the result.\n\n{trainer.states.replace('ANSWER', answer)}"


def other(answer: str) -> str:
    """A different answer: the next letter of a choice, the opposite of a yes, another number, else one more."""
    if answer.casefold() in _OPPOSITE:
        return _OPPOSITE[answer.casefold()]
    if re.fullmatch("[A-J]", answer):
        return chr((ord(answer) - ord("A") + 1) % 4 + ord("A"))
    if number := re.search(r"(?<![\d.,^{])\d{1,15}(?![\d,])|\d{1,15}", answer):
        return f"{answer[: number.start()]}{int(number.group()) + 1}{answer[number.end() :]}"
    return f"{answer}+1" if re.search(r"[\\=+^]", answer) or len(answer) < 3 else f"not {answer}"


def verdicts(asked: Sequence[tuple[str, str, str]]) -> list[bool]:
    """Whether the rule accepts each response, in a process of its own; one that is killed accepts nothing. After
    ``_KILLED`` such responses the rest is not tested."""
    found: list[bool] = []
    killed = 0
    while len(found) < len(asked) and killed <= _KILLED:
        lines = "\n".join(json.dumps(one) for one in asked[len(found) :])
        command = [sys.executable, "-P", str(_WORKER), str(_SECONDS)]
        done = subprocess.run(command, input=lines, capture_output=True, text=True, check=False)
        found += [line == "1" for line in done.stdout.split()]
        if len(found) < len(asked):
            found.append(False)
            killed += 1
    return found
