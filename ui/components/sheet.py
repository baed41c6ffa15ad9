"""A sheet: sentences, progress bars, tables and texts side by side in one component, updated in place.

The data travels as the component's value (JSON) and is set as text by ``assets/static/components/sheet``, never as
markup.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import gradio as gr

from ui.web import assets
from ui.web.escape import clock, percent, visible

Part = dict[str, Any]
Cell = str | int | float | dict[str, Any]
"""A text, a number, or what ``link`` and ``when`` give."""

_NUMBER = re.compile(r"-|not run|[-+]?\d[\d.,]*(e-?\d+)?([ \u00a0]?%| points)?")


def sheet(elem_id: str, sentence: str = "", *, address: str = "") -> gr.HTML:
    """A sheet with this sentence, or empty; give it ``value(parts)``. ``address``: the parameter of the page's address
    that names the chosen row of its tables, so that Back returns to the row before."""
    first = value([text(sentence)]) if sentence else "[]"
    return gr.HTML(
        first, **assets.component("components/sheet", "choose"), elem_id=elem_id, padding=False, address=address
    )


def chosen_key(event: gr.EventData) -> str | None:
    """The key of the row that was chosen, as an event ``choose`` of a sheet says it."""
    key = event._data.get("key") if isinstance(event._data, dict) else None
    return key if isinstance(key, str) else None


def link(words: str, *, filter: Mapping[str, Any] | None = None, row: str | None = None) -> Cell:
    """A cell that shows questions in Explore: those of a filter, or the story of one."""
    wanted = {"filter": dict(filter)} if filter is not None else {"row": row}
    return {"text": visible(words), "explore": wanted}


def when(time: datetime) -> Cell:
    """A cell with a time, which the page shows in the reader's own zone and, as its title, in UTC."""
    return {"text": f"{time:%Y-%m-%d %H:%M:%S} UTC", "time": time.astimezone(UTC).isoformat(timespec="seconds")}


def value(parts: Sequence[Part]) -> str:
    """Parts as the sheet's value; an empty text where there are none."""
    data = json.dumps(list(parts) or [text("")], ensure_ascii=False)
    return data.replace("<", "\\u003c")  # Gradio warns of a tag in a value


def text(sentence: str, strong: bool = False) -> Part:
    return {"kind": "text", "text": visible(sentence), "strong": strong}


def bar(share: float, label: str) -> Part:
    """``share`` in [0, 1]; ``label`` is what a screen reader says."""
    return {"kind": "bar", "share": share, "label": label}


def progress(head: str, event: Mapping[str, Any], noun: str = "", *, estimated: bool = False) -> list[Part]:
    """A job's progress as a sentence and a bar. ``estimated``: the total is."""
    sentence = f"{head}: {progress_line(event, noun, estimated=estimated)}."
    return [text(sentence, strong=True), bar(event["done"] / max(event["total"], 1), sentence)]


def progress_line(event: Mapping[str, Any], noun: str = "", *, estimated: bool = False) -> str:
    """``1,200 of 3,000 rows (40 %), about 9 s left``."""
    done, total, eta = event["done"], event["total"], event.get("eta_s")
    left = f", about {clock(eta)} left" if eta is not None else ""
    of = f"{'about ' if estimated else ''}{total:,}{f' {noun}' if noun else ''}"
    return f"{done:,} of {of} ({percent(done / max(total, 1))}){left}"


def table(
    title: str,
    columns: Sequence[str],
    rows: Sequence[Sequence[Cell]],
    *,
    keys: Sequence[str] | None = None,
    chosen: str | None = None,
) -> Part:
    """Columns of numbers are aligned to the right; the browser adds thousands separators. With ``keys``, one a row, a
    row can be chosen: the sheet then emits ``choose``. ``chosen``: the key of the row that is.
    """
    right = [_all_numbers([row[i] for row in rows]) for i in range(len(columns))]
    cells = [[visible(cell) if isinstance(cell, str) else cell for cell in row] for row in rows]
    part = {"kind": "table", "title": title, "columns": list(columns), "rows": cells, "right": right}
    return part | ({"keys": list(keys), "chosen": chosen} if keys is not None else {})


def _all_numbers(cells: Sequence[Cell]) -> bool:
    """Whether a column has numbers, and nothing but numbers and what stands for none."""
    texts = [str(cell["text"] if isinstance(cell, dict) else cell) for cell in cells]
    return all(_NUMBER.fullmatch(text) for text in texts) and any(any(map(str.isdigit, text)) for text in texts)


def sides(title: str, texts: Sequence[dict[str, str]]) -> Part:
    """Texts side by side as they were written, each ``{"title", "text"}``; below each other on a narrow page."""
    columns = [{"title": visible(one["title"]), "text": visible(one["text"])} for one in texts]
    return {"kind": "sides", "title": title, "sides": columns}


def updates(look: Callable[..., list[Any]], inputs: Any, outputs: list[Any]) -> dict[str, Any]:
    """Arguments of an event that brings a page up to date; 20 pages may be updated at the same moment.

    ``look`` gives the current state, then ``changes`` from what this page has ``seen``, its first input.
    """
    event: dict[str, Any] = {"fn": look, "inputs": inputs, "outputs": outputs}
    return event | {"show_progress": "hidden", "concurrency_limit": 20}


def changes(seen: dict[str, Any], now: dict[str, dict[str, Any]]) -> list[Any]:
    """An update for each component (its name and its new properties in ``now``) that differs from what a page has
    ``seen``.
    """
    return [gr.skip() if seen.get(name) == change else gr.update(**change) for name, change in now.items()]
