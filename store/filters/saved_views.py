"""Saved views: filters by name, in one file of the workspace that a person can read and mend.

``views.json`` is an object, name to filter, in the order in which they were saved. It is replaced whole, so that a
crash leaves the old or the new one; a file that cannot be read is left as it is. Knows nothing of what views are for.
"""

from __future__ import annotations

import threading
from pathlib import Path

from store import json_file
from store.errors import InputError
from store.filters.filter import Filter
from store.names import line, same

FILE = "views.json"
LONGEST = 80
"""Characters of a name."""
MOST = 200
_WHAT = "views"
_lock = threading.Lock()
# A workspace has one process; a change is a reading and a writing, which must not cross another's.


def views(folder: Path) -> dict[str, Filter]:
    """The workspace's views by name, in the order in which they were saved. StoreError: the file cannot be read."""
    path = folder / FILE
    found = json_file.read(path, _WHAT)
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise json_file.damaged(path, _WHAT, "it is not a JSON object")
    try:
        return {name: Filter.from_json(asked) for name, asked in found.items()}
    except InputError as error:
        raise json_file.damaged(path, _WHAT, f"{error.field}: {error.problem}") from error


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
    kept = line("view", name, LONGEST)
    twin = next((other for other in taken if same(other) == same(kept)), None)
    if twin is not None:
        raise InputError("view", kept, f"is taken by the view '{twin}'", "take another name, or delete that view first")
    return kept


def _write(folder: Path, known: dict[str, Filter]) -> None:
    json_file.write(folder / FILE, {name: asked.to_dict() for name, asked in known.items()})
