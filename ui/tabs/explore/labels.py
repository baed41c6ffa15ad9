"""Explore's texts: its facets and orders, a filter in words, and the state of the data."""

from collections.abc import Sequence
from typing import Any

from store.database.sources import Demo, Source
from store.filters.filter import Filter
from store.filters.ranges import Range
from store.frame.frame import Frame
from store.records import Run
from ui.web.escape import visible

FACETS = {
    "run": "Run",
    "generator": "Generator",
    "level": "Level",
    "correct": "Against the gold answer",
    "majority": "Against the majority",
    "near_duplicates": "Near-duplicates",
    "contaminated": "Overlaps a benchmark",
    "checkability": "Checkable by rule",
    "finish_reason": "Chosen solution",
    "status": "Review status",
    "drop_stage": "Dropped at",
    "drop_reason": "Drop reason",
}
SINGLE: dict[str, dict[bool | None, tuple[str, Any]]] = {
    "near_duplicates": {True: ("has near-duplicates", [1, None]), False: ("none", [0, 0])},
    "contaminated": {True: ("yes", True), False: ("no", False), None: ("not checked", None)},
}
"""Facets of which one value can be chosen: its text, and the condition in a filter (None: there is none for it)."""
GROUPS = {"topic": "topic", "level": "level", "generator": "generator", "run": "run", "status": "status"}
"""What the questions can be grouped by, and its name."""
BEST = "match"
SORTS = {
    BEST: "best match first",
    "-newest": "newest first",
    "newest": "oldest first",
    "-difficulty": "hardest first",
    "difficulty": "easiest first",
    "-reward": "best reward first",
    "reward": "worst reward first",
    "-pass_rate": "highest pass rate first",
    "pass_rate": "lowest pass rate first",
    "-agreement": "most agreement first",
    "agreement": "least agreement first",
    "-disagreement": "most disagreement first",
    "disagreement": "least disagreement first",
    "-query_chars": "longest question first",
    "query_chars": "shortest question first",
    "-response_chars": "longest solution first",
    "response_chars": "shortest solution first",
    "-n_solutions": "most samples first",
    "n_solutions": "fewest samples first",
    "-near_duplicates": "most near-duplicates first",
    "near_duplicates": "fewest near-duplicates first",
    "-novelty": "most novel first",
    "novelty": "least novel first",
}
NONE = {
    "topic": "no topic",
    "level": "no level",
    "drop_stage": "not dropped",
    "drop_reason": "no reason",
    "tags": "no tags",
    "correct": "no gold answer",
    "checkability": "not looked at",
    "finish_reason": "no solution",
    "majority": "no answer",
}
"""The label of a category for questions without one."""

VALUES: dict[str, dict[str | None, str]] = {
    "correct": {"same": "right", "different": "wrong"},
    "majority": {"same": "agrees with the majority", "different": "disagrees with the majority"},
    "checkability": {
        "open": "yes",
        "choice": "multiple choice",
        "yes_no": "yes or no",
        "proof": "a proof",
        "multi_part": "several parts",
        "no_gold": "gold answer is prose or empty",
        "link": "needs a link or picture",
    },
    "finish_reason": {"stop": "complete", "length": "cut off"},
}
"""The label of a value, where it is not the value itself."""

NAMES = {
    "correct": "answer",
    "checkability": "checkable",
    "finish_reason": "solution",
    "majority": "answer",
    "pass_rate": "pass rate",
    "reasoning_tokens": "reasoning length",
    "drop_stage": "dropped at",
    "drop_reason": "drop reason",
    "ids": "question",
    "query_chars": "question length",
    "response_chars": "solution length in characters",
    "response_tokens": "solution length",
    "n_solutions": "samples",
    "near_duplicates": "near-duplicates",
    "stage": "kept by",
    "tags": "tag",
}
_FLAGS = {"solvable": ("solvable", "not solvable"), "contaminated": ("in a benchmark", "in no benchmark")}
_LISTED = 3  # values of a list that are named; longer lists are counted


def order(sort: str | None, *, ranked: bool) -> str:
    """The order that is shown for the one asked for. ``ranked``: whether there is a best match."""
    if sort is None or sort == BEST:
        return BEST if ranked else "-newest"
    return sort


