"""Small JSON files of a workspace, replaced atomically; a file that cannot be read is left unchanged."""

import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from store.database import duckdb_errors
from store.errors import StoreError


def read(path: Path, what: str) -> Any:
    """The content of the file; None where it does not exist. StoreError if it cannot be read or is not valid JSON;
    ``what`` is its content in the error's sentence.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StoreError(f"'{path}' cannot be read ({error.strerror}); check its permissions.") from error
    except (ValueError, RecursionError) as error:
        raise damaged(path, what, str(error)) from error
    if found is None:
        raise damaged(path, what, "it is null")
    return found


def write(path: Path, value: Any, *, indent: int | None = 1) -> None:
    """Replace the file's content. StoreError where it cannot be written."""
    part = path.with_name(f"{path.name}.part")
    try:
        with part.open("w", encoding="utf-8") as file:
            file.write(json.dumps(value, indent=indent) + "\n")
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError as error:
        with suppress(OSError):
            part.unlink()
        raise duckdb_errors.cannot_write(path.parent, error) from error


def damaged(path: Path, what: str, why: str) -> StoreError:
    return StoreError(f"'{path}' does not hold {what} ({why[:200]}); correct it, or move it away.")
