"""Review queues: rows pinned in the order in which they are looked at, with how likely each was to be drawn.

A queue is one file of the workspace, ``queues/NAME.json``, replaced whole; decisions do not change it. What counts for
a queue are the decisions that were made in it (its name stands with them), so a name is not given twice, even when its
queue was deleted. How rows are drawn is ``queue_orders.py``'s business.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import Any

from store import json_file
from store.database.sources import Source
from store.database.views import IN_FORCE
from store.database.workspace import Workspace
from store.errors import InputError, StoreError
from store.filters.filter import Filter
from store.frame.cache import Frames, asking
from store.names import line, same
from store.records import now
from store.review import sampling
from store.review.payloads import VERBS
from store.review.sampling import FIELDS, LARGEST, ORDERS, SIZE

__all__ = ["FIELDS", "LARGEST", "ORDERS", "SIZE", "Position", "Queue", "delete", "listed", "load", "make", "position"]

FOLDER = "queues"
LONGEST = 60
"""Characters of a name."""
MOST = 500
_WHAT = "a queue"
_BAD = frozenset('/\\:*?"<>|')
"""Characters that some system does not take in the name of a file."""
_lock = threading.Lock()


@dataclass(frozen=True, slots=True)
class Queue:
    """Drawn from ``of`` rows of a filter; ``sampling_p``: of each row, None where it is not a probability sample.

    ``blind``: reviewers are to decide before they see scores and others' decisions.
    """

    name: str
    filter: dict[str, Any]
    order: str
    seed: int
    size: int
    field: str | None
    value: float | None
    of: int
    made_at: datetime
    made_by: str
    blind: bool
    question_ids: tuple[str, ...]
    sampling_p: tuple[float, ...] | None

    @property
    def is_sample(self) -> bool:
        """Whether shares of it tell of all the rows that it was drawn from."""
        return self.sampling_p is not None

    def probability(self, question_id: str) -> float | None:
        """How likely the question was to be drawn; None where it is not in the queue, or that is not known."""
        if self.sampling_p is None or question_id not in self.question_ids:
            return None
        return self.sampling_p[self.question_ids.index(question_id)]


@dataclass(frozen=True, slots=True)
class Position:
    """How far a reviewer is: the first row that is not decided (None: all are), how many are, and each row's verb."""

    index: int | None
    done: int
    total: int
    decided: list[str | None]


def make(
    workspace: Workspace,
    frames: Frames,
    asked: Filter,
    order: str,
    *,
    name: str | None = None,
    size: int = SIZE,
    seed: int = 0,
    field: str | None = None,
    value: float | None = None,
    blind: bool = False,
    by: str = "",
) -> Queue:
    """Draw a queue from all rows of a filter, as they are now, and keep it. The same rows, order and seed give the same
    queue. ``field`` and ``value``: of the order ``threshold``. InputError: bad input, a taken name, no row.
    """
    sampling.check(order, size, seed, field, value)
    drawn = sampling.draw(workspace, frames, asked, order, size, seed, field, value)
    threshold = (field, value) if order == "threshold" else (None, None)
    with _lock:
        known = _names(workspace)
        kept = _free(name, known) if name is not None else _next(order, known)
        if len(listed(workspace.path)) >= MOST:
            raise InputError("queue", kept, f"would be one more than {MOST}", "delete one first")
        made = Queue(
            *(kept, asked.to_dict(), order, seed, size, *threshold, drawn.of, now(), by, bool(blind)),
            *(drawn.question_ids, drawn.sampling_p),
        )
        try:
            (workspace.path / FOLDER).mkdir(exist_ok=True)
        except OSError as error:
            raise StoreError(f"'{workspace.path / FOLDER}' cannot be made ({error.strerror}).") from error
        json_file.write(_path(workspace.path, kept), _to_json(made), indent=None)
    return made


def load(folder: Path, name: str) -> Queue:
    """The queue of this name. InputError where there is none, StoreError where its file cannot be read."""
    path = _path(folder, name)
    try:
        when = path.stat().st_mtime_ns
    except (OSError, ValueError) as error:
        raise InputError("queue", name[:LONGEST], "is not there", "reload the page: it was deleted") from error
    known = _loaded.get(path)
    if known is None or known[0] != when:
        known = _loaded[path] = when, _read(path)
        while len(_loaded) > MOST:
            _loaded.pop(next(iter(_loaded)), None)
    return known[1]


