"""The table of runs: counts, statuses in words, and which runs stopped before their end.

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
from ui.components.sheet import Cell, Part, table, text, when
from ui.web.escape import clock, percent, visible

LIVE = "live samples"
"""The key of the row that gathers the live runs of one question each."""
_COLUMNS = ["name", "run", "kind", "status", "questions", "pairs", "share", "errors", "started", "took"]
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

    def part(self, runs: list[Run], chosen: str | None = None) -> Part:
        """All runs, a row each, and one for all live samples; a row can be chosen."""
        if not runs:
            return text("Your own runs appear here once you sample, run or import.")
        samples = {run.run_id for run in self.samples(runs)}
        if chosen in samples:
            chosen = LIVE
        return self._table("All runs", runs, samples, chosen)

    def samples_part(self, runs: list[Run]) -> Part:
        """The live samples, a row each."""
        return self._table("Live samples: one question each", self.samples(runs), set(), None)

    def samples(self, runs: list[Run]) -> list[Run]:
        """The live runs of one question each, where there are several; they take one row together."""
        live = [run for run in runs if run.kind == "live"]
        counted = self._counted(live)
        few = [run for run in live if counted[run.run_id].questions <= 1]
        return few if len(few) > 1 else []

    def count(self, run: Run) -> Counts:
        """What is stored of one run."""
        return self._counted([run])[run.run_id]

    def _table(self, title: str, runs: list[Run], gathered: set[str], chosen: str | None) -> Part:
        counted = self._counted(runs)
        paid = any(one.cost_usd is not None for one in counted.values())
        keys: list[str] = []
        rows: list[list[Cell]] = []
        for run in runs:
            if run.run_id not in gathered:
                keys.append(run.run_id)
                rows.append(_row(run, counted[run.run_id], paid))
            elif LIVE not in keys:
                keys.append(LIVE)
                several = [one for one in runs if one.run_id in gathered]
                rows.append(_gathered(several, [counted[one.run_id] for one in several], paid))
        return table(title, [*_COLUMNS, *["cost"][:paid]], rows, keys=keys, chosen=chosen)

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
    if not chosen or chosen == LIVE:
        raise InputError("run", chosen or "", "is not chosen" if not chosen else "are several runs", "choose one run")
    return chosen


def label(run: Run) -> str:
    name, status = visible(run.name or run.run_id), _WORDS.get(run.status, run.status)
    return f"{name} · {status} · {run.run_id}"


def is_resumable(run: Run) -> bool:
    """Whether the run was generated and has not reached its end."""
    return run.kind == "generate" and run.status in _CAN_GO_ON


def has_limit(run: Run) -> bool:
    """Whether the run can be resumed, and with another limit on its cost."""
    return run.status in _CAN_GO_ON and run.config.get("max_cost") is not None


def status_words(run: Run) -> str:
    return _WORDS.get(run.status, run.status)


def took(run: Run) -> str:
    """How long the run took, or has taken so far; ``-`` where nobody knows."""
    if run.ended_at is None and run.status == "interrupted":
        return "-"
    return clock(((run.ended_at or now()) - run.created_at).total_seconds())


def cost_words(cost: float | None) -> str:
    return "-" if cost is None else f"${cost:,.2f}" if cost >= 1 else f"${cost:.4f}"


def _row(run: Run, has: Counts, paid: bool) -> list[Cell]:
    cost: list[Cell] = [cost_words(has.cost_usd)] if paid else []
    return [run.name, run.run_id, run.kind, status_words(run), *_counts(has), when(run.created_at), took(run), *cost]


def _counts(has: Counts) -> list[Cell]:
    return [has.questions, has.pairs, percent(has.pairs / has.questions) if has.questions else "-", has.errors]


def _gathered(runs: list[Run], several: list[Counts], paid: bool) -> list[Cell]:
    """The row of several live samples, the newest first."""
    costs = [one.cost_usd for one in several if one.cost_usd is not None]
    sums = Counts(*(sum(getattr(one, name) for one in several) for name in ("questions", "pairs", "errors")))
    cost: list[Cell] = [cost_words(sum(costs) if costs else None)] if paid else []
    status = "running" if any(run.ended_at is None for run in runs) else "done"
    name = f"{len(runs):,} live samples"
    return [name, "-", "live", status, *_counts(sums), when(runs[0].created_at), "-", *cost]
