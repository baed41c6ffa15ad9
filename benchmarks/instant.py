"""Models that answer at once, so that what is left is what the pipeline itself costs.

Their questions are English, all different, and pass every stage; their solutions state one answer.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

from engine.models.base import Completion, OnCompletion, OnScored, OnText, Request, Row, Scored

_WORDS = """
    a an the of in on at to from with and or for each every how many much what is are was left right apples books
    cards coins marbles pencils stamps tickets boxes bags shelves tables chairs trees flowers birds fish horses
    boats trains cars bicycles kilometres metres litres grams hours minutes days weeks months years red blue green
    yellow large small new old heavy light farmer teacher student baker painter driver sailor gardener reader writer
    buys sells gives takes finds loses makes bakes paints drives reads writes plants picks carries counts saves
    spends shares divides doubles adds more fewer than twice half third quarter total number sum difference product
    price cost speed distance area length width height group row team class school market garden river village city
    house kitchen station island morning evening first second last next
""".split()  # noqa: SIM905
_SOLUTION = "We add the two numbers. 12 + 30 = 42. The answer is \\boxed{42}."


def question(seed: int) -> str:
    """A text of 24 words, never twice the same."""
    draw = random.Random(seed)
    return " ".join(draw.choices(_WORDS, k=24)).capitalize() + f" {draw.randrange(10**6)}?"


class InstantText:
    """Writes a question where the prompt holds none, else a solution."""

    name = "instant-text"
    solution = _SOLUTION
    window = 64

    def submit(self, requests: Sequence[Request], on_done: OnCompletion, on_text: OnText | None = None) -> None:
        for request in requests:
            text = question(request.seed) if "/question/" in request.request_id else _SOLUTION
            on_done(Completion(request.request_id, text, 24, 4, 0.0, "stop"))

    def cancel(self, request_ids: Sequence[str]) -> None:
        """Nothing is ever in flight."""

    def close(self) -> None:
        """Nothing is held."""


class InstantScore:
    """Gives every row the logit 1."""

    name = "instant-score"
    window = 64

    def submit(self, request_id: str, rows: Sequence[Row], on_done: OnScored) -> None:
        on_done(Scored(request_id, (1.0,) * len(rows), 0, 0.0))

    def close(self) -> None:
        """Nothing is held."""
