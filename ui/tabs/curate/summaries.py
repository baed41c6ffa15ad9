"""What the panels below the card tell, as sentences and plain tables: estimates, the reward audit, the filters'
calibration, reviewers, history, preference pairs.

Each is one entry of PANELS. Knows neither SQL nor Gradio.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from typing import Any

from store.database.sources import SourceSelector
from store.explore import query
from store.filters.filter import Filter
from store.frame.cache import Frames
from store.review import metrics, preferences, queues, reviewers
from ui.tabs.explore import labels
from ui.tabs.explore.saved_views import read
from ui.web.escape import three, visible
from ui.web.request_fields import field, whole

_PAGE = 50
Panel = dict[str, Any]


def _estimates(sources: SourceSelector, frames: Frames, asked: Any) -> Panel:
    rows = []
    for queue in queues.listed(sources.workspace.path):
        found = metrics.estimate(sources.workspace, queue)
        said = found.sentence if found.refused is None else found.refused
        counts = [found.accepted, found.rejected, found.skipped, queue.of]
        rows.append({"cells": [visible(queue.name), queue.order, *counts, visible(said)]})
    head = ["queue", "order", "accepted", "rejected", "skipped", "rows of the filter", "estimate, 95 % interval"]
    note = "Only rows drawn with a known probability tell of the others; all reviewers' decisions in a queue count."
    return {"notes": [note] if rows else ["There is no queue yet."], "tables": [_table("", head, rows)]}


def _audit(sources: SourceSelector, frames: Frames, asked: Any) -> Panel:
    chosen, of = _chosen(sources, frames, asked)
    found = metrics.reward_audit(chosen)
    rows = []
    for d in found:
        share = _share(d.rate, d.interval_low, d.interval_high)
        rows.append({"cells": [f"{three(d.low)} to {three(d.high)}", d.pairs, d.accepted, d.rejected, share]})
    told = [(i, d) for i, d in enumerate(found, 1) if d.rate is not None]
    chart = {
        "x": [i for i, _ in told],
        "y": [d.rate for _, d in told],
        "low": [d.interval_low for _, d in told],
        "high": [d.interval_high for _, d in told],
        "n": [d.accepted + d.rejected for _, d in told],
        "title": "Share that reviewers accepted, by decile of the reward",
    }
    notes = [f"Pairs of {of}. If the reward is any good, the share rises from the first decile to the last."]
    if not told:
        notes.append("Nobody has accepted or rejected a pair with a reward here yet.")
    head = ["reward", "pairs", "accepted", "rejected", "share accepted, 95 % interval"]
    return {"notes": notes, "chart": chart if told else None, "tables": [_table("", head, rows)]}


def _calibration(sources: SourceSelector, frames: Frames, asked: Any) -> Panel:
    chosen, of = _chosen(sources, frames, asked)
    found = metrics.calibration(sources.workspace, chosen)
    rows = []
    for one in found:
        counts = [one.kept_accepted, one.kept_rejected, one.dropped_accepted, one.dropped_rejected]
        rates = [
            "" if rate is None else _share(rate.value, rate.low, rate.high) for rate in (one.precision, one.recall)
        ]
        rows.append({"cells": [one.stage, *counts, *rates, visible(one.note or "")]})
    counted = ["kept, accepted", "kept, rejected", "dropped, accepted", "dropped, rejected"]
    head = ["stage", *counted, "precision", "recall", ""]
    notes = [
        f"Questions of {of}. Precision: of what a stage keeps, the share that people accept. Recall: of what people "
        "accept, the share that it keeps; a question that it dropped and a person accepts is a false reject. "
        "Review a queue of rejected rows to have both."
    ]
    if not rows:
        notes.append("Nobody has accepted or rejected a question here yet.")
    return {"notes": notes, "tables": [_table("", head, rows)]}


def _reviewers(sources: SourceSelector, frames: Frames, asked: Any) -> Panel:
    source = sources.workspace
    head = ["reviewer", "accepted", "rejected", "skipped", "edits", "tags", "notes", "of these in bulk", "last"]
    rows = []
    for r in reviewers.reviewers(source):
        counts = [r.accepted, r.rejected, r.skipped, r.edits, r.tags, r.notes, r.bulk]
        rows.append({"cells": [visible(r.name), *counts, _when(r.last_at)]})
    found = reviewers.agreement(source)
    pairs_of = [
        {"cells": [f"{visible(p.a)} and {visible(p.b)}", p.n, p.agreed, "" if p.kappa is None else f"{p.kappa:.2f}"]}
        for p in found.pairs
    ]
    differ = [
        {
            "cells": [d.question_id, "; ".join(_verdict(verdict) for verdict in d.verdicts)],
            "open": d.question_id,
        }
        for d in found.differ
    ]
    notes = ["No question was judged by two or more people yet."]
    if found.rows:
        notes = [
            f"{found.rows:,} {'question was' if found.rows == 1 else 'questions were'} judged by two or more people, "
            f"who agree on {found.agreed:,}. Kappa is agreement beyond chance: 0 is chance, 1 is full."
        ]
    return {
        "notes": notes if rows else ["Nobody has decided anything yet."],
        "tables": [
            _table("", head, rows),
            _table("Two reviewers", ["reviewers", "both judged", "agree", "kappa"], pairs_of),
            _table("Where they differ", ["question", "verdicts"], differ),
        ],
    }


def _verdict(verdict: Mapping[str, Any]) -> str:
    reason = f" ({visible(str(verdict['reason']))})" if verdict.get("reason") else ""
    return f"{visible(str(verdict['reviewer']))}: {verdict['action']}{reason}"


def _history(sources: SourceSelector, frames: Frames, asked: Any) -> Panel:
    name = field(asked, "of")
    before = whole(asked, "before", 0) or None
    wanted = name if isinstance(name, str) and name else None
    found = reviewers.history(sources.workspace, reviewer=wanted, before=before, most=_PAGE)
    rows = []
    for entry in found:
        parts = [(k, v) for k, v in entry.payload.items() if k not in ("event_id", "batch_id")]
        told = ", ".join(f"{k}: {visible(str(v))[:120]}" for k, v in parts)
        of = f"{entry.count:,} questions" if entry.question_id is None else entry.question_id
        row: dict[str, Any] = {"cells": [_when(entry.created_at), visible(entry.reviewer), entry.action, of, told]}
        if entry.question_id is not None:
            row["open"] = entry.question_id
        if entry.in_force and entry.action != "undo":
            row["undo"] = entry.event_id
        else:
            row["gone"] = entry.action != "undo"  # an undo stands
        rows.append(row)
    head = ["when (UTC)", "reviewer", "decision", "of", "with", ""]
    more = found[-1].turn if len(found) == _PAGE else None
    return {"notes": [] if rows else ["Nothing was decided yet."], "tables": [_table("", head, rows)], "more": more}


def _pairs(sources: SourceSelector, frames: Frames, asked: Any) -> Panel:
    with sources.workspace.cursor() as cursor:
        found, stored = preferences.reviewed_questions(cursor), len(preferences.pairs(cursor))
    edited = sum(review.query != review.text and review.status != "rejected" for review in found)
    accepted, rejected = (sum(review.status == status for review in found) for status in ("accepted", "rejected"))
    notes = [
        "An edit is preferred to what it edits, an accepted question to a rejected one of its kind: pairs for the next "
        "generator (QPO).",
        f"From reviews: {edited:,} edited {'question' if edited == 1 else 'questions'}; {accepted:,} accepted and "
        f"{rejected:,} rejected to pair. Stored in this workspace: {stored:,} {'pair' if stored == 1 else 'pairs'}.",
    ]
    can = bool(edited or (accepted and rejected))
    command = f"scalequest train qpo --workspace {shlex.quote(str(sources.workspace.path))}"
    return {"notes": notes, "tables": [], "make": can, "command": command if stored else None}


def _chosen(sources: SourceSelector, frames: Frames, asked: Any) -> tuple[Any, str]:
    """The rows of Explore's filter, and what they are called."""
    wanted, source = read(field(asked, "filter")), sources.workspace
    return query.select(source, frames.of(source), wanted), in_words(sources, wanted)


def in_words(sources: SourceSelector, wanted: Filter) -> str:
    """Which rows a filter of Explore's means."""
    names = {run.run_id: run.name for run in sources.workspace.runs()}
    said = ", ".join(part["text"] for part in labels.parts(wanted, names))
    return f"what Explore shows now ({said})" if said else "the whole workspace (Explore has no filter now)"


def _table(title: str, head: list[str], rows: list[dict[str, Any]]) -> dict[str, Any]:
    return {"title": title, "head": head, "rows": rows}


def _share(rate: float | None, low: float, high: float) -> str:
    return "" if rate is None else f"{rate:.0%}, {low:.0%} to {high:.0%}".replace("%", " %")


def _when(time: Any) -> str:
    return "" if time is None else f"{time:%Y-%m-%d %H:%M}"


PANELS: dict[str, Callable[[SourceSelector, Frames, Any], Panel]] = {
    "estimates": _estimates,
    "audit": _audit,
    "calibration": _calibration,
    "reviewers": _reviewers,
    "history": _history,
    "pairs": _pairs,
}
