"""The tags that a workspace's reviewers have under the keys 1 to 9, in one file of the workspace."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from store import json_file
from store.errors import InputError
from store.review.payloads import tag_name

FILE = "tags.json"
MOST = 9
_WHAT = "tags"


def tag_list(folder: Path) -> list[str]:
    """The tags in the order of their keys. StoreError where the file cannot be read."""
    found = json_file.read(folder / FILE, _WHAT)
    if found is None:
        return []
    try:
        return _checked(found)
    except InputError as error:
        raise json_file.damaged(folder / FILE, _WHAT, error.problem) from error


def keep_tags(folder: Path, names: Sequence[str]) -> list[str]:
    """Replace them; gives them as kept. InputError: a bad tag, one twice, or more than nine."""
    kept = _checked(names)
    json_file.write(folder / FILE, kept)
    return kept


def _checked(names: object) -> list[str]:
    if not isinstance(names, (list, tuple)):
        raise InputError("tags", repr(names)[:60], "are no list", "send a list of names")
    kept = [tag_name(name) for name in names]
    if len(kept) > MOST:
        raise InputError("tags", len(kept), "are more than there are keys", f"take {MOST} at most")
    twice = next((name for at, name in enumerate(kept) if name in kept[:at]), None)
    if twice is not None:
        raise InputError("tag", twice, "is there twice", "name it once")
    return kept
