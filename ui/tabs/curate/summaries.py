"""The contents of Curate's panels as sentences and plain tables; each is an entry of PANELS."""

import shlex
from collections.abc import Callable, Mapping
from typing import Any

from pydantic import Field

from store.database.sources import SourceSelector
from store.explore import query
from store.filters.filter import Filter
from store.frame.cache import Frames
from store.frame.frame import Selection
from store.review import metrics, preferences, queues, reviewers
from store.statistics import percent, percents
from ui.tabs.curate.review_item import details
from ui.tabs.explore import labels
from ui.web.escape import plural, three, visible
from ui.web.requests import FilterField, Reply, ReviewerRequest, Text

_PAGE = 50  # entries of the history in one reply


class PanelRequest(ReviewerRequest):
    """``of`` and ``before`` (the ``turn`` of an entry) are for the history alone, ``blind`` is for the agreement."""

    panel: Text
    filter: FilterField = Filter()
    of: Text = ""
    before: int = Field(0, ge=0, lt=2**63)
    blind: bool = False


def _estimates(sources: SourceSelector, frames: Frames, request: PanelRequest) -> Reply:
    rows = []
    for queue in queues.listed(sources.workspace.path):
        found = metrics.estimate(sources.workspace, queue)
        sentence = found.sentence if found.refused is None else found.refused
        counts = [found.accepted, found.rejected, found.skipped, queue.of]
        rows.append({"cells": [visible(queue.name), queue.order, *counts, visible(sentence)]})
    head = ["queue", "order", "accepted", "rejected", "skipped", "rows in the filter", "estimate, 95\u00a0% interval"]
    note = "An estimate needs rows drawn with a known probability. It uses all reviewers' decisions in the queue."
    return {"notes": [note] if rows else ["There are no queues yet."], "tables": [_table("", head, rows)]}


def _audit(sources: SourceSelector, frames: Frames, request: PanelRequest) -> Reply:
    selection, words = _selected(sources, frames, request)
    deciles = metrics.reward_audit(selection)
    rows = []
    for d in deciles:
        share = _share(d.rate, d.interval_low, d.interval_high)
        rows.append({"cells": [f"{three(d.low)} to {three(d.high)}", d.pairs, d.accepted, d.rejected, share]})
    decided = [(i, d) for i, d in enumerate(deciles, 1) if d.rate is not None]
    chart = {
        "x": [i for i, _ in decided],
        "y": [d.rate for _, d in decided],
        "low": [d.interval_low for _, d in decided],
        "high": [d.interval_high for _, d in decided],
        "n": [d.accepted + d.rejected for _, d in decided],
        "title": "Share accepted by reviewers, by reward decile",
    }
    notes = [f"Pairs of {words}. With a good reward model, the share rises from the first decile to the last."]
    if not decided:
        notes.append("No pair with a reward has been accepted or rejected yet.")
    head = ["reward", "pairs", "accepted", "rejected", "share accepted, 95\u00a0% interval"]
    return {"notes": notes, "chart": chart if decided else None, "tables": [_table("", head, rows)]}


def _calibration(sources: SourceSelector, frames: Frames, request: PanelRequest) -> Reply:
    selection, words = _selected(sources, frames, request)
    rows = []
    for one in metrics.calibration(sources.workspace, selection):
        counts = [one.kept_accepted, one.kept_rejected, one.dropped_accepted, one.dropped_rejected]
        rates = [
            "" if rate is None else _share(rate.value, rate.low, rate.high) for rate in (one.precision, one.recall)
        ]
        rows.append({"cells": [one.stage, *counts, *rates, visible(one.note or "")]})
    counted = ["kept, accepted", "kept, rejected", "dropped, accepted", "dropped, rejected"]
    notes = [
        f"Questions of {words}. Precision: of the questions that a stage keeps, the share that reviewers accept. "
        "Recall: of the questions that reviewers accept, the share that the stage keeps. To measure both, review a "
        "queue of rejected rows too."
    ]
    if not rows:
        notes.append("No question has been accepted or rejected yet.")
    return {"notes": notes, "tables": [_table("", ["stage", *counted, "precision", "recall", ""], rows)]}


