"""What each command of the command line does: asks the engine and the store, shows the answer, gives the exit code.

Knows neither SQL nor models. Heavy imports stand inside the commands, so that bad input is answered at once.
"""

from __future__ import annotations

import json
import os
import sys
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from store.database.duckdb_errors import InUse
from store.database.question import tell
from store.database.workspace import Workspace
from store.errors import InputError
from store.records import Run
from ui.cli import terminal
from ui.cli.app_client import App

if TYPE_CHECKING:
    from engine.jobs.control import Control
    from engine.jobs.result import Result

DONE, BAD_INPUT = 0, 2


def ui(options: Namespace) -> int:
    from ui import server

    with Workspace.open(options.workspace) as workspace:
        server.serve(workspace, options.host, options.port, options.auth)
    return DONE


def run(options: Namespace) -> int:
    return _resume(options) if options.resume is not None else _start(options)


def _start(options: Namespace) -> int:
    from engine.config.run_config import load_run_config
    from engine.training import registered_models as profiles

    config = load_run_config(
        options.profile,
        options.config,
        folder=profiles.folder(options.workspace),
        questions=options.questions,
        accepted=options.accepted,
        max_questions=options.max_questions,
        seed=options.seed,
        benchmarks=tuple(options.benchmark) if options.benchmark else None,
    )
    name = options.name or ""
    try:
        workspace = Workspace.open(options.workspace)
    except InUse as held:
        app = App.of(held)
        return _follow(options, app, app.start(config, name))
    from engine.pipeline import run as jobs

    with workspace, _steered() as control:
        show = terminal.Shown(options.json)
        return _end(workspace, jobs.start(workspace, config, name, show, control=control), show)


def _resume(options: Namespace) -> int:
    try:
        workspace = Workspace.open(options.workspace, create=False)
    except InUse as held:
        app = App.of(held)
        stored = app.run(options.resume)
        if _finished(options, stored):
            return DONE
        app.resume(stored.run_id)
        return _follow(options, app, stored.run_id)
    with workspace:
        if _finished(options, workspace.run(options.resume)):
            return DONE
        from engine.pipeline import run as jobs

        with _steered() as control:
            show = terminal.Shown(options.json)
            return _end(workspace, jobs.resume(workspace, options.resume, show, control=control), show)


def _end(workspace: Workspace, result: Result, show: terminal.Shown) -> int:
    from engine.pipeline import report

    return show.end(report.facts(workspace, result), report.text(workspace, result), result)


def _follow(options: Namespace, app: App, run_id: str) -> int:
    """Follow a run that the app does; as if it were done here."""
    from engine.jobs.result import Result

    show = terminal.Shown(options.json)
    with _steered() as control:
        end = app.follow(run_id, show, control)
    if end is None:
        how = f"`scalequest run --workspace {options.workspace} --resume {run_id}` goes on from there"
        said = f"The app is gone; what it has stored is kept, and {how}."
        return show.end({"event": "end", "run_id": run_id}, "", Result(run_id, "interrupted", said))
    text = end.pop("report")
    return show.end(end, text, Result(run_id, end["status"], end["message"]))


def _finished(options: Namespace, stored: Run) -> bool:
    """Whether there is nothing to resume, which is then said. InputError where a flag conflicts with the run."""
    _refuse_conflicts(options, stored)
    if stored.status == "done":
        print(f"Run {stored.run_id} is finished already; there is nothing to resume.", file=sys.stderr)
    return stored.status == "done"


def _refuse_conflicts(options: Namespace, stored: Run) -> None:
    """A resumed run is what it was: a flag that says otherwise is a mistake."""
    remedy = "leave it out, or start a new run"
    if options.config is not None:
        raise InputError("--config", str(options.config), "has no effect on a run that is resumed", remedy)
    profile = stored.config.get("profile", {}).get("name")
    has = {**stored.config, "profile": profile, "name": stored.name}
    has["benchmark"] = [str(Path(file).resolve()) for file in stored.config.get("benchmarks", ())]
    for field in ("profile", "questions", "accepted", "max_questions", "seed", "name", "benchmark"):
        asked = getattr(options, field)
        if field == "benchmark" and asked is not None:
            asked = [str(Path(file).resolve()) for file in asked]
        if asked is not None and asked != has.get(field):
            flag = "--" + field.replace("_", "-")
            raise InputError(flag, asked, f"conflicts with the run, which has {has.get(field)!r}", remedy)


