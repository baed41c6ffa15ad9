"""The merge job: takes the runs and decisions of another workspace into this one.

``start`` blocks until the merge has ended and emits events like an import's. What is merged, and what is left out,
``store.transfer.merge`` decides.
"""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from engine.jobs.control import Control
from engine.jobs.progress import Progress
from engine.jobs.result import OnEvent, Result
from store.database.workspace import Workspace
from store.errors import InputError
from store.transfer import attach
from store.transfer import merge as merging
from store.transfer.merge import Merged


def refuse(
    workspace: str | Path,
    given: str,
    overrides: Mapping[str, str],
    name: str,
    scored: bool,
    group: str = "auto",
    drop_languages: bool = False,
) -> None:
    """Check that a workspace can be merged with these options.

    InputError for an option that only an import of rows has, or if the database is missing. StoreError where the other
    workspace is in use, damaged or newer.
    """
    remedy = "leave it out: runs are merged unchanged"
    options = {
        "--map": ", ".join(f"{field}={column}" for field, column in overrides.items()),
        "--name": name,
        "--no-score": "" if scored else "given",
        "--group": "" if group == "auto" else group,
        "--drop-languages": "given" if drop_languages else "",
    }
    for flag, value in options.items():
        if value:
            raise InputError(flag, value, "has no effect where a workspace is merged", remedy)
    attach.find(workspace, given)


def start(
    workspace: Workspace,
    given: str,
    on_event: OnEvent = lambda _: None,
    *,
    control: Control | None = None,
    run_id: str = "",
) -> Result:
    """Merge a workspace, a backup or a snapshot into ``workspace``.

    Emits the events of ``engine.jobs.progress``, in which ``done`` and ``total`` count the questions there, with
    ``runs_done``, ``runs_total`` and the ``run_id`` of the run being merged. The last one has the counts of ``Merged``
    and a ``report`` in words. When it is interrupted, the runs merged so far are kept, and the same call continues.
    ``run_id`` is the id of the result. Raises as ``refuse``.
    """
    database, control = attach.find(workspace.path, given), control or Control()
    state = merging.Progress()

    def details() -> dict[str, Any]:
        progress.done, progress.total = state.questions, state.total
        return {"run_id": state.run_id or None, "runs_done": state.runs, "runs_total": state.of_runs}

    progress = Progress(on_event, run_id, "merge", details)
    progress.emit("start")
    with progress.ticking():
        merged = merging.merge(workspace, database, state, lambda: control.stopping)
    status, message = _outcome(workspace, merged, control)
    return progress.end(status, message, report=report(merged), **asdict(merged))


def report(merged: Merged) -> str:
    """The result of a merge in words."""
    new = (
        _many(merged.runs, "run"),
        _many(merged.questions, "question"),
        _many(merged.solutions, "solution"),
        _many(merged.decisions, "decision"),
    )
    lines = [f"{', '.join(new)} and {_many(merged.preferences, 'preference pair')} were new."]
    if merged.here:
        what = "only their new decisions and preference pairs were merged"
        lines.append(f"Present before: {_many(merged.here, 'run')}; {what}.")
    if merged.refused:
        lines.append(f"Refused: {_many(len(merged.refused), 'run')}, present here with other content.")
    if merged.left:
        lines.append(f"Left out: {_many(merged.left, 'decision')} on questions that are missing here or differ here.")
    if merged.clashing:
        lines.append(f"Left out: {_many(merged.clashing, 'preference pair')} whose ids have other texts here.")
    return "\n".join(lines)


def _many(count: int, what: str) -> str:
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"


def _outcome(workspace: Workspace, merged: Merged, control: Control) -> tuple[str, str | None]:
    """The status, and the sentence where the merge did not plainly succeed."""
    if merged.stopped:
        status = control.outcome
        return (
            status,
            f"The merge was {status}; {_many(merged.runs, 'merged run')} kept, and the same command continues.",
        )
    if merged.refused:
        names = ", ".join(f"'{name}'" for name in merged.refused)
        delete = f"`scalequest delete {merged.refused[0]} --workspace {workspace.path}`"
        why = "the run with this id here was made at another time or with another config"
        return "done", f"run {names}: {why}; {delete} deletes it, after which a merge takes the other one."
    return "done", None
