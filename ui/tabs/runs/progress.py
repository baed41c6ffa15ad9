"""The current run, or the last one, as parts of a sheet: progress, speed, costs and errors.

What needs a query is read every few seconds at most, for all pages together.
"""

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from engine.config.run_config import RunConfig
from engine.job_registry import JobRegistry
from engine.jobs.runner import Job
from engine.pipeline import report
from store.database import run_queries
from store.database.run_queries import failures
from store.database.workspace import Workspace
from store.records import ErrorRow, question_id
from ui.components.sheet import Cell, Part, bar, progress_line, table, text
from ui.web.escape import clock, compact, duration, percent

_ENOUGH = 5  # decided questions that a forecast needs
_AT_MOST = 0.05  # share of the time that queries about a run may take
_EMPTY = "No run is active. Set the options above and press Start. A run continues when this page is closed."
_PRICED = 5  # pairs that a projected cost needs


@dataclass(slots=True)
class _Known:
    """What was read of a run, and when to read it again (monotonic seconds)."""

    run_id: str
    costs: list[run_queries.Cost] = field(default_factory=list)
    spend: list[run_queries.StageSpend] = field(default_factory=list)
    savings: str | None = None
    failed: list[ErrorRow] = field(default_factory=list)
    config: RunConfig | None = None
    pairs: int = 0
    final: bool = False
    again: float = 0.0


class Progress:
    """Safe from any thread."""

    def __init__(self, workspace: Workspace, jobs: JobRegistry) -> None:
        self._workspace, self._jobs = workspace, jobs
        self._lock = threading.Lock()
        self._known = _Known("")

    def parts(self) -> list[Part]:
        """The current state; at least one sentence."""
        job = self._jobs.last("run")
        if job is None:
            return [text(_EMPTY)]
        ended, event = job.ended, job.event
        if not event:
            loading = "Loading the models. The first time, this takes some seconds."
            return [text(job.message or "The run did not start." if ended else loading, strong=True)]
        known = self._read(job, event, ended)
        done = f"Run {job.run_id} is done: {event['accepted']:,} pairs."
        head = (job.message or done) if ended else _active(event)
        parts = [text(head, strong=True), bar(event["done"] / max(event["total"], 1), head), text(_speed(event))]
        forecast = None if ended else _forecast(event, known.config)
        parts += [
            text(line) for line in (forecast, price(known.costs, known.pairs, ended), known.savings, job.notice) if line
        ]
        parts += [_stages(event, known), *([_spend(known.spend)] if known.spend else [])]
        return [*parts, *([_failures(known.failed)] if known.failed else [])]

    def _read(self, job: Job, event: dict[str, Any], ended: bool) -> _Known:
        with self._lock:
            known = self._known
            if known.run_id != job.run_id or (known.final and not ended):
                known = self._known = _Known(job.run_id)
            began = time.monotonic()
            if known.final or (began < known.again and not ended):
                return known
            if known.config is None:
                known.config = RunConfig.from_json(self._workspace.run(job.run_id).config)
            solver = known.config.profile.solver
            with self._workspace.cursor() as cursor:
                if solver.adaptive:
                    known.savings = report.savings(run_queries.sampling(cursor, job.run_id, solver.n))
                known.costs = run_queries.costs(cursor, job.run_id)
                known.spend = run_queries.spend(cursor, job.run_id)
                known.failed = failures(cursor, job.run_id, newest_first=True)
            known.pairs, known.final = event["accepted"], ended
            known.again = time.monotonic() + max(2.0, (time.monotonic() - began) / _AT_MOST)
            return known


def _active(event: dict[str, Any]) -> str:
    if event["status"] == "paused":
        return f"Paused: {progress_line(event | {'eta_s': None})}. Press Resume to continue."
    return f"Running: {progress_line(event)}."


def _speed(event: dict[str, Any]) -> str:
    parts = [
        f"{event['generated']:,} questions",
        f"{event['accepted']:,} pairs",
        f"{event['rows_per_s']:.1f} rows/s",
        f"{event['tokens_per_s']:,.0f} tokens/s",
        f"{clock(event['elapsed_s'])} elapsed",
    ]
    parts += [f"{event[name]:,} {shown}" for name, shown in _COUNTED.items() if event.get(name)]
    if event.get("cost_usd") is not None:
        parts.append(f"${event['cost_usd']:.4f} spent")
    return ", ".join(parts) + "."


_COUNTED = {"errors": "failed", "held": "waiting for an earlier question", "late": "judged late as duplicates"}
"""Counts of a progress event that are shown where there are any."""


def _forecast(event: dict[str, Any], config: RunConfig | None) -> str | None:
    """How many questions a target in pairs will take; None for a target in questions."""
    decided = event["accepted"] + sum(dropped for _, dropped in event["stages"].values())
    if config is None or config.accepted is None or not event["accepted"] or decided < _ENOUGH:
        return None
    share = event["accepted"] / decided
    needed = round(config.accepted / share)
    forecast = f"About {needed:,} questions are needed at the current pass rate of {percent(share)}"
    if needed > config.limit:
        pairs = round(config.limit * share)
        return f"{forecast}, more than the {config.limit:,} allowed: expect about {pairs:,} pairs."
    return f"{forecast}."


def price(costs: Sequence[run_queries.Cost], pairs: int, ended: bool) -> str | None:
    """What 1,000 pairs cost, projected while the run goes on; None where too few pairs tell or nothing was counted."""
    tokens, seconds = sum(cost.tokens for cost in costs), sum(cost.seconds for cost in costs)
    if not pairs or (pairs < _PRICED and not ended) or not (tokens or seconds):
        return None
    head = "Per 1,000 pairs" if ended else "Projected per 1,000 pairs"
    time_ = duration(seconds * 1000 / pairs)
    return f"{head}: {compact(tokens * 1000 / pairs)} tokens, {time_} model time (summed over parallel calls)."


def _stages(event: dict[str, Any], known: _Known) -> Part:
    costs = {cost.stage: cost for cost in known.costs}
    rows: list[list[Cell]] = []
    for stage, (kept, dropped) in [("generated", (event["generated"], 0)), *event["stages"].items()]:
        entered, cost = kept + dropped, costs.get(stage)
        share = percent(kept / entered) if entered else "-"
        per = 1000 / known.pairs if known.pairs and cost else None
        price: list[Cell] = (
            [round(cost.tokens * per), round(cost.seconds * per, 1)] if per and cost and cost.calls else ["-", "-"]
        )
        rows.append([stage, entered, kept, share, dropped, *price])
    columns = ["stage", "entered", "passed", "share", "dropped", "tokens per 1,000 pairs", "model s per 1,000 pairs"]
    return table("Stages", columns, rows)


def _spend(spend: list[run_queries.StageSpend]) -> Part:
    rows: list[list[Cell]] = [
        [one.stage, one.requests, one.tokens_in, one.tokens_out, f"{one.cost_usd:.4f}"] for one in spend
    ]
    counts = zip(*((one.requests, one.tokens_in, one.tokens_out) for one in spend), strict=True)
    rows.append(["together", *map(sum, counts), f"{sum(one.cost_usd for one in spend):.4f}"])
    return table("Paid models", ["stage", "requests", "tokens in", "tokens out", "USD"], rows)


def _failures(failed: list[ErrorRow]) -> Part:
    rows: list[list[Cell]] = [[question_id(row.run_id, row.idx), row.stage, row.attempt, row.message] for row in failed]
    title = "Errors, newest first; a resume tries these questions again"
    return table(title, ["question", "stage", "attempt", "error"], rows)
