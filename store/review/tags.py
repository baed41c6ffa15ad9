"""The workspace's file of the tags that reviewers have on the keys 1 to 9."""

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
    stored = json_file.read(folder / FILE, _WHAT)
    if stored is None:
        return []
    try:
        return _checked(stored)
    except InputError as error:
        raise json_file.damaged(folder / FILE, _WHAT, error.problem) from error


def keep_tags(folder: Path, names: Sequence[str]) -> list[str]:
    """Replace the tags and return them normalized. InputError for a bad tag, a repeated one, or more than nine."""
    kept = _checked(names)
    json_file.write(folder / FILE, kept)
    return kept


def _checked(names: object) -> list[str]:
    if not isinstance(names, (list, tuple)):
        raise InputError("tags", repr(names)[:60], "are not a list", "send a list of names")
    tags = [tag_name(name) for name in names]
    if len(tags) > MOST:
        raise InputError("tags", len(tags), "are more than there are keys", f"keep at most {MOST}")
    repeated = next((name for at, name in enumerate(tags) if name in tags[:at]), None)
    if repeated is not None:
        raise InputError("tag", repeated, "is listed twice", "list it once")
    return tags
