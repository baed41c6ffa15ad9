"""An export as parts of a sheet: the preview, the progress, and the result."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from engine.exports.preview import Look
from engine.jobs.runner import Job
from ui.components import sheet
from ui.components.sheet import Part, sides, table, text
from ui.web.escape import shorten, size

_PREFERENCE = "a pair needs a response that imported preferences reject, or another sample with a lower reward and, "
_PREFERENCE += "unless equal answers are included, a different final answer."
_SELF_TEST = (
    "The export runs the trainer's rule on a right and a wrong response of up to 100 rows and reports the result."
)
_LONGEST = 700  # characters of a row in the preview
_FIGURES = {
    "query_chars": "characters of a question",
    "response_chars": "characters of a solution",
    "response_tokens": "tokens of a solution (the solver's count)",
}


def look(seen: Look) -> list[Part]:
    """Counts, sizes, and the first rows as they would be written."""
    counts, plan = seen.counts, seen.plan
    total = counts["selected"]
    what = {"items": "dropped questions", "prompts": "prompts with a gold answer"}.get(plan.form.view, "pairs")
    status = ", ".join(f"{n:,} {name}" for name, n in counts["status"].items())
    head = f"{total:,} {what}{f' ({status})' if status else ''}; filter: {filtered(plan.filter.to_dict())}."
    parts = [text(head, strong=True)]
    if counts["rejected_left_out"]:
        parts.append(text(f"{counts['rejected_left_out']:,} more match but are left out: a reviewer rejected them."))
    if left := counts.get("uncheckable_left_out"):
        parts.append(text(f"{left:,} more have an answer that no rule can check: a filter by checkability, or Include "
                          "uncheckable answers, keeps them."))  # fmt: skip
    if not total:
        return [*parts, text("There is nothing to export: choose other pairs, or another format.")]
    if plan.format == "dpo":
        number = f"About {seen.written:,}" if seen.written else "Few or none"
        parts.append(text(f"{number} of these make a row: {_PREFERENCE}"))
    if plan.all_samples:
        parts.append(text(f"About {seen.written:,} samples of these make a row."))
    if plan.format == "rl":
        parts.append(text(_SELF_TEST))
    if seen.splits:
        parts.append(text("; ".join(f"{split}: {n:,} rows" for split, n in seen.splits.items()) + "."))
    if seen.dropped is not None:
        parts.append(text(f"Plus {seen.dropped:,} dropped questions, as the configuration rejected."))
    if seen.size:
        parts.append(text(f"About {size(seen.size)} before compression."))
    if seen.figures is not None and (rows := _figures(seen)):
        parts.append(table("Text lengths", ["", "mean", "median", "95th percentile", "total"], rows))
    rows = [[str(place + 1), shorten(row.rstrip("\n"), _LONGEST)] for place, row in enumerate(seen.rows)]
    if rows:
        parts.append(table(f"The first {len(rows)} rows as they would be written", ["", plan.format], rows))
    return parts


def card(seen: Look) -> list[Part]:
    return [sides("README.md, without the file sizes", [{"title": "", "text": seen.card}])] if seen.card else []


def progress(job: Job | None) -> list[Part]:
    """The export or verification that runs now, or the last one."""
    if job is None:
        return []
    path: Path = job.request.out if job.kind == "export" else job.request.manifest
    head, event = f"{job.title[:1].upper()}{job.title[1:]} ({path.name})", job.event
    if job.ended:
        lines = job.outcome.replace(str(path), path.name).splitlines()
        return [text(f"{head}: ended.", strong=True), *(text(line) for line in lines)]
    if not event or event.get("total") is None:
        return [text(f"{head}: selecting rows.", strong=True)]
    return sheet.progress(head, event, "rows")


def filtered(filter: Mapping[str, Any]) -> str:
    return shorten(json.dumps(filter, ensure_ascii=False), 160) if filter else "none"


def _figures(seen: Look) -> list[list[str]]:
    assert seen.figures is not None
    found = []
    for name, title in _FIGURES.items():
        values = seen.figures.numbers[name]
        if len(values):
            cuts = (values.mean(), *np.quantile(values, (0.5, 0.95)), values.sum())
            found.append([title, *(f"{cut:,.0f}" for cut in cuts)])
    return found
