"""Rows of CSV by the header's names, and of plain text with a question per line."""

import csv
import io
from typing import IO

from engine.data import own_csv
from engine.data.rows import LONGEST, Refused, Row, Rows, first_line


def read(file: IO[bytes]) -> Rows:
    """Rows are counted after the header. Our own exports are read back as they were (``own_csv``)."""
    csv.field_size_limit(LONGEST)
    stream = io.TextIOWrapper(file, encoding="utf-8-sig", errors="surrogateescape", newline="")
    reader = csv.reader(stream)
    header = next(reader, [])
    restore = own_csv.restorer(header)
    number = 0
    while True:
        try:
            cells = next(reader, None)
        except csv.Error as error:
            number += 1
            yield number, Refused(f"is not CSV ({first_line(error)})", "")
            continue
        if cells is None:
            return
        if not cells:
            continue
        number += 1
        row = _row(header, cells)
        yield number, row if restore is None or isinstance(row, Refused) else restore(row)


def _row(header: list[str], cells: list[str]) -> Row | Refused:
    try:
        "".join(cells).encode()
    except UnicodeEncodeError:
        return Refused("is not valid UTF-8", ",".join(cells).encode("utf-8", "replace").decode())
    if len(cells) != len(header):
        return Refused(f"has {len(cells)} cells where the header has {len(header)}", ",".join(cells))
    return dict(zip(header, cells, strict=True))


def read_text(file: IO[bytes]) -> Rows:
    """The lines that are not blank, each as ``{"question": line}``."""
    for number, line in enumerate(file, 1):
        try:
            text = line.decode("utf-8-sig" if number == 1 else "utf-8").strip()
        except UnicodeDecodeError:
            yield number, Refused("is not valid UTF-8", line.decode("utf-8", "replace").strip())
            continue
        if text:
            yield number, {"question": text}
