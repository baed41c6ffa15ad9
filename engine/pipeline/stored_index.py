"""The duplicate index of a run, and that of all other runs, from the signatures stored beside the questions.

They are read by a thread while models load. Questions without a signature (of imports, and of workspaces of older
versions) get one, which is stored, so that this is done once.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from engine.config.run_config import RunConfig
from engine.duplicates.signature import BANDS, METHOD, signature
from engine.stages.duplicate import Index, SignatureBlock
from store.database import resume, signatures
from store.database.resume import Decided
from store.database.workspace import Workspace
from store.records import QuestionSignature, Run, question_id

STORED = 20_000
"""New signatures that are stored at a time."""
MOST_EXPECTED = 4_000_000
"""The most questions for which an index makes space in advance."""


@dataclass(frozen=True, slots=True)
class Earlier:
    """What a run needs of what is stored. ``index``: its own kept questions; ``others``: those of other runs, None
    where there are none; ``place``: of the next question that it judges; ``decided``: see ``resume``."""

    index: Index
    others: Index | None
    place: int
    decided: Decided


class Loading:
    """``load`` in a thread of the workspace's readers, from now on."""

    def __init__(self, workspace: Workspace, run_id: str, config: RunConfig, *, live: bool = False) -> None:
        self._found: Earlier | None = None
        self._error: BaseException | None = None
        self._stop = threading.Event()

        def work() -> None:
            try:
                self._found = load(workspace, run_id, config, live=live, stopped=self._stop.is_set)
            except BaseException as error:  # noqa: BLE001  the thread's edge: raised to who asks for the result
                self._error = error

        self._thread = workspace.start_reader_thread(work)

    def result(self, stopping: Callable[[], bool] = lambda: False) -> Earlier:
        """Wait for it; an empty one where ``stopping`` became true first. Raises what ``load`` has raised."""
        while self._thread.is_alive():
            self._thread.join(0.25)
            if stopping():
                self._stop.set()
        if isinstance(self._error, _Stopped):
            return Earlier(Index(), None, 0, Decided())
        if self._error is not None:
            raise self._error
        assert self._found is not None
        return self._found

    def stop(self) -> None:
        """Stop soon and wait for that; nothing happens where it has ended."""
        self._stop.set()
        self._thread.join()


class _Stopped(Exception):
    pass


def load(
    workspace: Workspace,
    run_id: str,
    config: RunConfig,
    *,
    live: bool = False,
    stopped: Callable[[], bool] = lambda: False,
) -> Earlier:
    """Read what the run needs, and store missing signatures. ``live``: its index only marks."""
    threshold = config.duplicate_threshold
    index = Index(threshold=threshold, mark_only=live, expected=min(config.limit, MOST_EXPECTED))
    read(workspace, index, run_id, judged=True, stopped=stopped)
    index.build()
    others: Index | None = None
    if config.other_runs != "ignore":
        others = Index(threshold=threshold, across_runs=config.other_runs == "drop")
        for run in workspace.runs():
            if run.run_id != run_id:
                read(workspace, others, run.run_id, judged=_may_judge(run), stopped=stopped)
        others.build()
    with workspace.cursor() as cursor:
        place = signatures.next_place(cursor, run_id)
        decided = resume.decided(cursor, run_id)
    return Earlier(index, others if others is not None and others.size else None, place, decided)


def read(
    workspace: Workspace, index: Index, run_id: str, *, judged: bool, stopped: Callable[[], bool] = lambda: False
) -> None:
    """Add the run's kept questions to the index; ``judged``: only those that the duplicate stage has kept. Call
    ``index.build`` after the last run."""
    complete(workspace, run_id, judged, stopped)
    with workspace.cursor() as cursor:
        for rows in signatures.kept(cursor, run_id, METHOD, judged=judged):
            if stopped():
                raise _Stopped
            index.extend(run_id, block(rows))


def block(rows: pa.Table) -> SignatureBlock:
    """The rows of ``store.database.signatures.kept`` as arrays."""
    words = rows["words"].combine_chunks()
    offsets = np.frombuffer(words.buffers()[1], np.int32, len(words) + 1, 4 * words.offset).astype(np.int64)
    flat = np.frombuffer(words.buffers()[2] or b"", np.uint32, (offsets[-1] - offsets[0]) // 4, offsets[0])
    bands = rows["bands"].combine_chunks()
    start = int(np.frombuffer(bands.buffers()[1], np.int32, 1, 4 * bands.offset)[0])
    idx, exact, content, mask, size = (rows[name].to_numpy() for name in ("idx", "exact", "content", "mask", "size"))
    return SignatureBlock(
        idx,
        exact,
        content,
        mask,
        size,
        np.frombuffer(bands.buffers()[2], np.uint32, len(bands) * BANDS, start).reshape(-1, BANDS),
        np.diff(offsets) // 4,
        flat,
    )


def complete(workspace: Workspace, run_id: str, judged: bool, stopped: Callable[[], bool]) -> None:
    """Make and store the signatures that the run's kept questions lack."""
    with workspace.cursor() as cursor:
        for texts in signatures.without(cursor, run_id, METHOD, judged=judged):
            for first in range(0, len(texts), STORED):
                if stopped():
                    raise _Stopped
                made = [
                    (idx, QuestionSignature(question_id(run_id, idx), None, METHOD, *signature(text)))
                    for idx, text in texts[first : first + STORED]
                ]
                signatures.replace(workspace, run_id, made)


def _may_judge(run: Run) -> bool:
    """Whether the run goes on, or can be resumed: its unjudged questions are left to it. Imports judge none."""
    return run.kind != "import" and run.status not in ("done", "cancelled")
