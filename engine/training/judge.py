"""A judge of solvability: how likely a question is a whole and consistent problem, learned from real questions and the
same ones altered.

The scorer of ``engine.training.difficulty`` with another target: 1 for a real question, 0 for an altered one
(``engine.training.alterations``). Departure from the paper, which asks a large model (section 2.3): a small one cannot
reason about solvability, but can learn what faults look like.
"""

import random
from collections.abc import Sequence
from typing import Any

from engine.config import prompts
from engine.config.prompts import Template
from engine.jobs.control import Control
from engine.training import difficulty, record, session
from engine.training.alterations import TRAINED, UNSEEN, Alteration, altered
from engine.training.confidence import auc
from engine.training.record import Training
from engine.training.session import OnEvent, Session
from engine.training.settings import Settings
from store.errors import InputError

REAL = "real"
_THRESHOLDS = [number / 100 for number in range(5, 100, 5)]


def train(
    training: Training,
    settings: Settings,
    questions: Sequence[str],
    tokenizer: Any,
    on_event: OnEvent = lambda _: None,
    control: Control | None = None,
) -> Training:
    """Train a judge on real questions, each also altered in one way, and measure it on held-out ones, altered in every
    way; otherwise as ``qft.train``. InputError where no question can be altered."""
    template = prompts.template(training.template, "--template")
    held, rest = difficulty.split([(text, 1.0) for text in questions], settings.held_out, settings.seed)

    def work(at: Session) -> Training:
        if not (training.folder / "config.json").is_file():
            examples = rows([text for text, _ in rest], settings.seed)
            if all(target == 1.0 for _, target in examples):
                problem = "hold no question that can be altered: they are too short"
                raise InputError("--questions", len(questions), problem, "give questions of several sentences")
            difficulty.fit(at, template, examples, tokenizer)
        figures = session.result(training) | _measured(at, template, [text for text, _ in held])
        return record.finish(record.read(training.folder), "done", **figures)

    return session.run(training, settings, on_event, control, work)


def rows(questions: Sequence[str], seed: int) -> list[difficulty.Rated]:
    """(question, 1), and (altered question, 0) in one of the ways of ``TRAINED`` that suit it."""
    rng = random.Random(seed)
    found: list[difficulty.Rated] = []
    for question in questions:
        found.append((question, 1.0))
        if able := _altered(question, questions, TRAINED, rng):
            found.append((able[rng.choice(sorted(able))], 0.0))
    return found


def _altered(
    question: str, questions: Sequence[str], kinds: dict[str, Alteration], rng: random.Random
) -> dict[str, str]:
    return altered(question, rng.choice(questions), kinds, rng)


def _measured(at: Session, template: Template, held: Sequence[str]) -> dict[str, Any]:
    """The saved judge's figures on the held-out questions: AUC by kind of alteration, and of all trained and all unseen
    kinds; the threshold at which it is right about most of both sorts of question, and its accuracy there."""
    if not held:
        return {"held_out": 0}
    rng = random.Random(at.settings.seed)
    texts, kinds = list(held), [REAL] * len(held)
    for question in held:
        for kind, text in _altered(question, held, TRAINED | UNSEEN, rng).items():
            texts.append(text)
            kinds.append(kind)
    predicted = difficulty.predict(at, "judge", template, texts)
    scores = {kind: [predicted[i] for i in sorted(predicted) if kinds[i] == kind] for kind in dict.fromkeys(kinds)}
    real = scores.pop(REAL)
    figures: dict[str, Any] = {"held_out": len(held)}
    for name, group in (("auc_trained_kinds", TRAINED), ("auc_unseen_kinds", UNSEEN)):
        figures[name] = _auc(real, [score for kind in group for score in scores.get(kind, [])])
    figures["auc"] = {kind: _auc(real, found) for kind, found in scores.items()}
    wrong = [score for kind in TRAINED for score in scores.get(kind, [])]
    best = max(_THRESHOLDS, key=lambda threshold: _balanced(real, wrong, threshold))
    unseen = [score for kind in UNSEEN for score in scores.get(kind, [])]
    return figures | {
        "threshold": best,
        "real_kept": _share(real, best),
        "altered_kept": _share(wrong, best),
        "altered_unseen_kept": _share(unseen, best),
    }


def _auc(real: Sequence[float], others: Sequence[float]) -> float | None:
    return auc([*real, *others], [True] * len(real) + [False] * len(others))


def _share(scores: Sequence[float], threshold: float) -> float | None:
    """The share that the judge keeps at this threshold."""
    return round(sum(score >= threshold for score in scores) / len(scores), 4) if scores else None


def _balanced(real: Sequence[float], wrong: Sequence[float], threshold: float) -> float:
    return (_share(real, threshold) or 0.0) - (_share(wrong, threshold) or 0.0)
