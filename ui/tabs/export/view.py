"""An export as parts of a sheet: the preview, the progress, and the result."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from engine.exports.preview import Look
from engine.jobs.runner import Job
from store.errors import InputError
from store.filters.filter import Filter
from ui.components import sheet
from ui.components.sheet import Part, table, text
from ui.tabs.explore import labels
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


def look(seen: Look, runs: dict[str, str]) -> list[Part]:
    """Counts, sizes, and the first rows as they would be written. ``runs``: names by id."""
    counts, plan = seen.counts, seen.plan
    total = counts["selected"]
    what = {"items": "dropped questions", "prompts": "prompts with a gold answer"}.get(plan.form.view, "pairs")
    status = ", ".join(f"{n:,} {name}" for name, n in counts["status"].items())
    head = f"{total:,} {what}{f' ({status})' if status else ''}; filter: {filtered(plan.filter.to_dict(), runs)}."
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


def rows_written(seen: Look) -> bool:
    """Whether the export would write any row."""
    return bool(seen.counts["selected"]) and (seen.plan.format == "dpo" or bool(seen.written))


def card(seen: Look) -> str:
    """The dataset card as Markdown, its header for ``datasets`` as code at the end; empty for other formats."""
    if not seen.card:
        return ""
    _, header, body = seen.card.split("---\n", 2)
    return f"*README.md, without the file sizes*\n\n{body.strip()}\n\n## Header\n\n```yaml\n{header}```\n"


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


def filtered(filter: Mapping[str, Any], runs: dict[str, str]) -> str:
    """The filter in words; that of an older manifest, which this version cannot read, as it is."""
    if not filter:
        return "none"
    try:
        return labels.filter_words(Filter.from_json(dict(filter)), runs)
    except InputError:
        return shorten(json.dumps(filter, ensure_ascii=False), 160)


def _figures(seen: Look) -> list[list[str]]:
    assert seen.figures is not None
    found = []
    for name, title in _FIGURES.items():
        values = seen.figures.numbers[name]
        if len(values):
            cuts = (values.mean(), *np.quantile(values, (0.5, 0.95)), values.sum())
            some = f", of {len(values):,} rows" if len(values) < seen.figures.rows else ""
            found.append([f"{title}{some}", *(f"{cut:,.0f}" for cut in cuts)])
    return found
