"""Saved views: filters by name, in one file of the workspace that a person can read and mend.

``views.json`` is an object, name to filter, in the order in which they were saved. It is replaced whole, so that a
crash leaves the old or the new one; a file that cannot be read is left as it is. Knows nothing of what views are for.
"""

from __future__ import annotations

import json
import os
import threading
import unicodedata
from contextlib import suppress
from pathlib import Path

from store import problems
from store.errors import InputError, StoreError
from store.filters import Filter

FILE = "views.json"
LONGEST = 80
"""Characters of a name."""
MOST = 200
_UNSEEN = frozenset(("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"))
"""Unicode's categories of characters that cannot be seen, or turn the line around."""
_lock = threading.Lock()
# A workspace has one process; a change is a reading and a writing, which must not cross another's.


def views(folder: Path) -> dict[str, Filter]:
    """The workspace's views by name, in the order in which they were saved. StoreError: the file cannot be read."""
    try:
        found = json.loads((folder / FILE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise StoreError(f"'{folder / FILE}' cannot be read ({error.strerror}); see to its permissions.") from error
    except (ValueError, RecursionError) as error:
        raise _damaged(folder, str(error)) from error
    if not isinstance(found, dict):
        raise _damaged(folder, "it is not a JSON object")
    try:
        return {name: Filter.from_json(asked) for name, asked in found.items()}
    except InputError as error:
        raise _damaged(folder, f"{error.field}: {error.problem}") from error


def save(folder: Path, name: str, asked: Filter) -> str:
    """Keep a filter under a name; gives the name as kept. InputError: a bad name, or one that is taken."""
    with _lock:
        known = views(folder)
        name = _free(name, known)
        if len(known) >= MOST:
            raise InputError("view", name, f"would be one more than {MOST}", "delete one first")
        _write(folder, known | {name: asked})
    return name


def rename(folder: Path, old: str, new: str) -> str:
    """Give a view another name, in its place; gives the name as kept. InputError as ``save``, or an unknown view."""
    with _lock:
        known = views(folder)
        _known(old, known)
        new = _free(new, [name for name in known if name != old])
        _write(folder, {new if name == old else name: asked for name, asked in known.items()})
    return new


def delete(folder: Path, name: str) -> Filter:
    """Forget a view; gives its filter, so that it can be saved again. InputError where there is none of this name."""
    with _lock:
        known = views(folder)
        _known(name, known)
        asked = known.pop(name)
        _write(folder, known)
    return asked


def _known(name: str, known: dict[str, Filter]) -> None:
    if name not in known:
        raise InputError("view", name[:LONGEST], "is not there", "reload the page: it was deleted or renamed")


def _free(name: str, taken: dict[str, Filter] | list[str]) -> str:
    """The name as it is kept: composed, one space between words. InputError where it cannot be had."""
    kept = " ".join(unicodedata.normalize("NFC", name).split())
    if not kept:
        raise InputError("view", name[:LONGEST], "is no name", "write one that can be read")
    if len(kept) > LONGEST:
        raise InputError("view", kept[:LONGEST] + "…", f"has {len(kept):,} characters", f"take {LONGEST} at most")
    if any(unicodedata.category(char) in _UNSEEN for char in kept):
        shown = ascii(kept)[1:-1]
        raise InputError("view", shown, "has characters that cannot be seen", "write letters, digits and signs")
    twin = next((other for other in taken if _same(other) == _same(kept)), None)
    if twin is not None:
        raise InputError("view", kept, f"is taken by the view '{twin}'", "take another name, or delete that view first")
    return kept


def _same(name: str) -> str:
    """Names that look alike are one: no two differ only in case, or in the form of a letter."""
    return unicodedata.normalize("NFKC", name).casefold()


def _write(folder: Path, known: dict[str, Filter]) -> None:
    part = folder / f"{FILE}.part"
    text = json.dumps({name: asked.to_dict() for name, asked in known.items()}, indent=1)
    try:
        with part.open("w", encoding="utf-8") as file:
            file.write(text + "\n")
            file.flush()
            os.fsync(file.fileno())
        part.replace(folder / FILE)
    except OSError as error:
        with suppress(OSError):
            part.unlink()
        raise problems.cannot_write(folder, error) from error


def _damaged(folder: Path, why: str) -> StoreError:
    return StoreError(f"'{folder / FILE}' does not hold views ({why[:200]}); mend it, or move it away.")
