"""Review queues: fixed lists of rows to review, with the probability of drawing each (see ``sampling.py``).

A queue is one file of the workspace, ``queues/NAME.json``, that decisions don't change. Decisions store the name of
their queue, so a name is never reused, even after its queue was deleted.
"""

import json
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, fields
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
from store.frame.cache import Frames, read_cursor
from store.names import line, same
from store.records import now
from store.review import sampling
from store.review.payloads import VERBS

FOLDER = "queues"
LONGEST = 60
"""Characters of a name."""
MOST = 500
_WHAT = "a queue"
_BAD = frozenset('/\\:*?"<>|')
"""Characters that some systems reject in file names."""
_lock = threading.Lock()


@dataclass(frozen=True, slots=True)
class Queue:
    """Drawn from ``of`` rows of a filter; ``sampling_p`` by row, None unless it is a probability sample. ``blind``:
    scores and others' decisions are hidden until the reviewer has decided.
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
        """Whether it is a probability sample of the rows that it was drawn from."""
        return self.sampling_p is not None

    @property
    def settles(self) -> bool:
        """Whether decisions in it settle disagreements of reviewers."""
        return self.order == sampling.SETTLING

    def probability(self, question_id: str) -> float | None:
        """The probability of drawing the question; None where it is unknown or the question is not in the queue."""
        if self.sampling_p is None or question_id not in self.question_ids:
            return None
        return self.sampling_p[self.question_ids.index(question_id)]


@dataclass(frozen=True, slots=True)
class Position:
    """A reviewer's progress: the ``index`` of the first undecided row (None: all are ``done``), and each row's verb."""

    index: int | None
    done: int
    total: int
    decided: list[str | None]


def make(
    workspace: Workspace,
    frames: Frames,
    filter_: Filter,
    order: str,
    *,
    name: str | None = None,
    size: int = sampling.SIZE,
    seed: int = 0,
    field: str | None = None,
    value: float | None = None,
    blind: bool = False,
    by: str = "",
) -> Queue:
    """Draw a queue from all current rows of a filter and store it; deterministic by rows, order and seed. ``field`` and
    ``value`` are for the order ``threshold``. InputError for bad options, a used name, or no row.
    """
    sampling.check_options(order, size, seed, field, value)
    drawn = sampling.draw(workspace, frames, filter_, order, size, seed, field, value)
    threshold = (field, value) if order == "threshold" else (None, None)
    with _lock:
        used = _used_names(workspace)
        name = _new_name(name, used) if name is not None else _next_name(order, used)
        if len(listed(workspace.path)) >= MOST:
            raise InputError("queue", name, f"would exceed the limit of {MOST} queues", "delete one first")
        queue = Queue(
            *(name, filter_.to_dict(), order, seed, size, *threshold, drawn.of, now(), by, bool(blind)),
            *(drawn.question_ids, drawn.sampling_p),
        )
        try:
            (workspace.path / FOLDER).mkdir(exist_ok=True)
        except OSError as error:
            raise StoreError(f"'{workspace.path / FOLDER}' cannot be made ({error.strerror}).") from error
        content = asdict(queue) | {"made_at": queue.made_at.isoformat()}
        json_file.write(_path(workspace.path, name), content, indent=None)
    return queue


def load(folder: Path, name: str) -> Queue:
    """The queue of this name. InputError for an unknown one, StoreError where its file cannot be read."""
    path = _path(folder, name)
    try:
        changed_at = path.stat().st_mtime_ns
    except (OSError, ValueError) as error:
        raise InputError("queue", name[:LONGEST], "does not exist", "reload the page: it was deleted") from error
    cached = _loaded.get(path)
    if cached is None or cached[0] != changed_at:
        cached = _loaded[path] = changed_at, _read(path)
        while len(_loaded) > MOST:
            _loaded.pop(next(iter(_loaded)), None)
    return cached[1]


_loaded: dict[Path, tuple[int, Queue]] = {}
"""Queues by file, with the time of its last change: each decision loads one."""


def listed(folder: Path) -> list[Queue]:
    """All queues, newest first, without files that cannot be read."""
    queues = []
    for path in (folder / FOLDER).glob("*.json"):
        with suppress(InputError, StoreError):
            queues.append(load(folder, path.name.removesuffix(".json")))
    return sorted(queues, key=lambda queue: (queue.made_at, queue.name), reverse=True)


def delete(folder: Path, name: str) -> None:
    """Delete a queue; decisions that were made in it stay. InputError for an unknown name."""
    path = _path(folder, name)
    try:
        path.unlink()
    except FileNotFoundError as error:
        raise InputError("queue", name[:LONGEST], "does not exist", "reload the page: it was deleted") from error
    except OSError as error:
        raise StoreError(f"'{path}' cannot be deleted ({error.strerror}); check its permissions.") from error
    _loaded.pop(path, None)


def position(source: Source, queue: Queue, reviewer: str) -> Position:
    """The reviewer's progress by the decisions in force that were made in this queue."""
    query = f"""
        SELECT question_id, arg_max(action, rowid) FROM decision_rows
        WHERE queue = $queue AND reviewer = $who AND action IN {VERBS} AND {IN_FORCE} GROUP BY question_id"""
    with read_cursor(source) as cursor:
        verbs = dict(cursor.execute(query, {"queue": queue.name, "who": reviewer}).fetchall())
    decided = [verbs.get(key) for key in queue.question_ids]
    index = next((at for at, verb in enumerate(decided) if verb is None), None)
    return Position(index, sum(verb is not None for verb in decided), len(decided), decided)


