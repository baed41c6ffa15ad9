"""``scalequest train rates``: measures the fail rates that ``train difficulty --rates`` learns from; and
``scalequest train confidence``: the calibration of difficulty by ``greedy-confidence``, from the same measurement."""

from __future__ import annotations

import sys
from argparse import Namespace
from dataclasses import asdict, replace
from typing import TYPE_CHECKING

from engine.config.profiles import load_profile, load_solver
from engine.stages import solution
from engine.training import registered_models
from ui.cli import terminal
from ui.cli.options import DONE, INTERRUPTED

if TYPE_CHECKING:
    from engine.config.profiles import Role
    from engine.training.confidence import Quality
    from engine.training.held_out import Held


def rates(options: Namespace) -> int:
    from engine.jobs.control import Control
    from engine.jobs.result import interruptible
    from engine.training import rates as measuring

    solver = replace(load_profile(options.profile, registered_models.folder(options.workspace)).solver, retry_tokens=0)
    chosen = _asked(options, solver)
    control, progress = Control(), terminal.Progress(options.json, unit="answers")
    with interruptible(control):
        made = measuring.measure(solver, chosen, options.n, options.seed, options.out, progress, control)
        progress({"event": "end", "stage": "rates", **asdict(made)})
    if not options.json:
        print(_report(options, made.questions, made.samples, made.undecided, made.failed, made.mean))
    return _interrupted() if made.status == "interrupted" else DONE


def confidence(options: Namespace) -> int:
    from engine.jobs.control import Control
    from engine.jobs.result import interruptible
    from engine.training import confidence as calibrating

    solver = load_solver(options.profile, registered_models.folder(options.workspace))
    chosen = _asked(options, solver)
    control, progress = Control(), terminal.Progress(options.json, unit="answers")
    with interruptible(control):
        made = calibrating.make(solver, chosen, options.n, options.seed, options.out, progress, control)
        progress({"event": "end", "stage": "confidence", **asdict(made)})
    if made.status == "interrupted" or made.held_out is None:
        return _interrupted()
    if not options.json:
        print(_predicted(options, made.questions, made.held_out))
    return DONE


def _predicted(options: Namespace, questions: int, held_out: Quality) -> str:
    def said(value: float | None) -> str:
        return "unknown" if value is None else f"{value:.3f}"

    lines = [
        f"The calibration is in {options.out}: fitted to {questions - held_out.questions} questions, and on "
        f"{held_out.questions} others:",
        f"  AUC of failing at all {said(held_out.auc_any_fail)}, of failing in a quarter {said(held_out.auc_quarter)}",
        f"  deviance explained {said(held_out.deviance_explained)}",
        "  questions, mean predicted and mean measured fail rate:",
        *[f"  {count:>7} {predicted:>8.3f} {measured:>8.3f}" for count, predicted, measured in held_out.reliability],
    ]
    used = f'[difficulty] with backend = "greedy-confidence" and calibration = "{options.out}"'
    return "\n".join([*lines, f"Use it in a profile with this solver: {used}."])


def _interrupted() -> int:
    print("Interrupted; the same command continues from what is stored.", file=sys.stderr)
    return INTERRUPTED


def _asked(options: Namespace, solver: Role) -> list[Held]:
    """The questions to ask, once it is known that the solver can be asked and the folder of ``--out`` is there."""
    from engine.models.load import check_folder

    solution.check_rollouts(solver, options.n)
    chosen = _questions(options)
    check_folder(solver)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    return chosen


def _questions(options: Namespace) -> list[Held]:
    """The questions with answers of all sources; ``--limit`` of them."""
    from engine.data import training_rows
    from engine.training import held_out

    found = []
    for source in options.questions:
        held, fact = held_out.read(source, flag="--questions")
        found += held
        if not options.json:
            print(
                f"{source}: {fact['answered']} of {fact['rows']} rows have a question and an answer.", file=sys.stderr
            )
    return list(training_rows.drawn(found, options.limit, options.seed))


def _report(options: Namespace, questions: int, samples: int, undecided: int, failed: int, mean: float | None) -> str:
    lines = [f"{questions} questions with a fail rate, {mean} on average, from {samples} answers are in {options.out}."]
    if undecided:
        lines.append(f"{undecided} answers could not be compared with the gold one and count as neither.")
    if failed:
        lines.append(f"{failed} answers failed; the same command asks for them again.")
    return "\n".join([*lines, f"Train a scorer on them by `scalequest train difficulty --rates {options.out}`."])
