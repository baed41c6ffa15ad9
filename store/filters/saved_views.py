"""Saved views: named filters in one JSON file of the workspace, ``views.json``, which a person can read and correct."""

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
# A workspace has one process; reading and writing the file must not interleave with another change.


def views(folder: Path) -> dict[str, Filter]:
    """The workspace's views by name, in the order in which they were saved. StoreError: the file cannot be read."""
    path = folder / FILE
    found = json_file.read(path, _WHAT)
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise json_file.damaged(path, _WHAT, "it is not a JSON object")
    try:
        return {name: Filter.from_json(filter_) for name, filter_ in found.items()}
    except InputError as error:
        raise json_file.damaged(path, _WHAT, f"{error.field}: {error.problem}") from error


def save(folder: Path, name: str, filter_: Filter) -> str:
    """Save a filter; returns its normalized name. InputError for an invalid name, or one that is taken."""
    with _lock:
        known = views(folder)
        name = _free(name, known)
        if len(known) >= MOST:
            raise InputError("view", name, f"would exceed the limit of {MOST} views", "delete one first")
        _write(folder, known | {name: filter_})
    return name


def rename(folder: Path, old: str, new: str) -> str:
    """Rename a view without moving it; returns the normalized name. InputError as ``save``, or for an unknown view."""
    with _lock:
        known = views(folder)
        _known(old, known)
        new = _free(new, [name for name in known if name != old])
        _write(folder, {new if name == old else name: view for name, view in known.items()})
    return new


def delete(folder: Path, name: str) -> Filter:
    """Delete a view; returns its filter, so that it can be saved again. InputError for an unknown view."""
    with _lock:
        known = views(folder)
        _known(name, known)
        deleted = known.pop(name)
        _write(folder, known)
    return deleted


def _known(name: str, known: dict[str, Filter]) -> None:
    if name not in known:
        raise InputError("view", name[:LONGEST], "does not exist", "reload the page: it was deleted or renamed")


def _free(name: str, taken: dict[str, Filter] | list[str]) -> str:
    """The normalized name. InputError where it is invalid or taken."""
    kept = line("view", name, LONGEST)
    twin = next((other for other in taken if same(other) == same(kept)), None)
    if twin is not None:
        raise InputError(
            "view", kept, f"is taken by the view '{twin}'", "choose another name, or delete that view first"
        )
    return kept


def _write(folder: Path, known: dict[str, Filter]) -> None:
    json_file.write(folder / FILE, {name: view.to_dict() for name, view in known.items()})
