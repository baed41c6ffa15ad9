"""Restores the values of our own full export as CSV: cells without their guard, numbers, lists and booleans.

Only a file whose header begins as that of a full export counts as one: in any other an apostrophe may be the author's.
An empty cell means no value, because CSV can't express an empty text.
"""

import json
import re
from collections.abc import Callable, Sequence
from typing import Any

from store.export.formats import OLD_PAIR, RUNS

Row = dict[str, Any]
_RUNS = re.compile(RUNS)


def restorer(header: Sequence[str]) -> Callable[[Row], Row] | None:
    """A function from a row of texts to the row that was exported; None where the file isn't ours."""
    return _restored if tuple(header[: len(OLD_PAIR)]) == OLD_PAIR else None


def _restored(row: Row) -> Row:
    return {name: _READ.get(name, _text)(cell) if cell else None for name, cell in row.items()}


def _text(cell: str) -> str:
    """Without the apostrophe that the export put before what a spreadsheet would run."""
    return cell[1:] if cell.startswith("'") and _RUNS.match(cell[1:]) else cell


def _number(cell: str) -> float | str:
    try:
        return float(cell)
    except ValueError:  # changed by hand: the import decides
        return cell


def _tags(cell: str) -> Any:
    try:
        return json.loads(_text(cell))
    except ValueError:
        return [cell]


_READ: dict[str, Callable[[str], Any]] = {
    **dict.fromkeys(("difficulty", "reward", "agreement", "n_solutions"), _number),
    **dict.fromkeys(("pass_rate", "novelty", "reasoning_tokens", "sample"), _number),
    "tags": _tags,
    **dict.fromkeys(("edited", "chosen"), lambda cell: cell.lower() == "true"),
}
