"""``scalequest train rates``: measures the fail rates that ``train difficulty --rates`` learns from."""

from __future__ import annotations

import sys
from argparse import Namespace
from dataclasses import asdict, replace

from engine.config.profiles import load_profile
from engine.stages import solution
from engine.training import registered_models
from ui.cli import terminal
from ui.cli.options import DONE, INTERRUPTED


def rates(options: Namespace) -> int:
    from engine.data import training_rows
    from engine.jobs.control import Control
    from engine.jobs.result import interruptible
    from engine.models.load import check_folder
    from engine.training import held_out
    from engine.training import rates as measuring

    solver = replace(load_profile(options.profile, registered_models.folder(options.workspace)).solver, retry_tokens=0)
    solution.check_rollouts(solver, options.n)
    found = []
    for source in options.questions:
        held, fact = held_out.read(source, flag="--questions")
        found += held
        if not options.json:
            print(
                f"{source}: {fact['answered']} of {fact['rows']} rows have a question and an answer.", file=sys.stderr
            )
    chosen = training_rows.drawn(found, options.limit, options.seed)
    check_folder(solver)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    control, progress = Control(), terminal.Progress(options.json, unit="answers")
    with interruptible(control):
        made = measuring.measure(solver, chosen, options.n, options.seed, options.out, progress, control)
        progress({"event": "end", "stage": "rates", **asdict(made)})
    if not options.json:
        print(_report(options, made.questions, made.samples, made.undecided, made.failed, made.mean))
    if made.status == "interrupted":
        print("Interrupted; the same command continues from what is stored.", file=sys.stderr)
        return INTERRUPTED
    return DONE


def _report(options: Namespace, questions: int, samples: int, undecided: int, failed: int, mean: float | None) -> str:
    lines = [f"{questions} questions with a fail rate, {mean} on average, from {samples} answers are in {options.out}."]
    if undecided:
        lines.append(f"{undecided} answers could not be compared with the gold one and count as neither.")
    if failed:
        lines.append(f"{failed} answers failed; the same command asks for them again.")
    return "\n".join([*lines, f"Train a scorer on them by `scalequest train difficulty --rates {options.out}`."])
