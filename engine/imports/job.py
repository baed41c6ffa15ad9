"""An import from its first row to its last word: what is imported, how far it is, how it ended.

``preview`` shows what a file holds and how it would be read; ``start`` blocks until the import has ended: call it from
a thread of your own to go on meanwhile, and steer with the ``Control`` that you pass in. Every row that is read is
either imported or refused, and each refused one is kept with its place and the reason. Knows the store's verbs and no
user interface.
"""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from engine.data.digest import Digest
from engine.data.reader import PEEK, Source
from engine.imports import mapping as mappings
from engine.imports.preview import begin
from engine.imports.report import told
from engine.imports.rows import Part, Reader
from engine.jobs.control import Control
from engine.jobs.prefetch import ahead
from engine.jobs.result import OnEvent, Result, new_run_id
from store.database import bulk_insert
from store.database.workspace import Workspace
from store.errors import InputError, ScaleQuestError
from store.records import STAGES, Run

if TYPE_CHECKING:
    from engine.imports.scores import Scores

_TICK = 0.5
"""Seconds between two events."""


@dataclass(frozen=True, slots=True)
class Preview:
    """How a file begins and how it would be read: ``rows`` as they stand there, ``refused`` among the first."""

    format: str
    columns: list[str]
    mapping: mappings.Mapping
    rows: list[dict[str, Any]]
    refused: int


def preview(given: str, overrides: Mapping[str, str] | None = None, rows: int = PEEK) -> Preview:
    """Of the first rows. InputError: no such file, none that can be read, a field or column that there is not."""
    start = begin(given)
    mapping = mappings.mapped(start.good, overrides or {}, given)
    refused = len(start.rows) - len(start.good)
    return Preview(start.source.format, start.columns, mapping, start.good[:rows], refused)


@dataclass(slots=True)
class _Counts:
    """``seen``: rows that have been read of the file, of which ``read`` are through to the store's door."""

    seen: int = 0
    read: int = 0
    imported: int = 0
    refused: int = 0
    samples: int = 0
    dropped: Counter[int] = field(default_factory=Counter)
    started: float = field(default_factory=time.monotonic)


def start(
    workspace: Workspace,
    given: str,
    overrides: Mapping[str, str] | None = None,
    name: str = "",
    on_event: OnEvent = lambda _: None,
    *,
    scored: bool = True,
    control: Control | None = None,
    run_id: str | None = None,
) -> Result:
    """Import a file or data set as a run of its own, whose record is stored before its first row.

    Events: ``{"event": "start|progress|end", "run_id", "stage": "import", "done", "total", "imported", "refused",
    "rows_per_s", "eta_s", "elapsed_s", "status"}``; ``total`` is an estimate, None where there is none; the first tells
    the ``mapping``, the last the ``report`` in words. ``scored`` = False: nothing is computed. InputError as
    ``preview``, nothing is stored then; StoreError where the disk fails.
    """
    looked = preview(given, overrides)
    source, control = Source.of(given), control or Control()
    run_id = run_id or new_run_id()
    about = {
        "source": source.path.name if source.path is not None else given,
        "format": source.format,
        "mapping": looked.mapping.columns,
        "scored": scored,
    }
    about_hash = hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()
    workspace.create_run(Run(run_id, name or source.name, "import", about, about_hash, 0))
    job = _Import(workspace, run_id, source, looked, scored, on_event, control)
    return job.run(about)


