"""Append-only files of JSON objects, one a line. A kill can only tear the last line, which readers skip."""

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from store.errors import StoreError


def append(path: Path, rows: Iterable[dict[str, Any]]) -> None:
    """Append the rows. StoreError where the disk fails."""
    try:
        with path.open("a+b") as file:
            torn = file.tell() > 0 and file.seek(-1, os.SEEK_END) >= 0 and file.read(1) != b"\n"
            file.write(b"\n" * torn)
            file.writelines(json.dumps(row, ensure_ascii=False, default=str).encode() + b"\n" for row in rows)
    except OSError as error:
        raise cannot_write(path, error) from error


def read(path: Path) -> list[dict[str, Any]]:
    """All complete rows; none without the file."""
    try:
        lines = path.read_bytes().split(b"\n")
    except FileNotFoundError:
        return []
    rows = []
    for line in lines[:-1]:  # text after the last line break is a torn line
        try:
            row = json.loads(line)
        except ValueError:
            continue
        if isinstance(row, dict):
            rows.append(row)
    return rows


def cannot_write(path: Path, error: OSError) -> StoreError:
    return StoreError(f"{path} cannot be written ({reason(error)}); free some space or choose another folder.")


def reason(error: OSError) -> str:
    """Why the operating system refused, in lower case."""
    return (error.strerror or str(error)).lower()