def _reviewers(sources: SourceSelector, frames: Frames, request: PanelRequest) -> Reply:
    source = sources.workspace
    rows = []
    for r in reviewers.reviewers(source):
        counts = [r.accepted, r.rejected, r.skipped, r.edits, r.tags, r.notes, r.bulk]
        rows.append({"cells": [visible(r.name), *counts, _when(r.last_at)]})
    agreement = reviewers.agreement(source, blind=request.blind)
    pairs = [
        {"cells": [f"{visible(p.a)} and {visible(p.b)}", p.n, p.agreed, "" if p.kappa is None else f"{p.kappa:.2f}"]}
        for p in agreement.pairs
    ]
    differences = [
        {
            "cells": [
                d.question_id,
                "; ".join(_verdict(verdict) for verdict in d.verdicts),
                "open" if d.settled is None else f"{d.settled[1]}, by {visible(d.settled[0])}",
            ],
            "open": d.question_id,
        }
        for d in agreement.differ
    ]
    note = f"No question has been reviewed {'blind ' if request.blind else ''}by two or more people yet."
    if agreement.rows:
        note = (
            f"{plural(agreement.rows, 'question')} reviewed {'blind ' if request.blind else ''}by two or more people, "
            f"who agree on {agreement.agreed:,}. "
            "Cohen's kappa is agreement beyond chance: 0 is chance, 1 is full agreement."
        )
    blind = (
        "A decision is blind if it was the first on its question, or if other reviewers' decisions were hidden. "
        "Reviewers who see what others decided tend to follow them, which makes agreement look better than it is."
    )
    head = ["reviewer", "accepted", "rejected", "skipped", "edits", "tags", "notes", "of these in bulk", "last"]
    return {
        "notes": [note, blind] if rows else ["There are no decisions yet."],
        "blind": request.blind if rows else None,
        "unsettled": len(reviewers.disagreements(source)),
        "tables": [
            _table("", head, rows),
            _table("Pairs of reviewers", ["reviewers", "reviewed by both", "agree", "kappa"], pairs),
            _table("Disagreements", ["question", "decisions", "settled"], differences),
        ],
    }


def _verdict(verdict: Mapping[str, Any]) -> str:
    reason = f" ({visible(str(verdict['reason']))})" if verdict.get("reason") else ""
    return f"{visible(str(verdict['reviewer']))}: {verdict['action']}{reason}"


def _history(sources: SourceSelector, frames: Frames, request: PanelRequest) -> Reply:
    before, reviewer = request.before or None, request.of or None
    entries = reviewers.history(sources.workspace, reviewer=reviewer, before=before, most=_PAGE)
    rows = []
    for entry in entries:
        told = details(entry.payload, 120)
        of = f"{entry.count:,} questions" if entry.question_id is None else entry.question_id
        row: dict[str, Any] = {"cells": [_when(entry.created_at), visible(entry.reviewer), entry.action, of, told]}
        if entry.question_id is not None:
            row["open"] = entry.question_id
        if entry.in_force and entry.action != "undo":
            row["undo"] = entry.event_id
        else:
            row["gone"] = entry.action != "undo"  # an undo cannot be undone
        rows.append(row)
    head = ["when (UTC)", "reviewer", "decision", "of", "details", ""]
    more = entries[-1].turn if len(entries) == _PAGE else None
    notes = [] if rows else ["There are no decisions yet."]
    return {"notes": notes, "tables": [_table("", head, rows)], "more": more}


def _pairs(sources: SourceSelector, frames: Frames, request: PanelRequest) -> Reply:
    with sources.workspace.cursor() as cursor:
        reviews, stored = preferences.reviewed_questions(cursor), len(preferences.pairs(cursor))
    edited = sum(review.query != review.text and review.status != "rejected" for review in reviews)
    accepted, rejected = (sum(review.status == status for review in reviews) for status in ("accepted", "rejected"))
    notes = [
        "Preference pairs train the next generator (QPO). An edited question is preferred to its original, and an "
        "accepted question to a rejected one of the same kind.",
        f"From reviews: {plural(edited, 'edited question')}, {accepted:,} accepted and {rejected:,} rejected. "
        f"Stored in this workspace: {plural(stored, 'pair')}.",
    ]
    command = f"scalequest train qpo --workspace {shlex.quote(str(sources.workspace.path))}"
    possible = bool(edited or (accepted and rejected))
    return {"notes": notes, "tables": [], "make": possible, "command": command if stored else None}


def _selected(sources: SourceSelector, frames: Frames, request: PanelRequest) -> tuple[Selection, str]:
    """The rows of Explore's filter, and that filter in words."""
    source = sources.workspace
    return query.select(source, frames.of(source), request.filter), rows_in_words(sources, request.filter)


def rows_in_words(sources: SourceSelector, filter: Filter) -> str:
    """Which rows a filter of Explore's selects."""
    words = labels.filter_words(filter, {run.run_id: run.name for run in sources.workspace.runs()})
    return f"Explore's current filter ({words})" if words else "the whole workspace (Explore has no filter)"


def _table(title: str, head: list[str], rows: list[dict[str, Any]]) -> dict[str, Any]:
    return {"title": title, "head": head, "rows": rows}


def _share(rate: float | None, low: float, high: float) -> str:
    return "" if rate is None else f"{percent(rate)}, {percents(low, high)}"


def _when(time: Any) -> str:
    return "" if time is None else f"{time:%Y-%m-%d %H:%M}"


PANELS: dict[str, Callable[[SourceSelector, Frames, PanelRequest], Reply]] = {
    "estimates": _estimates,
    "audit": _audit,
    "calibration": _calibration,
    "reviewers": _reviewers,
    "history": _history,
    "pairs": _pairs,
}