def _path(folder: Path, name: str) -> Path:
    """The file of a queue. InputError for a name that could be a path elsewhere."""
    if not isinstance(name, str) or not name or _BAD & {*name} or name.startswith(".") or "\0" in name:
        raise InputError("queue", ascii(name)[1:-1][:60], "does not exist", "choose one from the list")
    return folder / FOLDER / f"{name}.json"


def _used_names(workspace: Workspace) -> list[str]:
    """The names of queues, and of those in decisions."""
    with read_cursor(workspace) as cursor:
        query = "SELECT DISTINCT queue FROM decision_rows WHERE queue IS NOT NULL"
        used = [name for (name,) in cursor.execute(query).fetchall()]
    files = (workspace.path / FOLDER).glob("*.json")
    return [*(path.name.removesuffix(".json") for path in files), *used]


def _new_name(name: str, used: Sequence[str]) -> str:
    name = line("queue", name, LONGEST)
    if _BAD & {*name} or name.startswith(".") or name.endswith(".") or len(name.encode()) > 200:
        raise InputError("queue", name, "is not a valid file name", "use letters, digits, spaces and hyphens")
    if any(same(other) == same(name) for other in used):
        raise InputError("queue", name, "is or was the name of a queue", "choose another")
    return name


def _next_name(order: str, used: Sequence[str]) -> str:
    """``random 1``, or the next unused one."""
    known = {same(name) for name in used}
    return next(name for number in count(1) if same(name := f"{order} {number}") not in known)


def _read(path: Path) -> Queue:
    content = json_file.read(path, _WHAT)
    try:
        values = {field.name: content[field.name] for field in fields(Queue)}
        Filter.from_json(values["filter"])
        values["made_at"] = datetime.fromisoformat(values["made_at"])
        values["question_ids"] = ids = tuple(str(key) for key in values["question_ids"])
        p = values["sampling_p"]
        values["sampling_p"] = None if p is None else tuple(float(share) for share in p)
        queue = Queue(**values)
    except (KeyError, TypeError, ValueError, InputError) as error:
        raise json_file.damaged(path, _WHAT, str(error) or json.dumps(content)[:60]) from error
    if queue.name != path.name.removesuffix(".json"):
        raise json_file.damaged(path, _WHAT, f"its name is '{queue.name}'")
    p = queue.sampling_p
    if p is not None and (len(p) != len(ids) or not all(0 < share <= 1 for share in p)):
        raise json_file.damaged(path, _WHAT, "its probabilities are invalid")
    return queue
