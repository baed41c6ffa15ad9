"""What is behind the disclosure of a row: where it came from, the prompt, and every stored figure, as plain data."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from engine.stages.contamination import ITEM
from store.database.replace_verdicts import IMPORT_JUDGE
from store.statistics import wilson
from ui.tabs.row.stages import Story, results
from ui.web.escape import plural, visible

Table = dict[str, Any]


def origin(story: Story) -> str:
    """Who wrote the question, in a few words: a model, or the file that it was imported from."""
    question, run = story["question"], story["run"]
    if run["kind"] != "import":
        return visible(f"written by {question['generator']}")
    source = str(run["config"].get("source") or run["name"] or run["run_id"])
    by = question["generator"]
    stems = {source, source.split("/")[-1].split(".")[0], run["name"], IMPORT_JUDGE, "file"}
    return visible(f"imported from {source}" + ("" if by in stems else f", written by {by}"))


def facts(story: Story) -> list[tuple[str, str]]:
    """Names and values. An imported question has no seed, and no tokens that anybody counted."""
    question, run = story["question"], story["run"]
    imported = run["kind"] == "import"
    found: list[tuple[str, object]] = [
        ("id", question["question_id"]),
        ("origin", origin(story)),
        ("run", f"{run['name'] or run['run_id']} ({run['kind']}, {run['status']})"),
    ]
    if question["tokens"] or not imported:
        cut = ", cut off at the limit" if question["finish_reason"] == "length" else ""
        found.append(("length", plural(question["tokens"], "token") + cut))
    else:
        found.append(("length", plural(len(question["text"]), "character")))
    if not imported:
        found.append(("seed", question["seed"]))
        found += question["params"].items()
    found.append(("imported" if imported else "created", f"{question['created_at']:%Y-%m-%d %H:%M:%S} UTC"))
    return [(visible(name), visible(str(value))) for name, value in found]


def prompt(story: Story) -> dict[str, str] | None:
    """The text that the generator continued; None where nothing was sent."""
    question, run = story["question"], story["run"]
    if run["kind"] == "import":
        return None
    profile = run["config"].get("profile")
    generators = profile.get("generators", ()) if isinstance(profile, Mapping) else ()
    template = next((g["template"] for g in generators if g.get("name") == question["generator"]), None)
    if template is None:
        about = f"No prompt is stored for template {question['template_id'] or 'none'}."
        return {"about": visible(about), "text": ""}
    about = f"The exact text that {question['generator']} continued (template {question['template_id']}). "
    raw = template["text"].replace("\n", "⏎\n").removesuffix("\n")
    return {"about": visible(about) + "⏎ is a line break.", "text": visible(raw)}


def tables(story: Story) -> list[Table]:
    """Verdicts, samples, labels and failed attempts; those without rows are left out."""
    labels = [(label["key"], label["value"], label["model"]) for label in story["labels"] if label["key"] != ITEM]
    errors = [
        (error["stage"], error["attempt"], f"{error['created_at']:%Y-%m-%d %H:%M:%S}", error["message"])
        for error in story["errors"]
    ]
    made = [
        _table("Verdicts", ("stage", "verdict", "score", "reason", "judge", "tokens", "seconds"), _verdicts(story)),
        _table("Samples", ("sample", "answer", "seed", "tokens", "seconds", "by"), _samples(story)),
        _table("Labels", ("label", "value", "by"), labels),
        _table("Failed attempts", ("stage", "attempt", "when (UTC)", "error"), errors),
    ]
    return [table for table in made if table["rows"]]


def rates(story: Story) -> Table | None:
    """The measured pass rates; None without any."""
    head = ("model", "pass rate", "95 % interval", "rollouts", "right", "undecided", "mean tokens", "sampling")
    table = _table("Measured pass rates", head, map(_rate, story["rates"]))
    return table if table["rows"] else None


def history(story: Story) -> Table | None:
    """The decisions, oldest first; None without any."""
    rows = []
    for d in story["decisions"]:
        action = d["action"] if d["in_force"] or d["action"] == "undo" else f"{d['action']}, undone"
        more = ", ".join(f"{name}: {value}" for name, value in d["payload"].items())
        rows.append((f"{d['created_at']:%Y-%m-%d %H:%M:%S}", d["reviewer"], action, more))
    table = _table("Decisions", ("when (UTC)", "reviewer", "decision", "details"), rows)
    return table if rows else None


def also_stored(story: Story) -> dict[str, str] | None:
    """The other fields of an imported row."""
    extra = story["question"]["extra"]
    if not extra:
        return None
    title = f"Also stored: {plural(len(extra), 'field')}" if isinstance(extra, Mapping) else "Also stored"
    return {"title": title, "text": visible(json.dumps(extra, ensure_ascii=False, indent=2))}


def failures(story: Story) -> list[str]:
    """What failed attempts left."""
    return [visible(error["raw"]) for error in story["errors"] if error["raw"]]


def _verdicts(story: Story) -> Iterable[Sequence[object]]:
    states = {one.stage: one.state for one in results(story)}
    for v in story["verdicts"]:
        imported, outcome = v["judge"] == IMPORT_JUDGE, states[v["stage"]]
        seconds = f"{v['seconds']:.3f}" if v["seconds"] else ""
        by = "the import" if imported else v["judge"]
        yield v["stage"], outcome, _number(v["score"]), v["reason"] or "", by, v["tokens"] or "", seconds


def _samples(story: Story) -> Iterable[Sequence[object]]:
    for s in story["solutions"]:
        imported = s["solver"] == IMPORT_JUDGE
        seconds = f"{s['seconds']:.3f}" if s["seconds"] else ""
        by = "the import" if imported else s["solver"]
        yield s["sample"], s["answer"] or "", "" if imported else s["seed"], s["tokens"] or "", seconds, by


def _rate(rate: Story) -> tuple[object, ...]:
    counts = [rate[name] if rate[name] is not None else "" for name in ("correct", "undecided", "mean_tokens")]
    sampling = json.loads(rate["sampling"]) if isinstance(rate["sampling"], str) else rate["sampling"]
    how = ", ".join(f"{name} {value}" for name, value in (sampling or {}).items() if value not in (None, ""))
    return rate["model"], _number(rate["pass_rate"]), _interval(rate), rate["n"] or "unknown", *counts, how


def _interval(rate: Story) -> str:
    """Wilson's, where the counts are known."""
    decided = (rate["n"] or 0) - (rate["undecided"] or 0)
    if rate["correct"] is None or not decided:
        return ""
    low, high = wilson(rate["correct"], decided)
    return f"{low:.2f} to {high:.2f}"


def _table(title: str, head: Sequence[str], rows: Iterable[Sequence[object]]) -> Table:
    texts = [[visible(str(cell)) for cell in row] for row in rows]
    return {"title": title, "head": list(head), "rows": texts}


def _number(value: float | None) -> str:
    return "" if value is None else f"{round(value, 4) + 0.0:.4f}"  # no -0.0000
