"""Trainings as parts of a sheet: the list, the status of one, its settings, its texts before and after."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from engine.training.record import Training, resume_command
from ui.components.sheet import Cell, Part, bar, sides, table, text, when
from ui.web.escape import clock, percent

EMPTY = (
    "No trainings yet. This tab shows question fine-tuning (QFT), question preference optimisation (QPO), difficulty "
    "scorers, judges and students: training curves, texts before and after, and how to use the model in Sample, "
    "Compare and Runs. Trainings start in a shell; copy the command below."
)
SHOWN = 20  # texts before and after that are shown; samples.json has all of them
_COLUMNS = ["name", "kind", "status", "base", "data", "progress", "left", "started", "took"]
_KINDS = {"qft": "QFT", "qpo": "QPO", "difficulty": "difficulty", "judge": "judge", "student": "student"}
_WORDS = {"interrupted": "interrupted, can be resumed"}
_ROWS = {"qft": "questions", "qpo": "pairs", "difficulty": "rated questions", "judge": "questions", "student": "pairs"}

Event = Mapping[str, Any]


def listed(trainings: Sequence[Training], last: Mapping[str, Event]) -> Part:
    """All trainings, newest first. ``last``: the last progress event by folder name."""
    rows = [_row(training, last.get(training.folder.name, {})) for training in trainings]
    return table("Trainings of this workspace", _COLUMNS, rows) if rows else text(EMPTY)


def label(training: Training) -> str:
    kind, state = _KINDS.get(training.kind, training.kind), _WORDS.get(training.status, training.status)
    return f"{training.name} · {kind} · {state}"


def status(training: Training, last: Event) -> list[Part]:
    """The status in a sentence, with a bar while it runs."""
    how = _progress(last)
    if training.status == "running":
        stage = str(last.get("stage", "")) or "starting"
        stage = "" if stage == training.kind else f" {stage},"
        speed = last.get("tokens_per_s")
        said = [f"Running:{stage} {how or 'no step yet'}", _left(last) and f"{_left(last)} left"]
        said.append(f"{speed:,.0f} tokens a second" if isinstance(speed, (int, float)) else "")
        share = last.get("done", 0) / last["total"] if last.get("total") else 0.0
        return [text(", ".join(filter(None, said)) + ".", strong=True), bar(share, f"progress of {training.name}")]
    if training.status == "failed":
        where = f" at {how}" if how else ""
        return [text(f"Failed{where}: {training.error or 'no reason was recorded.'}", strong=True)]
    if training.status == "interrupted":
        where = f" at {how}" if how else " before its first step"
        return [text(f"Interrupted{where}; the command below resumes from the last checkpoint.", strong=True)]
    loss = training.result.get("loss")
    final = f", final loss {loss:.4g}" if isinstance(loss, (int, float)) else ""
    before, after = training.result.get("before"), training.result.get("after")
    if isinstance(before, float) and isinstance(after, float):  # a student
        ends = training.result.get("after_ci95", [0.0, 1.0])
        final += f"; {percent(before, 1)} of the held-out questions correct before, {percent(after, 1)} after"
        final += f" (95 % interval {percent(ends[0], 1)} to {percent(ends[1], 1)})"
    folder = "/".join(training.folder.parts[-2:])  # models/NAME: the whole path is long
    return [text(f"Done in {_took(training)}{final}. The model is in the workspace's folder {folder}.", strong=True)]


def go_on(training: Training) -> str:
    """The command that resumes a stopped training; empty for others."""
    return resume_command(training) if training.status in ("failed", "interrupted") else ""


def facts(training: Training) -> list[Part]:
    what: dict[str, Any] = {"base": training.base, "revision": training.revision, "template": training.template}
    parts = [table("Settings", ["setting", "value"], _flat({**what, **training.settings, "command": training.command}))]
    for title, values in (("Data", training.data), ("Result", training.result)):
        if rows := _flat(values):
            parts.append(table(title, [title.lower(), "value"], rows))
    return parts


def compared(samples: Mapping[str, Any]) -> list[Part]:
    """Texts before and after, side by side at equal seeds, below statistics of all of them."""
    before, after = _texts(samples, "before"), _texts(samples, "after")
    if not before and not after:
        return []
    parts = _statistics(samples.get("statistics"))
    n = max(len(before), len(after))
    drawn = ", ".join(f"{row[0]} {row[1]}" for row in _flat(samples.get("sampling")))
    more = f" The first {SHOWN} are shown, the model's samples.json has all." if n > SHOWN else ""
    seeded = f"texts from seed {samples.get('seed', 0)} on"
    what = "held-out questions with answers" if "held_out" in samples else seeded
    parts.append(text(f"{n:,} {what}, {drawn or 'sampled'}.{more}"))
    for i in range(min(n, SHOWN)):
        both = (("before", before), ("after", after))
        columns = [_side(name, found[i] if i < len(found) else None) for name, found in both]
        parts.append(sides(f"Text {i + 1}", columns))
    return parts


def _row(training: Training, last: Event) -> list[Cell]:
    kind, state = _KINDS.get(training.kind, training.kind), _WORDS.get(training.status, training.status)
    used = training.data.get("used")
    rows = f"{used:,} {_ROWS.get(training.kind, 'rows')}" if isinstance(used, int) else "-"
    progress = _progress(last) if training.status != "done" else percent(1)
    left = _left(last) if training.status == "running" else ""
    started = _time(training.started_at)
    return [training.name, kind, state, training.base, rows, progress or "-", left or "-", started, _took(training)]


def _time(written: str) -> Cell:
    try:
        found = datetime.fromisoformat(written)
    except ValueError:
        return written or "-"
    return when(found if found.tzinfo is not None else found.replace(tzinfo=UTC))


def _progress(last: Event) -> str:
    done, total = last.get("done"), last.get("total")
    if not isinstance(done, int) or not isinstance(total, int) or not total:
        return ""
    step = "step " if last.get("stage") in _KINDS else ""
    return f"{step}{done:,} of {total:,} ({percent(done / total)})"


def _left(last: Event) -> str:
    eta = last.get("eta_s")
    return f"about {clock(eta)}" if isinstance(eta, (int, float)) else ""


def _took(training: Training) -> str:
    if training.status == "interrupted" and not training.ended_at:
        return "-"
    try:
        ended = datetime.fromisoformat(training.ended_at) if training.ended_at else datetime.now(UTC)
        return clock((ended - datetime.fromisoformat(training.started_at)).total_seconds())
    except (ValueError, TypeError):
        return "-"


def _flat(values: Any, prefix: str = "") -> list[list[Cell]]:
    """Names and values of nested settings; lists on one line, unset values left out."""
    rows: list[list[Cell]] = []
    for key, value in values.items() if isinstance(values, Mapping) else ():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping):
            rows += _flat(value, f"{name}.")
        elif isinstance(value, list) and value and all(isinstance(one, Mapping) for one in value):
            for number, one in enumerate(value, 1):
                rows += _flat(one, f"{name} {number}.")
        elif value is not None and value != []:
            rows.append([name, _plain(value)])
    return rows


def _plain(value: Any) -> Cell:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, list):
        return ", ".join(str(_plain(one)) for one in value)
    return value if isinstance(value, (str, int)) else json.dumps(value, ensure_ascii=False)


def _texts(samples: Mapping[str, Any], when: str) -> list[Mapping[str, Any]]:
    found = samples.get(when)
    return [one for one in found if isinstance(one, Mapping)] if isinstance(found, list) else []


def _side(name: str, one: Mapping[str, Any] | None) -> dict[str, str]:
    if one is None:
        return {"title": name, "text": "not yet"}
    tokens, reason = one.get("tokens"), one.get("finish_reason")
    about = [f"{tokens} tokens" if tokens is not None else "", str(reason) if reason else ""]
    return {"title": " · ".join(filter(None, [name, *about])), "text": str(one.get("text", ""))}


def _statistics(statistics: Any) -> list[Part]:
    """A row per statistic, a column each for before, after and the training data."""
    if not isinstance(statistics, Mapping):
        return []
    of = [name for name in ("before", "after", "data") if isinstance(statistics.get(name), Mapping)]
    figures = dict.fromkeys(key for name in of for key in statistics[name])
    rows: list[list[Cell]] = [
        [figure.replace("_", " "), *(_plain(statistics[name].get(figure, "-")) for name in of)] for figure in figures
    ]
    return [table("Statistics of the texts", ["statistic", *of], rows)] if rows else []
