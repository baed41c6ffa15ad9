"""The judge on questions whose answer is known: verdicts, second tries, and how many are right."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from benchmarks.gpu.calls import complete
from benchmarks.gpu.checks import Row, compared
from engine.config.profiles import Role
from engine.models.base import Completion, Request, TextModel
from engine.stages.solvability import SECOND_TEMPERATURE, concluded
from engine.text.verdict import WARN_SHARE

PART = "judge"
LEAST_RIGHT = 0.8
SOLVABLE = (
    "Tom has 3 apples and buys 4 more. How many apples does he have?",
    "What is the sum of the first 20 positive integers?",
    "A rectangle is 5 cm wide and has an area of 40 square centimetres. What is its perimeter?",
    "Solve for $x$: $2x + 7 = 31$.",
    "How many positive divisors does 36 have?",
    "A train travels 180 km in 2.5 hours. What is its average speed in km/h?",
    "What is the remainder when $7^{10}$ is divided by 5?",
    "Two fair dice are rolled. What is the probability that the sum is 9?",
)
NOT_SOLVABLE = (
    "Tom has some apples and buys 4 more. How many apples does he have?",
    "A train leaves the station at noon. When does it arrive?",
    "A triangle has sides of 3 cm, 4 cm and 12 cm. What is its area?",
    "Eva is twice as old as her brother. How old is Eva?",
    "Find the even prime number that is greater than 10.",
    "A rectangle has a perimeter of 20 cm. What is its area?",
    "Write a poem about the sea.",
    "What is the capital of France?",
)


def rows(role: Role, model: TextModel, trained: bool) -> Iterator[Row]:
    """``trained``: whether the model's weights are; of random ones the shares are only measured."""
    asked = [(text, True) for text in SOLVABLE] + [(text, False) for text in NOT_SOLVABLE]
    first = _ask(role, model, [text for text, _ in asked])
    without = [i for i, answer in enumerate(first) if concluded(answer) is None]
    again = dict(zip(without, _ask(role, model, [asked[i][0] for i in without], second=True), strict=True))
    verdicts = [concluded(again.get(i, answer)) for i, answer in enumerate(first)]
    count = len(asked)
    decided = sum(verdict is not None for verdict in verdicts)
    right = sum(verdict is known for verdict, (_, known) in zip(verdicts, asked, strict=True))
    least = f"at least {1 - WARN_SHARE:.0%}"
    sentence = f"{count - decided} of {count} questions have no verdict: read the replies, or ask by another template."
    found = (
        compared(PART, "questions with a verdict", least, f"{decided} of {count}", decided >= (1 - WARN_SHARE) * count,
                 sentence),
        Row(PART, "questions asked twice", "few", f"{len(without)} of {count}", "measured"),
        compared(PART, "verdicts that are right", f"at least {LEAST_RIGHT:.0%}", f"{right} of {count}",
                 right >= LEAST_RIGHT * count, f"{count - right} of {count} verdicts are wrong or missing."),
    )  # fmt: skip
    for row in found:
        yield row if trained else replace(row, expected="random weights", outcome="measured", sentence="")


def _ask(role: Role, model: TextModel, texts: Sequence[str], second: bool = False) -> list[Completion]:
    sampling = replace(role.sampling, temperature=SECOND_TEMPERATURE) if second else role.sampling
    name = "again" if second else "first"
    return complete(model, [Request(f"{name}{i}", role.template.render(t), sampling, i) for i, t in enumerate(texts)])
