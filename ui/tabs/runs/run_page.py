"""The page of one run: what it is, its funnel with links into Explore, what was dropped, its errors and its cost.

What needs a query is read once for a run that has ended, and every few seconds for an active one, for all pages
together.
"""

import threading
import time
from typing import Any

from engine.job_registry import JobRegistry
from store.database import run_queries
from store.database.workspace import Workspace
from store.errors import InputError
from store.records import Run, question_id
from ui.components.sheet import Cell, Part, link, table, text, when
from ui.tabs.runs.list import LIVE, Listed, cost_words, status_words, took
from ui.tabs.runs.progress import price
from ui.web.escape import percent, shorten

_EVERY = 5.0  # seconds for which what was read of an active run is shown
_EXAMPLES = 2  # questions that are shown of each stage's drops
_LONGEST = 160  # characters of an example
_KEPT = 20  # pages in the cache
_KINDS = {"generate": "generated", "live": "sampled live", "import": "imported"}


class RunPage:
    """Safe from any thread."""

    def __init__(self, workspace: Workspace, jobs: JobRegistry, listed: Listed) -> None:
        self._workspace, self._jobs, self._listed = workspace, jobs, listed
        self._lock = threading.Lock()
        self._read: dict[str, tuple[object, float, list[Part]]] = {}

    def parts(self, chosen: str | None, runs: list[Run]) -> list[Part]:
        """The chosen run, or the list of live samples; nothing where none is chosen."""
        if chosen == LIVE:
            return [self._listed.samples_part(runs)]
        run = next((one for one in runs if one.run_id == chosen), None)
        if run is None:
            return []
        state = (run.status, run.ended_at, self._jobs.ended[run.run_id])
        with self._lock:
            known = self._read.get(run.run_id)
            if known is None or known[0] != state or (run.ended_at is None and time.monotonic() - known[1] > _EVERY):
                try:
                    parts = self._parts(run)
                except InputError:  # deleted meanwhile
                    return []
                while len(self._read) >= _KEPT:
                    del self._read[next(iter(self._read))]
                known = self._read[run.run_id] = (state, time.monotonic(), parts)
            return known[2]

    def _parts(self, run: Run) -> list[Part]:
        with self._workspace.cursor() as cursor:
            funnel = run_queries.funnel(cursor, run.run_id)
            not_run = run_queries.stages_not_run(cursor, run.run_id)
            examples = run_queries.dropped_examples(cursor, run.run_id, _EXAMPLES)
            costs = run_queries.costs(cursor, run.run_id)
            failed = run_queries.failures(cursor, run.run_id, newest_first=True)
        counts = self._listed.count(run)
        parts = [text(run.name or run.run_id, strong=True), table("", ["", ""], _facts(run, counts))]
        if run.error:
            parts.append(text(run.error))
        if counts.questions:
            parts.append(_funnel(run, funnel, not_run))
        if examples:
            shown: list[list[Cell]] = [
                [
                    one.stage,
                    one.reason or "-",
                    link(shorten(one.text, _LONGEST) or one.question_id, row=one.question_id),
                ]
                for one in examples
            ]
            parts.append(table("Examples of dropped questions", ["stage", "reason", "question"], shown))
        if any(cost.calls for cost in costs):
            parts += [_costs(costs)]
            if (said := price(costs, funnel[-1].kept if funnel else 0, run.ended_at is not None)) is not None:
                parts.append(text(said))
        if failed:
            errors: list[list[Cell]] = [
                [_place(run, row.idx), row.stage, row.attempt, shorten(row.message, _LONGEST)] for row in failed
            ]
            more = f", the newest {len(failed)} of {counts.errors:,}" if counts.errors > len(failed) else ""
            parts.append(table(f"Errors{more}", ["where", "stage", "attempt", "error"], errors))
        return parts


def _place(run: Run, idx: int) -> str:
    return f"row {idx:,}" if run.kind == "import" else question_id(run.run_id, idx)


def _facts(run: Run, counts: run_queries.Counts) -> list[list[Cell]]:
    config = run.config
    profile: Any = config.get("profile")
    facts: list[tuple[str, Cell]] = [
        ("run", run.run_id),
        ("status", f"{_KINDS.get(run.kind, run.kind)}, {status_words(run)}"),
        ("started", when(run.created_at)),
        ("took", took(run)),
        ("questions", link(f"{counts.questions:,}", filter={"run": [run.run_id]})),
        ("pairs", link(f"{counts.pairs:,}", filter={"run": [run.run_id], "stage": "pair"})),
    ]
    if isinstance(profile, dict):
        facts.append(("profile", str(profile.get("name") or "-")))
        generators = [str(one.get("name")) for one in profile.get("generators") or () if isinstance(one, dict)]
        facts.append(("generators", ", ".join(generators) or "-"))
    if run.kind == "import":
        facts.append(("source", str(config.get("source") or "-")))
    else:
        facts.append(("seed", str(run.seed)))
    if counts.cost_usd is not None:
        facts.append(("cost", cost_words(counts.cost_usd)))
    return [list(fact) for fact in facts]


def _funnel(run: Run, funnel: list[Any], not_run: set[str]) -> Part:
    """What each stage passed and dropped; drops and questions that wait are links."""
    rows: list[list[Cell]] = []
    for row in funnel:
        if row.stage in not_run:
            rows.append([row.stage, "not run", "-", "-", "-", _count(row.pending)])
            continue
        where = {"run": [run.run_id], "drop_stage": [row.stage]}
        dropped: Cell = link(f"{row.dropped:,}", filter=where) if row.dropped else 0
        share = percent(row.kept / row.entered) if row.entered else "-"
        rows.append([row.stage, _count(row.entered), _count(row.kept), share, dropped, _count(row.pending)])
    waiting = sum(row.pending for row in funnel if row.stage == "solution")
    title = "Funnel"
    if run.kind == "import" and waiting:
        title += f": {waiting:,} questions have no solutions yet (prompts)"
    return table(title, ["stage", "entered", "passed", "share", "dropped", "pending"], rows)


def _count(number: int) -> Cell:
    return number or "-"


def _costs(costs: list[run_queries.Cost]) -> Part:
    rows: list[list[Cell]] = [
        [cost.stage, cost.calls, cost.tokens, round(cost.seconds, 1)] for cost in costs if cost.calls
    ]
    return table("Cost", ["stage", "model calls", "tokens", "model s"], rows)
