"""The result of an import, as data and in words."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from store.database.run_queries import failures
from store.database.workspace import Workspace

_SHOWN = 5
"""Refused rows that the report quotes."""
_EXPECTED = {
    "answer": "no text, number or list of them",
    "topic": "none of MATH's subjects",
    "level": "no short text or small number",
    "difficulty": "no number from 0 to 1",
    "pass_rate": "no share from 0 to 1",
    "reward": "not one number a response",
    "reasoning": "no text",
    "verdict": "neither true nor false",
}
"""Of a field, why a value of its column cannot be read."""


def unread_sentence(unread: Mapping[str, int], rows: str) -> str | None:
    """One sentence on the mapped values that cannot be read and stay in ``extra``; None where all can.

    ``rows``: which rows were read, e.g. ``the first 100 rows``.
    """
    said = [f"{name} in {n:,} ({_EXPECTED.get(name, 'of another kind')})" for name, n in unread.items() if n]
    return f"Not readable in {rows}, and kept in extra as it is: {', '.join(said)}." if said else None


def refused_sentence(reasons: Iterable[str], rows: str) -> str | None:
    """One sentence on the rows that are refused, by their reasons; None where none is."""
    counted = Counter(reasons)
    said = [f"{n:,} ({reason})" for reason, n in counted.most_common()]
    return f"Of {rows}, refused: {', '.join(said)}." if said else None


def grouping_sentence(grouped: int) -> str | None:
    """One sentence on the rows that became samples of another row's question; None where none did."""
    if not grouped:
        return None
    what = "1 row was" if grouped == 1 else f"{grouped:,} rows were"
    return f"{what} taken as further samples of an earlier row's question (--group none keeps each row apart)."


def contents_phrase(samples: int, pairs: int, prompts: int) -> str:
    """What was imported: ``5 responses, 5 pairs, 2 questions without solutions (prompts)``. ``prompts``: questions that
    wait for solutions."""
    waiting = f"{plural(prompts, 'question')} without solutions (prompts)"
    if prompts and not samples:
        return waiting
    made = f"{plural(samples, 'response')}, {plural(pairs, 'pair')}"
    return f"{made}, {waiting}" if prompts else made


def plural(number: int, noun: str) -> str:
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def prompts_of(funnel: Iterable[Mapping[str, Any]]) -> int:
    """How many questions of this funnel wait for solutions."""
    return sum(int(row["pending"]) for row in funnel if row["stage"] == "solution")


def report_of(
    workspace: Workspace, run_id: str, config: Mapping[str, Any], funnel: list[dict[str, Any]]
) -> tuple[dict[str, Any], str]:
    """The facts of an import that has ended, and its report in words; ``funnel``: its stages in order."""
    with workspace.cursor() as cursor:
        refused = failures(cursor, run_id, most=_SHOWN)
    pairs = funnel[-1]["kept"]
    place = "line" if config["format"] == "jsonl" else "row"
    lines = [
        f"Run {run_id}: {config['read']:,} rows read, {config['imported']:,} imported, {config['refused']:,} refused; "
        f"{contents_phrase(config['samples'], pairs, prompts_of(funnel))}."
    ]
    lines += [f"  {row['stage']:<14}{row['dropped']:>9,} dropped" for row in funnel if row["dropped"]]
    said = unread_sentence(config["unread"], "some rows"), grouping_sentence(config["grouped"])
    lines += [sentence for sentence in said if sentence]
    lines += [f"  refused: {place} {row.idx}: {row.message}" for row in refused]
    if config["refused"] > len(refused):
        more = config["refused"] - len(refused)
        lines.append(f"  and {more:,} more, each with its place and reason in the table `errors`")
    for run in workspace.runs():
        if run.kind == "import" and run.run_id != run_id and config["sha256"] == run.config.get("sha256") is not None:
            lines.append(f"The same file has been imported before, as run {run.run_id}.")
    return {**config, "pairs": pairs, "funnel": funnel}, "\n".join(lines)