@contextmanager
def _steered() -> Iterator[Control]:
    """A control that Ctrl-C interrupts."""
    from engine.jobs.control import Control
    from engine.jobs.result import interruptible

    control = Control()
    with interruptible(control):
        yield control


def train_nano(options: Namespace) -> int:
    from engine.paths import ASSETS

    folder = options.out or ASSETS / "nano"
    return _evaluate_nano(folder, options) if options.evaluate else _build_nano(folder, options)


def _build_nano(folder: Path, options: Namespace) -> int:
    from engine.training.nano.build import build

    progress = terminal.Progress(options.json, unit="steps")
    lanes = (os.cpu_count() or 1) if options.device == "cpu" else 1
    build(options.work, folder, options.device, on_event=progress, lanes=lanes)
    progress({"event": "end", "stage": "nano", "done": 1, "total": 1, "out": str(folder)})
    if not options.json:
        print(f"The nano family is in {folder}.")
    return DONE


def _evaluate_nano(folder: Path, options: Namespace) -> int:
    if not (folder / "solver").is_dir():
        raise InputError("--out", str(folder), "holds no nano models", "build them first with `scalequest train nano`")
    from engine.training.nano.evaluate import evaluate

    progress = terminal.Progress(as_json=False, unit="steps")
    figures = evaluate(folder, options.seed, device=options.device, on_event=progress)
    progress.close()
    print(json.dumps(figures) if options.json else "\n".join(f"{key:28} {value}" for key, value in figures.items()))
    return DONE


def trace(options: Namespace) -> int:
    with Workspace.open(options.workspace, create=False) as workspace:
        story = tell(workspace.cursor(), options.question_id)
    print(json.dumps(story, ensure_ascii=False, default=str) if options.json else terminal.story(story))
    return DONE


def snapshot(options: Namespace) -> int:
    from store.transfer import backup

    with Workspace.open(options.workspace, create=False) as workspace:
        backup.snapshot(workspace, options.out)
    print(f"Snapshot written to {options.out}.")
    return DONE


def backup(options: Namespace) -> int:
    from store.transfer import backup

    with Workspace.open(options.workspace, create=False) as workspace:
        backup.backup(workspace, options.out)
    print(f"Backup written to {options.out}; `scalequest restore {options.out} --workspace DIR` brings it back.")
    return DONE


def restore(options: Namespace) -> int:
    from store.transfer import backup

    backup.restore(options.backup, options.workspace)
    print(f"{options.workspace} holds what was in {options.backup}.")
    return DONE


def delete(options: Namespace) -> int:
    with Workspace.open(options.workspace, create=False) as workspace:
        workspace.delete_run(options.run_id)
    print(f"Run {options.run_id} and everything it made is deleted.")
    return DONE


def doctor(options: Namespace) -> int:
    from engine import doctor as engine_doctor
    from store.transfer import backup

    if options.gpus is not None:
        return _servers(options)

    here = engine_doctor.machine()
    profiles = engine_doctor.profiles(here)
    advice = engine_doctor.advice(here)
    findings = backup.check(options.workspace) if options.workspace is not None else []
    if options.json:
        report = {"machine": asdict(here), "profiles": [asdict(p) for p in profiles], "advice": advice}
        print(json.dumps({**report, "workspace": findings} if options.workspace is not None else report))
    else:
        print(terminal.machine(here, profiles, advice))
        if options.workspace is not None and not findings:
            print(f"\nWorkspace {options.workspace}: sound.")
    for finding in findings:
        print(finding, file=sys.stderr)
    return BAD_INPUT if findings else DONE


def _servers(options: Namespace) -> int:
    """The commands that serve a profile's models on so many GPUs."""
    from engine.config.profiles import load_profile
    from engine.models.launch_commands import servers
    from engine.training import registered_models as profiles

    folder = profiles.folder(options.workspace) if options.workspace is not None else None
    made = servers(load_profile(options.profile, folder), options.gpus, int(options.gpu_memory * 2**30))
    print(json.dumps([asdict(server) for server in made]) if options.json else terminal.launch(made))
    return DONE
