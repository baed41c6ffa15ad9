"""What an export would be, before it is made: exact counts, its first rows as they would be written, about how large.

Writes nothing. Knows the store's verbs and no user interface.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import orjson

from engine.exports import dataset_card as card
from engine.exports.job import REJECTED, Counts
from engine.exports.plan import Plan
from engine.text.answers import settle
from store.database.sources import Source
from store.export import card_statistics, formats
from store.export import rows as export_rows
from store.export import splits as export_splits
from store.export.card_statistics import Figures
from store.export.rows import Cursor, Selected
from store.map import files as maps

_ROWS, _MEASURED = 5, 200


@dataclass(frozen=True, slots=True)
class Look:
    """``counts``: as the manifest's. ``splits``: rows by split, where they are told apart. ``rows``: the first, each as
    its text. ``written``: how many would be, of preference pairs estimated from ``_MEASURED``, as is ``size``: bytes
    before compression. ``figures``: of pairs. ``card``: of ``hf`` as it would be."""

    plan: Plan
    counts: dict[str, Any]
    splits: dict[str, int]
    dropped: int | None
    rows: list[str]
    written: int
    size: int
    figures: Figures | None
    card: str | None


def look(source: Source, plan: Plan) -> Look:
    """At what the plan would export now."""
    with source.cursor() as cursor, export_rows.moment(cursor):
        inside = maps.keys_in_area(source, plan.filter)
        chosen = export_rows.select(cursor, plan.form.view, plan.filter, inside=inside)
        total = chosen.rows.num_rows
        dropped = None
        if plan.format == "hf":
            dropped = export_rows.select(cursor, "items", plan.filter, inside=inside).rows.num_rows
        splits: dict[str, int] = {}
        if plan.validation and total:
            held = len(export_splits.held_out(cursor, chosen, plan.validation))
            splits = {"train": total - held, "validation": held}
        drawn = export_rows.sample(chosen, _MEASURED)
        texts = [text for some in drawn for text in _texts(cursor, some, plan)]
        looked_at = sum(some.rows.num_rows for some in drawn) or 1
        written = round(len(texts) / looked_at * total)
        size = round(sum(len(text.encode()) for text in texts) / looked_at * total)
        first = Selected(chosen.view, chosen.rows.slice(0, _MEASURED), 0)
        rows = _texts(cursor, first, plan)[:_ROWS] if total else []
        figures = card_statistics.figures(cursor, chosen) if total and plan.form.view == "pairs" else None
        counts, text = Counts(chosen).told(), None
        if plan.format == "hf" and total:
            files = {path: {"rows": splits.get(split, total)} for split, path in plan.files.items()}
            files |= {REJECTED: {"rows": dropped}} if dropped else {}
            text = card.text(cursor, plan, chosen, [r for r in source.runs() if r.run_id in counts["runs"]], files)
    return Look(plan, counts, splits, dropped, rows, written, size, figures, text)


def _texts(cursor: Cursor, chosen: Selected, plan: Plan) -> list[str]:
    """The rows as they would be written; those of Parquet as JSON. Whether two answers are one is told where that is
    plain."""

    def same(one: str, other: str) -> bool:
        return settle(one, other) is True

    alike = None if plan.same_answers else same
    found: list[str] = []
    for part in export_rows.read(cursor, chosen, plan.form, plan.columns, alike):
        if formats.line(plan.form, plan.columns) is not None:
            found += part["line"].to_pylist()
        else:
            found += [orjson.dumps(row).decode() + "\n" for row in part.drop_columns(["q"]).to_pylist()]
    return found
