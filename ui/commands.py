"""What each command of the command line does: asks the engine and the store, shows the answer, gives the exit code.

Knows neither SQL nor models. Heavy imports stand inside the commands, so that bad input is answered at once.
"""

from __future__ import annotations

import json
import sys
from argparse import Namespace
from dataclasses import asdict

from store.workspace import Workspace
from ui import terminal

DONE, FAILED, BAD_INPUT, INTERRUPTED = 0, 1, 2, 130


def ui(options: Namespace) -> int:
    from ui import home

    with Workspace.open(options.workspace) as workspace:
        home.serve(workspace, options.host, options.port)
    return DONE


def trace(options: Namespace) -> int:
    from store import reads

    with Workspace.open(options.workspace, create=False) as workspace:
        story = reads.story(workspace.cursor(), options.question_id)
    print(json.dumps(story, ensure_ascii=False, default=str) if options.json else terminal.story(story))
    return DONE


def snapshot(options: Namespace) -> int:
    from store import maintenance

    with Workspace.open(options.workspace, create=False) as workspace:
        maintenance.snapshot(workspace, options.out)
    print(f"Snapshot written to {options.out}.")
    return DONE


def backup(options: Namespace) -> int:
    from store import maintenance

    with Workspace.open(options.workspace, create=False) as workspace:
        maintenance.backup(workspace, options.out)
    print(f"Backup written to {options.out}; `scalequest restore {options.out} --workspace DIR` brings it back.")
    return DONE


def restore(options: Namespace) -> int:
    from store import maintenance

    maintenance.restore(options.backup, options.workspace)
    print(f"{options.workspace} holds what was in {options.backup}.")
    return DONE


def delete(options: Namespace) -> int:
    with Workspace.open(options.workspace, create=False) as workspace:
        workspace.delete_run(options.run_id)
    print(f"Run {options.run_id} and everything it made is deleted.")
    return DONE


def doctor(options: Namespace) -> int:
    from engine import doctor as engine_doctor
    from store import maintenance

    here = engine_doctor.machine()
    profiles = engine_doctor.profiles(here)
    advice = engine_doctor.advice(here)
    findings = maintenance.check(options.workspace) if options.workspace is not None else []
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
