"""What a decision may hold: the actions, their payloads and the limits. Knows no database."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Mapping
from typing import Any

from store.errors import InputError
from store.names import line

VERBS = ("accept", "reject", "skip")
"""The actions that decide about a question: the last one in force is its status."""
ACTIONS = (*VERBS, "edit", "tag", "untag", "note")
EDITED = ("query", "response", "answer")
LONGEST_NAME, LONGEST_REASON, LONGEST_TAG, LONGEST_NOTE, LONGEST_TEXT = 60, 200, 40, 10_000, 100_000
"""Characters."""
_EVENT = re.compile(r"[0-9a-f]{32}")


def reviewer_name(name: object) -> str:
    """The name as it is kept. InputError unless it has 1 to 60 characters, all of which can be seen."""
    return line("reviewer", name, LONGEST_NAME)


def tag_name(tag: object) -> str:
    """The tag as it is kept; InputError as ``reviewer_name``, of 40 characters at most."""
    return line("tag", tag, LONGEST_TAG)


def event_name(event_id: object = None) -> str:
    """A new event's id, or the one that is given. InputError where that is not of 32 hexadecimal digits."""
    if event_id is None:
        return secrets.token_hex(16)
    if not isinstance(event_id, str) or not _EVENT.fullmatch(event_id):
        shown = ascii(event_id)[:60]
        raise InputError("event_id", shown, "is not an event's", "send 32 hexadecimal digits, or none")
    return event_id


def can_be_asked(text: object) -> bool:
    """Whether a database can be asked for it: a text of characters that there are. Any other would end the writer."""
    return isinstance(text, str) and not any("\ud800" <= char <= "\udfff" for char in text)


def checked(action: str, payload: object) -> dict[str, Any]:
    """The payload of an action as it is kept. InputError: an action that is none, or a payload that is not its."""
    if action not in ACTIONS:
        raise InputError("action", str(action)[:40], "is not known", f"choose from {', '.join(ACTIONS)}")
    if not isinstance(payload, Mapping):
        raise InputError("payload", repr(payload)[:80], "is not an object", 'send e.g. {"reason": "unclear"}')
    given = {name: value for name, value in payload.items() if value is not None}
    unknown = [name for name in given if name not in _PARTS[action]]
    if unknown:
        known = ", ".join(_PARTS[action]) or "nothing"
        raise InputError("payload", str(unknown[0])[:40], f"is no part of '{action}'", f"it may have {known}")
    return _READ[action](given)


def _accept(given: dict[str, Any]) -> dict[str, Any]:
    sample = given.get("sample")
    if sample is None:
        return {}
    if not isinstance(sample, int) or isinstance(sample, bool) or not 0 <= sample < 2**31:
        raise InputError("sample", repr(sample)[:40], "is not a solution's number", "send that of a shown solution")
    return {"sample": sample}


def _reject(given: dict[str, Any]) -> dict[str, Any]:
    said = given.get("reason")
    if said is None or (isinstance(said, str) and not said.strip()):
        return {}
    return {"reason": line("reason", said, LONGEST_REASON)}


def _edit(given: dict[str, Any]) -> dict[str, Any]:
    if not given:
        raise InputError("edit", "", "changes nothing", f"send a new {', '.join(EDITED[:-1])} or {EDITED[-1]}")
    return {name: _text(name, given[name], LONGEST_TEXT) for name in EDITED if name in given}


def _tag(given: dict[str, Any]) -> dict[str, Any]:
    return {"tag": tag_name(given.get("tag", ""))}


def _note(given: dict[str, Any]) -> dict[str, Any]:
    return {"text": _text("note", given.get("text", ""), LONGEST_NOTE)}


def _text(field: str, text: object, longest: int) -> str:
    """A text of any lines; what no database keeps is refused."""
    if not isinstance(text, str):
        raise InputError(field, repr(text)[:80], "is not a text", "write one")
    if not text.strip():
        raise InputError(field, "", "is empty", "write something, or leave it as it was")
    if len(text) > longest:
        raise InputError(
            field, " ".join(text[:40].split()) + "…", f"has {len(text):,} characters", f"take {longest:,} at most"
        )
    if any(char == "\0" or "\ud800" <= char <= "\udfff" for char in text):
        raise InputError(field, ascii(text)[1:41], "has a character that cannot be stored", "take it out")
    return text


_READ: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "accept": _accept,
    "reject": _reject,
    "skip": lambda given: given,
    "edit": _edit,
    "tag": _tag,
    "untag": _tag,
    "note": _note,
}
_PARTS: dict[str, tuple[str, ...]] = {
    "accept": ("sample",),
    "reject": ("reason",),
    "skip": (),
    "edit": EDITED,
    "tag": ("tag",),
    "untag": ("tag",),
    "note": ("text",),
}