def parts(filter: Filter, runs: dict[str, str]) -> list[dict[str, str]]:
    """Each part of the filter: its field, and its words. ``runs``: names by id."""
    return [{"name": name, "text": visible(_part(name, value, runs))} for name, value in filter.to_dict().items()]


def filter_words(filter: Filter, runs: dict[str, str]) -> str:
    """The filter's parts in one line; empty where it has none."""
    return ", ".join(part["text"] for part in parts(filter, runs))


def _part(name: str, value: Any, runs: dict[str, str]) -> str:
    called = NAMES.get(name, name)
    if isinstance(value, bool):
        yes, no = _FLAGS.get(name, (called, f"not {called}"))
        return yes if value else no
    if name == "near_duplicates" and [*value] in ([1, None], [0, 0], [None, 0]):
        return "has near-duplicates" if value[0] else "no near-duplicates"
    if name == "text":
        return f"text contains “{value}”"
    if name == "solution_text":
        return f"a solution contains “{value}”"
    if name == "words":
        return f"words: {value}"
    if name == "regex":
        return f"matches /{value}/"
    if name == "area":
        return "inside an area drawn on the map"
    if isinstance(value, dict):  # a model's pass rates
        ends = value.get("range")
        return f"{called} of {value['model']}" + (f" {_range((ends[0], ends[1]))}" if ends else "")
    if isinstance(value, str):
        return f"{called} {value}"
    if any(isinstance(end, float) for end in value):
        return f"{called} {_range((value[0], value[1]))}"
    values = [value_text(name, one, runs) for one in value]
    if len(values) > _LISTED:
        return f"{called} one of {len(values)}"
    return f"{called} {' or '.join(values)}"


def value_text(name: str, value: str | None, runs: dict[str, str]) -> str:
    """A value of a category in words. ``runs``: names by id."""
    if value is None:
        return NONE.get(name, "none")
    return (runs.get(value) or value) if name == "run" else VALUES.get(name, {}).get(value, value)


def _range(ends: Range) -> str:
    low, high = (None if end is None else f"{end:.6g}" for end in ends)
    if low is None:
        return f"up to {high}"
    if high is None:
        return f"from {low}"
    return low if low == high else f"{low} to {high}"


def headline(count: int, total: int, pairs: int, *, least: bool = False) -> str:
    """What the filter matches. ``least``: the counts are lower bounds."""
    return f"{'At least ' if least else ''}{count:,} of {total:,} questions, {pairs:,} pairs"


def dropped(stages: Sequence[str | None], reasons: Sequence[tuple[str | None, int]]) -> str:
    """The sentence below the funnel: what the selected stages dropped, and why."""
    none = NONE["drop_reason"]
    counted = [f"{none if reason is None else visible(reason)} {count:,}" for reason, count in reasons if count]
    names = " and ".join(stage for stage in stages if stage is not None)
    if not names:
        return "Click a stage to see what it dropped and why."
    if not counted:
        return f"{names} dropped none."
    return f"{names} dropped {sum(count for _, count in reasons):,}: {', '.join(counted)}."


def state(source: Source, frame: Frame, runs: Sequence[Run]) -> list[str]:
    """Sentences on where the rows come from, and on rows that are missing so far."""
    notes = []
    questions = dict(zip(frame.values["run"], frame.totals["run"], strict=False))
    if frame.size < frame.total:
        notes.append(
            f"A first look at an even sample: {frame.size:,} of {frame.total:,} questions. The rest follows in seconds."
        )
    if isinstance(source, Demo):
        notes.append("These are the questions of the bundled demo. Your own runs appear here once you have some.")
    for run in runs:
        if run.status in ("running", "paused"):
            target = run.config.get("questions") or run.config.get("max_questions")
            goal = f" of {target:,}" if isinstance(target, int) and run.kind == "generate" else ""
            how = "still running" if run.status == "running" else "paused"
            notes.append(
                f"Run {visible(run.name or run.run_id)} is {how}: {questions.get(run.run_id, 0):,}{goal} so far."
            )
    return notes
