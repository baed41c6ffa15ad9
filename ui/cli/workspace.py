"""``scalequest trace``, ``snapshot``, ``backup``, ``restore`` and ``delete``: commands on a workspace."""

import json
from argparse import Namespace

from store.database.question import read_question
from store.database.workspace import Workspace
from store.transfer import backup as backups
from ui.cli import terminal
from ui.cli.options import DONE


def trace(options: Namespace) -> int:
    with Workspace.open(options.workspace, create=False) as workspace:
        story = read_question(workspace.cursor(), options.question_id)
    print(json.dumps(story, ensure_ascii=False, default=str) if options.json else terminal.story(story))
    return DONE


def snapshot(options: Namespace) -> int:
    with Workspace.open(options.workspace, create=False) as workspace:
        backups.snapshot(workspace, options.out)
    print(f"Snapshot written to {options.out}.")
    return DONE


def backup(options: Namespace) -> int:
    with Workspace.open(options.workspace, create=False) as workspace:
        backups.backup(workspace, options.out)
    print(f"Backup written to {options.out}; `scalequest restore {options.out} --workspace DIR` restores it.")
    return DONE


def restore(options: Namespace) -> int:
    backups.restore(options.backup, options.workspace)
    print(f"Workspace {options.workspace} restored from {options.backup}.")
    return DONE


def delete(options: Namespace) -> int:
    with Workspace.open(options.workspace, create=False) as workspace:
        workspace.delete_run(options.run_id)
    print(f"Run {options.run_id} and everything it made has been deleted.")
    return DONE
