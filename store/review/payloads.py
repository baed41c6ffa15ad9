"""The actions of reviewers, their payloads and limits."""

import re
import secrets
from collections.abc import Callable, Mapping
from typing import Any

from store.errors import InputError
from store.names import line

VERBS = ("accept", "reject", "skip")
"""The last of these actions in force is the status of a question."""
ACTIONS = (*VERBS, "edit", "tag", "untag", "note")
EDITED = ("query", "response", "answer")
MARKS = ("blind", "settles")
"""Marks of a decision on one question: whether other reviewers' decisions were hidden from the reviewer, and whether
the decision settles a disagreement of others."""
LONGEST_NAME, LONGEST_REASON, LONGEST_TAG, LONGEST_NOTE, LONGEST_TEXT = 60, 200, 40, 10_000, 100_000
"""Characters."""
_EVENT = re.compile(r"[0-9a-f]{32}")


def reviewer_name(name: object) -> str:
    """The normalized name. InputError unless it has 1 to 60 visible characters."""
    return line("reviewer", name, LONGEST_NAME)


def tag_name(tag: object) -> str:
    """The normalized tag. InputError unless it has 1 to 40 visible characters."""
    return line("tag", tag, LONGEST_TAG)


def event_name(event_id: object = None) -> str:
    """The given id, or a new one. InputError unless it has 32 hexadecimal digits."""
    if event_id is None:
        return secrets.token_hex(16)
    if not isinstance(event_id, str) or not _EVENT.fullmatch(event_id):
        raise InputError("event_id", ascii(event_id)[:60], "is not an event id", "send 32 hexadecimal digits, or none")
    return event_id


def is_valid_text(text: object) -> bool:
    """Whether a query can hold it: text without lone surrogates, which would end the writer."""
    return isinstance(text, str) and not any("\ud800" <= char <= "\udfff" for char in text)


def check_payload(action: str, payload: object) -> dict[str, Any]:
    """The payload of an action as it is stored. InputError for an unknown action or a payload that does not fit it."""
    if action not in ACTIONS:
        raise InputError("action", str(action)[:40], "is not known", f"choose from {', '.join(ACTIONS)}")
    if not isinstance(payload, Mapping):
        raise InputError("payload", repr(payload)[:80], "is not an object", 'send e.g. {"reason": "unclear"}')
    parts, check = _PAYLOADS[action]
    given = {name: value for name, value in payload.items() if value is not None}
    unknown = [name for name in given if name not in parts]
    if unknown:
        known = ", ".join(parts) or "nothing"
        raise InputError("payload", str(unknown[0])[:40], f"is not part of '{action}'", f"it may have {known}")
    return check(given)


def _accept(given: dict[str, Any]) -> dict[str, Any]:
    sample = given.get("sample")
    if sample is None:
        return _marks(given)
    if not isinstance(sample, int) or isinstance(sample, bool) or not 0 <= sample < 2**31:
        raise InputError("sample", repr(sample)[:40], "is not a solution's number", "send that of a listed solution")
    return {"sample": sample} | _marks(given)


def _reject(given: dict[str, Any]) -> dict[str, Any]:
    reason = given.get("reason")
    if reason is None or (isinstance(reason, str) and not reason.strip()):
        return _marks(given)
    return {"reason": line("reason", reason, LONGEST_REASON)} | _marks(given)


def _marks(given: dict[str, Any]) -> dict[str, Any]:
    """``blind`` as it was given; ``settles`` only where it is true."""
    for name in MARKS:
        if not isinstance(given.get(name, False), bool):
            raise InputError(name, repr(given[name])[:40], "is not true or false", "send true, false, or nothing")
    return {name: given[name] for name in MARKS if name in given and (name == "blind" or given[name])}


def _edit(given: dict[str, Any]) -> dict[str, Any]:
    if not given:
        raise InputError("edit", "", "changes nothing", f"send a new {', '.join(EDITED[:-1])} or {EDITED[-1]}")
    return {name: _text(name, given[name], LONGEST_TEXT) for name in EDITED if name in given}


def _tag(given: dict[str, Any]) -> dict[str, Any]:
    return {"tag": tag_name(given.get("tag", ""))}


def _note(given: dict[str, Any]) -> dict[str, Any]:
    return {"text": _text("note", given.get("text", ""), LONGEST_NOTE)}


def _text(field: str, text: object, longest: int) -> str:
    """A text of any number of lines. InputError where it is empty, too long, or cannot be stored."""
    if not isinstance(text, str):
        raise InputError(field, repr(text)[:80], "is not a text", "write one")
    if not text.strip():
        raise InputError(field, "", "is empty", "write something, or leave it unchanged")
    if len(text) > longest:
        start = " ".join(text[:40].split()) + "…"
        raise InputError(field, start, f"has {len(text):,} characters", f"shorten it to at most {longest:,}")
    if "\0" in text or not is_valid_text(text):
        raise InputError(field, ascii(text)[1:41], "has a character that cannot be stored", "remove it")
    return text


_PAYLOADS: dict[str, tuple[tuple[str, ...], Callable[[dict[str, Any]], dict[str, Any]]]] = {
    "accept": (("sample", *MARKS), _accept),
    "reject": (("reason", *MARKS), _reject),
    "skip": (("blind",), _marks),
    "edit": (EDITED, _edit),
    "tag": (("tag",), _tag),
    "untag": (("tag",), _tag),
    "note": (("text",), _note),
}
"""By action: the parts that its payload may have, and the function that checks it."""
