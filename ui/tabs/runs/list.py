"""The list of runs: counts, statuses in words, and which runs stopped before their end.

Finished runs are counted once, active ones at most once a second for all pages together.
"""

import threading
import time
from dataclasses import replace

from engine.job_registry import JobRegistry
from store.database.run_queries import Counts, counts
from store.database.workspace import Workspace
from store.errors import InputError
from store.records import Run, now
from ui.components.sheet import Cell, Part, table, text
from ui.web.escape import clock, visible

_COLUMNS = ["name", "run", "kind", "status", "questions", "pairs", "share", "errors", "started (UTC)", "took"]
_WORDS = {"interrupted": "interrupted, can be resumed"}
_CAN_GO_ON = ("interrupted", "failed", "cancelled")
_FRESH = 0.9  # seconds for which the counts of active runs are kept
_NAMED = 3  # stopped runs that are named; the others are counted


class Listed:
    """Safe from any thread."""

    def __init__(self, workspace: Workspace, jobs: JobRegistry) -> None:
        self._workspace, self._jobs = workspace, jobs
        self._lock = threading.Lock()
        self._counts: dict[str, tuple[object, Counts]] = {}
        self._open: tuple[float, dict[str, Counts]] = (0.0, {})

    def runs(self) -> list[Run]:
        """All runs, newest first. A run that another process left as running or paused is interrupted."""
        runs, job = self._workspace.runs()[::-1], self._jobs.running("run")
        left = {run.run_id for run in runs if run.kind == "generate" and run.status in ("running", "paused")}
        left -= {job.run_id} if job is not None else set()
        return [replace(run, status="interrupted") if run.run_id in left else run for run in runs]

    def stopped(self, runs: list[Run]) -> list[Run]:
        """The runs that an earlier process left before their end."""
        return [run for run in runs if run.kind == "generate" and run.status == "interrupted"]

    def part(self, runs: list[Run]) -> Part:
        if not runs:
            return text("No runs yet. Runs started here, in Sample or on the command line are listed.")
        counted = self._counted(runs)
        paid = any(one.cost_usd is not None for one in counted.values())
        return table("All runs", [*_COLUMNS, *["cost"][:paid]], [_row(run, counted[run.run_id], paid) for run in runs])

    def stopped_sentence(self, runs: list[Run]) -> str:
        """The runs that stopped before their end, in a sentence; empty where there are none."""
        found = self.stopped(runs)
        counted = self._counted(found)
        named = [f"{run.name} ({run.run_id}, {counted[run.run_id].questions:,} questions so far)" for run in found]
        more = f", and {len(found) - _NAMED} more in the list below" if len(found) > _NAMED else ""
        return f"Stopped before their end: {'; '.join(named[:_NAMED])}{more}." if found else ""

    def _counted(self, runs: list[Run]) -> dict[str, Counts]:
        with self._lock:
            # A finished run is counted again where one of these has changed.
            known: dict[str, object] = {
                run.run_id: (run.status, run.ended_at, self._jobs.ended[run.run_id]) for run in runs if run.ended_at
            }
            have = {run_id for run_id, (state, _) in self._counts.items() if known.get(run_id) == state}
            missing = [run.run_id for run in runs if run.run_id not in have]
            ended = [run_id for run_id in missing if run_id in known]
            when, fresh = self._open
            # What has just ended is counted now, for good: what was counted a moment ago may lack its last rows.
            if ended or not set(missing) <= fresh.keys() or time.monotonic() - when > _FRESH:
                with self._workspace.cursor() as cursor:
                    fresh = counts(cursor, missing) if missing else {}
                self._open = (time.monotonic(), fresh)
            self._counts |= {run_id: (known[run_id], fresh[run_id]) for run_id in ended}
            return {run.run_id: fresh.get(run.run_id) or self._counts[run.run_id][1] for run in runs}


def chosen_run(chosen: str | None) -> str:
    if not chosen:
        raise InputError("run", "", "is not chosen", "choose one from the list")
    return chosen


def label(run: Run) -> str:
    name, status = visible(run.name or run.run_id), _WORDS.get(run.status, run.status)
    return f"{name} · {status} · {run.created_at:%Y-%m-%d %H:%M} UTC"


def has_limit(run: Run) -> bool:
    """Whether the run can be resumed, and with another limit on its cost."""
    return run.status in _CAN_GO_ON and run.config.get("max_cost") is not None


def _row(run: Run, has: Counts, paid: bool) -> list[Cell]:
    share = f"{has.pairs / has.questions:.0%}" if has.questions else "-"
    unknown = run.ended_at is None and run.status == "interrupted"
    took = "-" if unknown else clock(((run.ended_at or now()) - run.created_at).total_seconds())
    status = _WORDS.get(run.status, run.status)
    counted: list[Cell] = [has.questions, has.pairs, share, has.errors]
    cost = "-" if has.cost_usd is None else f"${has.cost_usd:,.2f}" if has.cost_usd >= 1 else f"${has.cost_usd:.4f}"
    begun = f"{run.created_at:%Y-%m-%d %H:%M:%S}"
    return [run.name, run.run_id, run.kind, status, *counted, begun, took, *([cost] if paid else [])]