_loaded: dict[Path, tuple[int, Queue]] = {}
"""Queues by file, with the time of its change: each decision asks for one."""


def listed(folder: Path) -> list[Queue]:
    """All queues, newest first. A file that cannot be read is left out: the others are there all the same."""
    found = []
    for path in (folder / FOLDER).glob("*.json"):
        try:
            found.append(load(folder, path.name.removesuffix(".json")))
        except (InputError, StoreError):
            continue
    return sorted(found, key=lambda queue: (queue.made_at, queue.name), reverse=True)


def delete(folder: Path, name: str) -> None:
    """Forget a queue; what was decided in it stays. InputError where there is none of this name."""
    path = _path(folder, name)
    try:
        path.unlink()
    except FileNotFoundError as error:
        raise InputError("queue", name[:LONGEST], "is not there", "reload the page: it was deleted") from error
    except OSError as error:
        raise StoreError(f"'{path}' cannot be deleted ({error.strerror}); see to its permissions.") from error
    _loaded.pop(path, None)


def position(source: Source, queue: Queue, reviewer: str) -> Position:
    """How far this reviewer is in this queue, by the decisions in force that were made in it."""
    query = f"""
        SELECT question_id, arg_max(action, rowid) FROM decision_rows
        WHERE queue = $queue AND reviewer = $who AND action IN {VERBS} AND {IN_FORCE} GROUP BY question_id"""
    with asking(source) as cursor:
        found = dict(cursor.execute(query, {"queue": queue.name, "who": reviewer}).fetchall())
    decided = [found.get(key) for key in queue.question_ids]
    index = next((at for at, verb in enumerate(decided) if verb is None), None)
    return Position(index, sum(verb is not None for verb in decided), len(decided), decided)


def _path(folder: Path, name: str) -> Path:
    """The file of a queue; a name that could lead elsewhere is not a name."""
    if not isinstance(name, str) or not name or _BAD & {*name} or name.startswith(".") or "\0" in name:
        raise InputError("queue", ascii(name)[1:-1][:60], "is not there", "choose one that is listed")
    return folder / FOLDER / f"{name}.json"


def _names(workspace: Workspace) -> list[str]:
    """Those of queues, and those that decisions were made under."""
    with asking(workspace) as cursor:
        query = "SELECT DISTINCT queue FROM decision_rows WHERE queue IS NOT NULL"
        used = [name for (name,) in cursor.execute(query).fetchall()]
    files = (workspace.path / FOLDER).glob("*.json")
    return [*(path.name.removesuffix(".json") for path in files), *used]


def _free(name: str, taken: Sequence[str]) -> str:
    kept = line("queue", name, LONGEST)
    if _BAD & {*kept} or kept.startswith(".") or kept.endswith(".") or len(kept.encode()) > 200:
        raise InputError("queue", kept, "is not a name of a file", "write letters, digits, spaces and hyphens")
    if any(same(other) == same(kept) for other in taken):
        raise InputError("queue", kept, "is or was a queue's name here", "take another")
    return kept


def _next(order: str, taken: Sequence[str]) -> str:
    """``random 1``, or the next that is free."""
    known = {same(name) for name in taken}
    return next(name for number in count(1) if same(name := f"{order} {number}") not in known)


def _to_json(queue: Queue) -> dict[str, Any]:
    return asdict(queue) | {"made_at": queue.made_at.isoformat()}


def _read(path: Path) -> Queue:
    found = json_file.read(path, _WHAT)
    try:
        given = {field.name: found[field.name] for field in fields(Queue)}
        Filter.from_json(given["filter"])
        p = given["sampling_p"]
        ids = tuple(str(key) for key in given["question_ids"])
        given |= {"made_at": datetime.fromisoformat(given["made_at"]), "question_ids": ids}
        made = replace(Queue(**given), sampling_p=None if p is None else tuple(float(share) for share in p))
    except (KeyError, TypeError, ValueError, InputError) as error:
        raise json_file.damaged(path, _WHAT, str(error) or json.dumps(found)[:60]) from error
    if made.name != path.name.removesuffix(".json"):
        raise json_file.damaged(path, _WHAT, f"it is of '{made.name}'")
    if made.sampling_p is not None and (
        len(made.sampling_p) != len(ids) or not all(0 < share <= 1 for share in made.sampling_p)
    ):
        raise json_file.damaged(path, _WHAT, "its probabilities are none")
    return made
