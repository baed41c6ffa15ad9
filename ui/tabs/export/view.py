"""What the page tells of an export: what it would be, how far it is, what it has come to. Parts of a sheet."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from engine.exports.background import Going
from engine.exports.preview import Look
from ui.components.sheet import Part, bar, sides, table, text
from ui.web.escape import clock

_LONGEST = 700
"""Characters of a row that are shown."""
_FIGURES = {
    "query_chars": "characters of a question",
    "response_chars": "characters of a solution",
    "response_tokens": "tokens of a solution (the solver's count)",
}


def look(seen: Look) -> list[Part]:
    """Counts, sizes, and the first rows as they would be written."""
    counts, plan = seen.counts, seen.plan
    total = counts["selected"]
    what = "dropped questions" if plan.form.view == "items" else "pairs"
    status = ", ".join(f"{n:,} {name}" for name, n in counts["status"].items())
    head = f"{total:,} {what}{f' ({status})' if status else ''}; filter: {filtered(plan.filter.to_dict())}."
    parts = [text(head, strong=True)]
    if counts["rejected_left_out"]:
        parts.append(text(f"{counts['rejected_left_out']:,} more match, but a reviewer rejected them: left out."))
    if not total:
        return [*parts, text("There is nothing to export: choose other pairs, or another format.")]
    if plan.format == "dpo":
        made = f"About {seen.written:,}" if seen.written else "None or few"
        parts.append(text(f"{made} of these make a row: those that have another sample with a lower reward and, "
                          "unless you choose so, another final answer."))  # fmt: skip
    if seen.splits:
        parts.append(text("; ".join(f"{split}: {n:,} rows" for split, n in seen.splits.items()) + "."))
    if seen.dropped is not None:
        parts.append(text(f"Beside them {seen.dropped:,} dropped questions, as the configuration rejected."))
    if seen.size:
        parts.append(text(f"About {size(seen.size)} before compression."))
    if seen.figures is not None and (rows := _figures(seen)):
        parts.append(table("How long the texts are", ["", "mean", "median", "95 %", "in all"], rows))
    rows = [[str(place + 1), _cut(row)] for place, row in enumerate(seen.rows)]
    if rows:
        parts.append(table(f"The first {len(rows)} as they would be written", ["", plan.format], rows))
    return parts


def card(seen: Look) -> list[Part]:
    """The dataset card as it would be written."""
    return [sides("README.md, but for the files' bytes", [{"title": "", "text": seen.card}])] if seen.card else []


def going(now: Going | None) -> list[Part]:
    """The export or comparison that is under way or was last."""
    if now is None:
        return []
    head = f"{now.what[:1].upper()}{now.what[1:]} ({now.path.name})"
    if now.ended:
        lines = now.message.replace(str(now.path), now.path.name).splitlines()
        return [text(f"{head}: ended.", strong=True), *(text(line) for line in lines)]
    event = now.event
    if not event or event.get("total") is None:
        return [text(f"{head}: choosing rows.", strong=True)]
    share = event["done"] / max(event["total"], 1)
    left = f", about {clock(event['eta_s'])} left" if event.get("eta_s") is not None else ""
    said = f"{head}: {event['done']:,} of {event['total']:,} rows ({share:.0%}){left}."
    return [text(said, strong=True), bar(share, said)]


def filtered(asked: Mapping[str, Any]) -> str:
    """A filter in few words."""
    said = "none" if not asked else json.dumps(asked, ensure_ascii=False)
    return said if len(said) <= 160 else f"{said[:160]}…"


def size(count: int) -> str:
    """``3.4 MB``."""
    for unit in ("bytes", "kB", "MB"):
        if count < 1000:
            return f"{count:,} {unit}" if unit == "bytes" else f"{count:.3g} {unit}"
        count = count / 1000  # type: ignore[assignment]
    return f"{count:,.3g} GB"


def _figures(seen: Look) -> list[list[str]]:
    assert seen.figures is not None
    found = []
    for name, title in _FIGURES.items():
        values = seen.figures.numbers[name]
        if len(values):
            cuts = (values.mean(), *np.quantile(values, (0.5, 0.95)), values.sum())
            found.append([title, *(f"{cut:,.0f}" for cut in cuts)])
    return found


def _cut(row: str) -> str:
    said = row.rstrip("\n")
    return said if len(said) <= _LONGEST else f"{said[:_LONGEST]} …"
