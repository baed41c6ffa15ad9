"""``scalequest run``: generates questions and solutions, or resumes a run."""

from __future__ import annotations

import json
from argparse import Namespace
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from store.errors import InputError
from store.records import Run
from ui.cli import terminal
from ui.cli.job import run_or_follow
from ui.cli.options import DONE

if TYPE_CHECKING:
    from engine.config.run_config import RunConfig


def run(options: Namespace) -> int:
    from engine.job_requests import RunRequest

    if options.plan and options.resume is not None:
        raise InputError("--plan", "", "has no effect on a run that is resumed", "leave it out, or start a new run")
    if options.resume is not None:
        request = RunRequest(resume=options.resume, max_cost=options.max_cost)
        return run_or_follow(options, request, check=lambda stored: _refuse_conflicts(options, stored))
    from engine.config.run_config import load_run_config
    from engine.models.workload import PAIRS
    from engine.training import registered_models

    config = load_run_config(
        options.profile,
        options.config,
        folder=registered_models.folder(options.workspace),
        usual_accepted=PAIRS if options.plan else None,
        questions=options.questions,
        accepted=options.accepted,
        max_questions=options.max_questions,
        seed=options.seed,
        reproducible=options.reproducible,
        benchmarks=tuple(options.benchmark) if options.benchmark else None,
        max_cost=options.max_cost,
    )
    if options.plan:
        return _print_plan(config, options.json)
    return run_or_follow(options, RunRequest(config=config, name=options.name or ""), create=True)


def _print_plan(config: RunConfig, as_json: bool) -> int:
    """Print what the run would do; nothing is loaded, downloaded or stored."""
    from engine.config.run_plan import run_plan
    from engine.doctor import placement_here
    from engine.models.workload import expected_costs

    stages = run_plan(config)
    costs = expected_costs(config, stages)
    if as_json:
        print(json.dumps([asdict(one) | {"cost_usd": cost} for one, cost in zip(stages, costs, strict=True)]))
    else:
        print(terminal.run_plan(config.profile.name, stages, costs, placement_here(config.profile)))
    return DONE


def _refuse_conflicts(options: Namespace, stored: Callable[[str], Run]) -> None:
    """InputError where a flag differs from the resumed run, which keeps its own options."""
    run = stored(options.resume)
    remedy = "leave it out, or start a new run"
    if options.config is not None:
        raise InputError("--config", str(options.config), "has no effect on a run that is resumed", remedy)
    profile = run.config.get("profile", {}).get("name")
    has = {**run.config, "profile": profile, "name": run.name}
    has["benchmark"] = [str(Path(file).resolve()) for file in run.config.get("benchmarks", ())]
    for field in ("profile", "questions", "accepted", "max_questions", "seed", "reproducible", "name", "benchmark"):
        given = getattr(options, field)
        if field == "benchmark" and given is not None:
            given = [str(Path(file).resolve()) for file in given]
        if given is not None and given != has.get(field):
            flag = "--" + field.replace("_", "-")
            raise InputError(flag, given, f"conflicts with the run, which has {has.get(field)!r}", remedy)