class _Import:
    def __init__(
        self,
        workspace: Workspace,
        run_id: str,
        source: Source,
        looked: Preview,
        scored: bool,
        on_event: OnEvent,
        control: Control,
    ) -> None:
        self._workspace, self._run_id, self._source, self._looked = workspace, run_id, source, looked
        self._scored, self._on_event, self._control = scored, on_event, control
        self._counts = _Counts()
        self._status = "running"

    def run(self, about: dict[str, Any]) -> Result:
        self._tell("start", mapping=self._looked.mapping.columns, scored=self._scored)
        over = threading.Event()
        ticker = threading.Thread(target=self._tick, args=(over,), daemon=True)
        ticker.start()
        digest = Digest(self._source.path)
        message: str | None = None
        try:
            self._store()
            self._status = {"cancel": "cancelled", "interrupt": "interrupted"}.get(self._control.requested, "done")
        except InputError as error:
            self._status, message = "failed", str(error)
        except ScaleQuestError as error:
            self._fail(str(error))
            raise
        finally:
            over.set()
            ticker.join()
            digest.stop(wait=self._status == "done")
            self._control.ended()
        return self._end({**about, "sha256": digest.value, **self._numbers()}, message)

    def _store(self) -> None:
        """Chunk by chunk, until the file or the user's patience ends; what came before a damage is stored."""
        with ahead(self._chunks(), 1) as chunks:
            for chunk in chunks:
                if self._control.requested in ("cancel", "interrupt"):
                    return
                bulk_insert.append(self._workspace, self._run_id, chunk)
                self._counts.imported += chunk.questions.num_rows
                self._counts.refused += chunk.refused.num_rows
                self._counts.samples += chunk.solutions.num_rows
                for one in chunk.questions.column("drop_at").value_counts().to_pylist():
                    self._counts.dropped[one["values"]] += one["counts"]

    def _chunks(self) -> Iterator[bulk_insert.Chunk]:
        from engine.imports.table import Tables

        tables = Tables(self._run_id, self._source.name, self._looked.mapping, self._scored)
        damage: InputError | None = None
        reader = Reader(self._looked.mapping, self._looked.columns)
        some = False
        with ExitStack() as stack:
            parts = stack.enter_context(ahead(self._watched(reader), 4))
            try:
                for part, scores in self._judged(parts):
                    tables.add(part, scores)
                    self._counts.read += part.read
                    some = True
                    if tables.rows >= bulk_insert.ROWS:
                        yield tables.take()
                        some = False
            except InputError as error:
                damage = error
        if some:
            yield tables.take()
        if damage is not None:
            raise damage

    def _watched(self, reader: Reader) -> Iterator[Part]:
        """The parts, as long as they are wanted. Pausing holds them back."""
        for part in reader.parts(self._source.rows()):
            self._counts.seen += part.read
            yield part
            while self._control.requested == "pause":
                time.sleep(0.05)
            if self._control.requested in ("cancel", "interrupt"):
                return

    def _judged(self, parts: Iterable[Part]) -> Iterator[tuple[Part, Scores | None]]:
        if not self._scored:
            return ((part, None) for part in parts)
        from engine.imports.scores import scored

        return iter(scored(parts))

    def _tick(self, over: threading.Event) -> None:
        stored = "running"
        while not over.wait(_TICK):
            status = "paused" if self._control.requested == "pause" else "running"
            if status != stored:
                stored = self._status = status
                self._workspace.update_run(self._run_id, status="paused" if status == "paused" else "running")
            self._tell("progress")

    def _tell(self, kind: str, **more: Any) -> None:
        counts = self._counts
        elapsed = time.monotonic() - counts.started
        share, total = self._source.share, self._source.total
        if total is None and share and counts.seen:
            total = max(counts.seen, round(counts.seen / share))
        rate = counts.read / elapsed if elapsed else 0.0
        left = (total - counts.read) / rate if total is not None and rate else None
        event = {
            "event": kind,
            "run_id": self._run_id,
            "stage": "import",
            "done": counts.read,
            "total": total,
            "imported": counts.imported,
            "refused": counts.refused,
            "rows_per_s": round(rate, 1),
            "eta_s": round(left, 1) if left is not None else None,
            "elapsed_s": round(elapsed, 3),
            "status": self._status,
        }
        self._on_event({**event, **more})

    def _numbers(self) -> dict[str, int]:
        """What is stored: read = imported + refused, always."""
        counts = self._counts
        return {
            "read": counts.imported + counts.refused,
            "imported": counts.imported,
            "refused": counts.refused,
            "samples": counts.samples,
        }

    def _funnel(self) -> list[dict[str, Any]]:
        """As the view `funnel` has it, which would take seconds to ask: counted from what was stored."""
        left, rows = self._counts.imported, []
        for position, stage in enumerate(("generated", *STAGES)):
            gone = self._counts.dropped[position]
            rows.append({"stage": stage, "entered": left, "kept": left - gone, "dropped": gone})
            left -= gone
        return rows

    def _fail(self, message: str) -> None:
        """Mark the run as failed where the store still can; the first error is the one to be heard."""
        try:
            self._workspace.update_run(self._run_id, status="failed", error=message)
        except ScaleQuestError:
            return

    def _end(self, config: dict[str, Any], problem: str | None) -> Result:
        bulk_insert.end(self._workspace, self._run_id, config)
        message = self._sentence(problem)
        status: Any = self._status
        self._workspace.update_run(self._run_id, status=status, error=message if status != "interrupted" else None)
        facts, report = told(self._workspace, self._run_id, config, self._funnel())
        seconds = time.monotonic() - self._counts.started
        if status == "done":  # the estimate has become a count
            self._source.total = self._counts.read
        self._tell("end", message=message, report=report, **facts)
        return Result(self._run_id, self._status, message, seconds)

    def _sentence(self, problem: str | None) -> str | None:
        kept = f"the {self._counts.imported:,} rows imported so far are kept as run {self._run_id}"
        again = f"`scalequest delete {self._run_id} --workspace {self._workspace.path}` takes them away, to begin anew"
        if problem is not None:
            return f"{problem.rstrip('.')}; {kept}, and {again}."
        if self._status != "done":
            return f"The import was {self._status}; {kept}, and {again}."
        if not self._counts.imported:
            self._status = "failed"
            return f"No row of {self._source.given} could be imported: all {self._counts.refused:,} were refused."
        return None
