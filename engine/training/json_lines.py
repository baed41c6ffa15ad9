"""Append-only files of JSON objects, one a line: a kill tears the last line at most, and no reader takes a torn one."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from store.errors import StoreError


def append(path: Path, rows: Iterable[dict[str, Any]]) -> None:
    """Write the rows behind what is there. StoreError where the disk fails."""
    try:
        with path.open("a+b") as file:
            torn = file.tell() > 0 and file.seek(-1, os.SEEK_END) >= 0 and file.read(1) != b"\n"
            file.write(b"\n" * torn)
            file.writelines(json.dumps(row, ensure_ascii=False, default=str).encode() + b"\n" for row in rows)
    except OSError as error:
        raise cannot_write(path, error) from error


def read(path: Path) -> list[dict[str, Any]]:
    """All whole rows; none where there is no such file."""
    try:
        lines = path.read_bytes().split(b"\n")
    except FileNotFoundError:
        return []
    rows = []
    for line in lines[:-1]:  # what follows the last line break is torn, or nothing
        try:
            row = json.loads(line)
        except ValueError:
            continue
        if isinstance(row, dict):
            rows.append(row)
    return rows


def cannot_write(path: Path, error: OSError) -> StoreError:
    said = (error.strerror or str(error)).lower()
    return StoreError(f"{path} cannot be written ({said}); make room or choose another folder.")
