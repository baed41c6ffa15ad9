"""The preview of an export: exact counts, its first rows as they would be written, and its estimated size."""

from dataclasses import dataclass
from typing import Any

import orjson

from engine.exports import dataset_card
from engine.exports.job import REJECTED, Counts
from engine.exports.plan import Plan
from engine.exports.rl_rows import RlRows, measured_models
from engine.text.answers import settle
from store.database.sources import Source
from store.export import card_statistics
from store.export.card_statistics import Figures
from store.export.rows import Cursor, Selected, read, read_transaction, sample, select
from store.export.splits import held_out
from store.map.files import keys_in_area

_ROWS, _MEASURED = 5, 200


@dataclass(frozen=True, slots=True)
class Look:
    """``counts`` as in the manifest; ``splits``: rows by split, with --validation; ``rows``: the first ones as text.
    ``written``: the number of rows (for preference pairs an estimate) and ``size``, the estimated bytes before
    compression, both from ``_MEASURED`` rows. ``figures``: of pairs. ``card``: the dataset card of ``hf``."""

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
    """Preview the plan on the current rows."""
    with source.cursor() as cursor, read_transaction(cursor):
        inside = keys_in_area(source, plan.filter)
        chosen = select(cursor, plan.form.view, plan.filter, inside=inside, checkable=plan.checkable)
        total = chosen.rows.num_rows
        dropped = None
        if plan.format == "hf":
            dropped = select(cursor, "items", plan.filter, inside=inside).rows.num_rows
        splits: dict[str, int] = {}
        if plan.validation and total:
            held = len(held_out(cursor, chosen, plan.validation))
            splits = {"train": total - held, "validation": held}
        drawn = sample(chosen, _MEASURED)
        texts = [text for some in drawn for text in _texts(cursor, some, plan)]
        looked_at = sum(some.rows.num_rows for some in drawn) or 1
        written = round(len(texts) / looked_at * total)
        size = round(sum(len(text.encode()) for text in texts) / looked_at * total)
        first = Selected(chosen.view, chosen.rows.slice(0, _MEASURED), 0)
        rows = _texts(cursor, first, plan)[:_ROWS] if total else []
        figures = card_statistics.figures(cursor, chosen) if total and plan.form.view == "pairs" else None
        counts, text = Counts(chosen).to_dict(), None
        if plan.format == "hf" and total:
            files = {path: {"rows": splits.get(split, total)} for split, path in plan.files.items()}
            files |= {REJECTED: {"rows": dropped}} if dropped else {}
            text = dataset_card.text(
                cursor, plan, chosen, [r for r in source.runs() if r.run_id in counts["runs"]], files
            )
    return Look(plan, counts, splits, dropped, rows, written, size, figures, text)


def _texts(cursor: Cursor, chosen: Selected, plan: Plan) -> list[str]:
    """The rows as they would be written, Parquet rows as JSON. Answers count as equal only where a quick comparison
    says so."""

    same = None if plan.same_answers else (lambda one, other: settle(one, other) is True)
    texts: list[str] = []
    rl = RlRows(plan.trainer, measured_models(cursor, chosen), chosen) if plan.format == "rl" else None
    how: dict[str, Any] = {"reasoning": plan.place_of_reasoning, "all_samples": plan.all_samples}
    for part in read(cursor, chosen, plan.form, plan.columns, same, **how):
        rows = rl.table(part, "train") if rl else part.drop_columns(["q"])
        if "line" in rows.column_names:
            texts += rows["line"].to_pylist()
        else:
            texts += [orjson.dumps(row).decode() + "\n" for row in rows.to_pylist()]
    return texts
