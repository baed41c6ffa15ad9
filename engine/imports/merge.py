"""A merge from its first run to its last word: the runs and decisions of another workspace, as an import goes.

``start`` blocks until the merge has ended and tells of it in events like an import's (``job.start``). What is brought
in, and what is not, is the store's to say (``store.transfer.merge``). Knows no user interface.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from engine.jobs.control import Control
from engine.jobs.result import OnEvent, Result
from store.database.workspace import Workspace
from store.errors import InputError
from store.transfer import attach
from store.transfer.merge import Merged, Progress, merge

STAGE = "merge"
_TICK = 0.5
"""Seconds between two events."""


def refuse(workspace: str | Path, given: str, overrides: Mapping[str, str], name: str, scored: bool) -> None:
    """Say why this source cannot be merged so. InputError: what only imports of rows know is asked for, or there is no
    database. StoreError: it is in use, damaged or newer.
    """
    remedy = "leave it out: runs come as they are"
    asked = {
        "--map": ", ".join(f"{field}={column}" for field, column in overrides.items()),
        "--name": name,
        "--no-score": "" if scored else "given",
    }
    for flag, value in asked.items():
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

    Events: ``{"event": "start|progress|end", "run_id", "stage": "merge", "done", "total", "runs_done", "runs_total",
    "rows_per_s", "eta_s", "elapsed_s", "status"}``: ``done`` of ``total`` questions there are looked at, ``run_id`` is
    the run under way; the last tells the counts of ``Merged`` and the ``report`` in words. Interrupted, it
    keeps the runs that have come; the same call goes on from there. ``run_id`` here: what the result is called by.
    Raises as ``refuse``.
    """
    database = attach.find(workspace.path, given)
    control, telling = control or Control(), _Telling(on_event)
    telling.tell("start")
    over = threading.Event()
    ticker = threading.Thread(target=telling.tick, args=(over,), daemon=True)
    ticker.start()
    try:
        done = merge(workspace, database, telling.progress, lambda: control.requested in ("cancel", "interrupt"))
    finally:
        over.set()
        ticker.join()
        control.ended()
    status, message = _outcome(workspace, done, control)
    telling.status = status
    telling.tell("end", message=message, report=report(done), **asdict(done))
    return Result(run_id, status, message, telling.seconds)


class _Telling:
    """Tells how far the merge is, twice a second."""

    def __init__(self, on_event: OnEvent) -> None:
        self.progress, self.status = Progress(), "running"
        self._on_event, self._started = on_event, time.monotonic()

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._started

    def tick(self, over: threading.Event) -> None:
        while not over.wait(_TICK):
            self.tell("progress")

    def tell(self, kind: str, **more: Any) -> None:
        now, seconds = self.progress, self.seconds
        rate = now.questions / seconds if seconds else 0.0
        event = {
            "event": kind,
            "run_id": now.run_id or None,
            "stage": STAGE,
            "done": now.questions,
            "total": now.total,
            "runs_done": now.runs,
            "runs_total": now.of_runs,
            "rows_per_s": round(rate, 1),
            "eta_s": round((now.total - now.questions) / rate, 1) if rate else None,
            "elapsed_s": round(seconds, 3),
            "status": self.status,
        }
        self._on_event({**event, **more})


def report(done: Merged) -> str:
    """What was new, and what was left out, in words."""
    new = (
        _many(done.runs, "run"),
        _many(done.questions, "question"),
        _many(done.solutions, "solution"),
        _many(done.decisions, "decision"),
    )
    lines = [f"{', '.join(new)} and {_many(done.preferences, 'preference pair')} were new."]
    if done.here:
        what = "of them only decisions and preference pairs were looked at, what models made is as it was"
        lines.append(f"Here already: {_many(done.here, 'run')}; {what}.")
    if done.refused:
        lines.append(f"Refused: {_many(len(done.refused), 'run')}, here with another content.")
    if done.left:
        lines.append(
            f"Left out: {_many(done.left, 'decision')}, on questions that are not here, or read otherwise here."
        )
    if done.clashing:
        lines.append(f"Left out: {_many(done.clashing, 'preference pair')}, whose ids are here with other texts.")
    return "\n".join(lines)


def _many(count: int, what: str) -> str:
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"


def _outcome(workspace: Workspace, done: Merged, control: Control) -> tuple[str, str | None]:
    """The status, and the sentence where there is more to say."""
    if done.stopped:
        status = "cancelled" if control.requested == "cancel" else "interrupted"
        kept = (
            f"{_many(done.runs, 'run')} that came before it are kept" if done.runs != 1 else "the run that came is kept"
        )
        return status, f"The merge was {status}; {kept}, and the same command goes on from there."
    if done.refused:
        names = ", ".join(f"'{name}'" for name in done.refused)
        again = f"`scalequest delete {done.refused[0]} --workspace {workspace.path}`"
        why = "the run here with this id was made at another time or by another config"
        return "done", f"run {names}: {why}; {again} deletes it, to take the other one by merging again."
    return "done", None
