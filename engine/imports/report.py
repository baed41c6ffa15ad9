"""The result of an import, as data and in words."""

from collections.abc import Mapping
from typing import Any

from store.database.run_queries import failures
from store.database.workspace import Workspace

_SHOWN = 5
"""Refused rows that the report quotes."""


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
        f"{config['samples']:,} responses, {pairs:,} pairs."
    ]
    lines += [f"  {row['stage']:<14}{row['dropped']:>9,} dropped" for row in funnel if row["dropped"]]
    lines += [f"  refused: {place} {row.idx}: {row.message}" for row in refused]
    if config["refused"] > len(refused):
        more = config["refused"] - len(refused)
        lines.append(f"  and {more:,} more, each with its place and reason in the table `errors`")
    for run in workspace.runs():
        if run.kind == "import" and run.run_id != run_id and config["sha256"] == run.config.get("sha256") is not None:
            lines.append(f"The same file has been imported before, as run {run.run_id}.")
    return {**config, "pairs": pairs, "funnel": funnel}, "\n".join(lines)
