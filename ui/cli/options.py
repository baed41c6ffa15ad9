"""What several commands share: exit codes, ``--workspace``, ``--json`` and ``--filter JSON|@FILE``."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from store.errors import InputError
from store.filters.filter import Filter

if TYPE_CHECKING:
    Verbs = argparse._SubParsersAction[Any]

DONE, FAILED, BAD_INPUT, INTERRUPTED = 0, 1, 2, 130  # exit codes


def command(verbs: Verbs, name: str, call: Callable[[argparse.Namespace], int], what: str) -> argparse.ArgumentParser:
    """Add the parser of a command that ``call`` runs."""
    verb: argparse.ArgumentParser = verbs.add_parser(name, help=what)
    verb.set_defaults(call=call)
    return verb


def add_workspace(verb: argparse.ArgumentParser) -> None:
    what = "folder of the workspace (%(default)s)"
    verb.add_argument("--workspace", type=Path, default=Path("workspace"), metavar="DIR", help=what)


def add_json(verb: argparse.ArgumentParser, what: str = "print events as JSON, one object per line") -> None:
    verb.add_argument("--json", action="store_true", help=what)


def read_filter(given: str | None) -> Filter:
    """The filter of a command line, or of the file that ``@FILE`` names. InputError where it is not one."""
    if given is None:
        return Filter()
    if not given.startswith("@"):
        return Filter.from_json(given)
    try:
        return Filter.from_json(Path(given[1:]).expanduser().read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise InputError("--filter", given, "cannot be read", "name a file that holds one JSON object") from error
