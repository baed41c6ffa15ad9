"""What every format's reader yields: ``(number, row)`` pairs, and ``Refused`` where no row could be read."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

Row = dict[str, Any]
HUB = "hf:"
"""The prefix of a data set of the Hugging Face hub."""
LONGEST = 1 << 26
"""Bytes of one row; a longer one is refused, because it would fill the memory."""
BATCH = 1024
"""Rows of a columnar file that are in memory together."""


@dataclass(frozen=True, slots=True)
class Refused:
    """Why a row could not be read, and its raw text."""

    reason: str
    raw: str


Rows = Iterator[tuple[int, Row | Refused]]
"""The number counts from 1: lines of a file of lines, rows or elements of every other format."""


class DamagedFile(Exception):
    """The rest of a file cannot be read. The text says where and why; ``Source`` adds which file."""


def first_line(error: BaseException) -> str:
    """An error's first line, to be quoted in a sentence."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")[:200]
