"""``scalequest run``: generates questions and solutions, or resumes a run."""

from argparse import Namespace
from collections.abc import Callable
from pathlib import Path

from store.errors import InputError
from store.records import Run
from ui.cli.job import run_or_follow


def run(options: Namespace) -> int:
    from engine.job_requests import RunRequest

    if options.resume is not None:
        request = RunRequest(resume=options.resume)
        return run_or_follow(options, request, check=lambda stored: _refuse_conflicts(options, stored))
    from engine.config.run_config import load_run_config
    from engine.training import registered_models

    config = load_run_config(
        options.profile,
        options.config,
        folder=registered_models.folder(options.workspace),
        questions=options.questions,
        accepted=options.accepted,
        max_questions=options.max_questions,
        seed=options.seed,
        benchmarks=tuple(options.benchmark) if options.benchmark else None,
    )
    return run_or_follow(options, RunRequest(config=config, name=options.name or ""), create=True)


def _refuse_conflicts(options: Namespace, stored: Callable[[str], Run]) -> None:
    """InputError where a flag differs from the resumed run, which keeps its own options."""
    run = stored(options.resume)
    remedy = "leave it out, or start a new run"
    if options.config is not None:
        raise InputError("--config", str(options.config), "has no effect on a run that is resumed", remedy)
    profile = run.config.get("profile", {}).get("name")
    has = {**run.config, "profile": profile, "name": run.name}
    has["benchmark"] = [str(Path(file).resolve()) for file in run.config.get("benchmarks", ())]
    for field in ("profile", "questions", "accepted", "max_questions", "seed", "name", "benchmark"):
        given = getattr(options, field)
        if field == "benchmark" and given is not None:
            given = [str(Path(file).resolve()) for file in given]
        if given is not None and given != has.get(field):
            flag = "--" + field.replace("_", "-")
            raise InputError(flag, given, f"conflicts with the run, which has {has.get(field)!r}", remedy)
