"""Plain values (TOML, JSON) to dataclasses, every fault one sentence that names the field, the value and the remedy.

Knows dataclasses and their annotations; knows nothing of what the fields mean.
"""

from __future__ import annotations

import difflib
import tomllib
import types
import typing
from pathlib import Path
from typing import Any, TypeVar

from store.errors import InputError

_T = TypeVar("_T")


def read_toml(path: Path, what: str) -> dict[str, Any]:
    """A TOML file as a dict; InputError where it is missing or no TOML."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, IsADirectoryError):
        raise InputError(what, str(path), "does not exist", "check the path") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(what, str(path), f"is not TOML ({error})", "correct that line") from None


def make(cls: type[_T], values: dict[str, Any], where: str) -> _T:
    """A dataclass from plain values: unknown and missing keys and wrong types are named."""
    hints = typing.get_type_hints(cls)
    for key in values:
        known_key(key, list(hints), where)
    made = {key: _typed(value, hints[key], f"{where}.{key}" if where else key) for key, value in values.items()}
    try:
        return cls(**made)
    except TypeError:
        missing = next(key for key in hints if key not in made)
        raise InputError(f"{where}.{missing}" if where else missing, "", "is missing", "add it") from None


def _typed(value: Any, hint: Any, name: str) -> Any:
    """The value as the field's type: lists become tuples, whole numbers floats; all else is a fault."""
    if isinstance(hint, types.UnionType):
        if value is None:
            return None
        hint = next(h for h in typing.get_args(hint) if h is not type(None))
    if typing.get_origin(hint) is typing.Literal:
        one_of(name, value, typing.get_args(hint))
        return value
    if typing.get_origin(hint) is tuple:
        parts = typing.get_args(hint)
        if not isinstance(value, (list, tuple)) or (Ellipsis not in parts and len(value) != len(parts)):
            raise InputError(name, value, "is not a list of the right length", "write it as [a, b]")
        return tuple(_typed(v, parts[0], name) for v in value)
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, hint) or (hint is int and isinstance(value, bool)):
        raise InputError(name, value, f"is no {_PLAIN.get(hint, hint.__name__)}", "correct its type")
    return value


_PLAIN = {int: "whole number", float: "number", str: "text", bool: "true or false"}


def known_key(key: str, known: list[str], where: str) -> None:
    if key not in known:
        near = difflib.get_close_matches(key, known, n=1, cutoff=0.5)
        name = f"{where}.{key}" if where and not where.endswith(".toml") else key
        raise InputError(
            "key", name, "is not known", f"did you mean '{near[0]}'?" if near else f"use {', '.join(known)}"
        )


def one_of(name: str, value: object, known: tuple[str, ...]) -> None:
    if value not in known:
        near = difflib.get_close_matches(str(value), known, n=1)
        raise InputError(
            name, value, "is not known", f"did you mean '{near[0]}'?" if near else f"use {' or '.join(known)}"
        )


def at_least(name: str, value: float, least: float) -> None:
    if not value >= least:
        raise InputError(name, value, f"is below {least:g}", f"use {least:g} or more")


def between(name: str, value: float, least: float, most: float) -> None:
    if not least <= value <= most:
        raise InputError(name, value, f"is not in [{least:g}, {most:g}]", "correct it")
