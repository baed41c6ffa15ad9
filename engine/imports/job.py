"""The import job: reads a file or data set row by row and stores it as a run.

``preview`` shows what a file holds and how it would be read; ``start`` blocks until the import has ended: call it from
a thread to continue meanwhile, and control it with the ``Control`` that you pass in. Every row that is read is either
imported or refused, and each refused one is stored with its place and the reason.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from engine.data.digest import Digest
from engine.data.reader import PEEK, Source
from engine.imports import mapping as mappings
from engine.imports.grouping import AUTO, decided
from engine.imports.part import Part
from engine.imports.preview import begin
from engine.imports.report import grouping_sentence, refused_sentence, report_of, unread_sentence
from engine.imports.rows import Reader
from engine.jobs.control import Control
from engine.jobs.prefetch import prefetched
from engine.jobs.progress import Progress
from engine.jobs.result import OnEvent, Result, new_run_id
from store.database import bulk_insert
from store.database.workspace import Workspace
from store.errors import InputError, ScaleQuestError
from store.records import STAGES, Run

if TYPE_CHECKING:
    from engine.imports.scores import Scores


@dataclass(frozen=True, slots=True)
class Preview:
    """How a file begins and how it would be read: its first ``rows``, and how many of them would be ``refused``.

    ``remarks``: sentences on what cannot be read and on rows that are grouped.
    """

    format: str
    columns: list[str]
    mapping: mappings.Mapping
    rows: list[dict[str, Any]]
    refused: int
    remarks: tuple[str, ...] = ()


def preview(given: str, overrides: Mapping[str, str] | None = None, rows: int = PEEK, *, group: str = AUTO) -> Preview:
    """The first rows of a source. InputError where it cannot be read, or has no such field or column."""
    start = begin(given)
    mapping = mappings.mapped(start.good, overrides or {}, given)
    mapping = decided(mapping, start.columns, start.good, group)
    read = start.read(mapping)
    first = "the first row" if len(start.rows) == 1 else f"the first {len(start.rows):,} rows"
    refused = refused_sentence((reason for _, reason, _ in read.refused), first)
    said = unread_sentence(read.unread, first), grouping_sentence(read.grouped), refused
    remarks = tuple(sentence for sentence in said if sentence)
    return Preview(start.source.format, start.columns, mapping, start.good[:rows], len(read.refused), remarks)


@dataclass(slots=True)
class _Counts:
    """``seen`` rows have been read from the file."""

    seen: int = 0
    imported: int = 0
    refused: int = 0
    samples: int = 0
    grouped: int = 0
    dropped: Counter[int] = field(default_factory=Counter)
    pending: Counter[int] = field(default_factory=Counter)
    unread: Counter[str] = field(default_factory=Counter)


def start(
    workspace: Workspace,
    given: str,
    overrides: Mapping[str, str] | None = None,
    name: str = "",
    on_event: OnEvent = lambda _: None,
    *,
    scored: bool = True,
    group: str = AUTO,
    drop_languages: bool = False,
    control: Control | None = None,
    run_id: str | None = None,
) -> Result:
    """Import a file or data set as a run, whose record is stored before its first row.

    Emits the events of ``engine.jobs.progress`` with the numbers ``imported`` and ``refused``; the total is estimated.
    The first event has the ``mapping``, the last a ``report``. ``scored`` False: nothing is computed. ``group``: see
    ``grouping.CHOICES``. ``drop_languages``: drop questions in other languages, which are only marked otherwise.
    InputError as ``preview`` (nothing is stored then), StoreError where the disk fails.
    """
    looked = preview(given, overrides, group=group)
    source, control = Source.of(given), control or Control()
    run_id = run_id or new_run_id()
    about = {
        "source": source.path.name if source.path is not None else given,
        "format": source.format,
        "mapping": looked.mapping.columns,
        "layout": looked.mapping.layout,
        "rows_grouped": looked.mapping.grouped,
        "scored": scored,
        "drop_languages": drop_languages,
    }
    about_hash = hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()
    workspace.create_run(Run(run_id, name or source.name, "import", about, about_hash, 0))
    job = _Import(workspace, run_id, source, looked, scored, drop_languages, on_event, control)
    return job.run(about)


class _Import:
    def __init__(
        self,
        workspace: Workspace,
        run_id: str,
        source: Source,
        looked: Preview,
        scored: bool,
        drop_languages: bool,
        on_event: OnEvent,
        control: Control,
    ) -> None:
        self._workspace, self._run_id, self._source, self._looked = workspace, run_id, source, looked
        self._scored, self._drop_languages, self._control = scored, drop_languages, control
        self._counts = _Counts()
        self._progress = Progress(on_event, run_id, "import", self._details)

    def run(self, about: dict[str, Any]) -> Result:
        progress = self._progress
        looked = self._looked
        progress.emit("start", mapping=looked.mapping.columns, scored=self._scored, remarks=list(looked.remarks))
        digest = Digest(self._source.path)
        problem: str | None = None
        try:
            with progress.ticking():
                self._store()
            progress.status = self._control.outcome
        except InputError as error:
            progress.status, problem = "failed", str(error)
        except ScaleQuestError as error:
            self._fail(str(error))
            raise
        finally:
            digest.stop(wait=progress.status == "done")
        return self._end({**about, "sha256": digest.value, **self._numbers()}, problem)

    def _store(self) -> None:
        """Store chunk by chunk until the source ends or the user stops it; what came before damage is stored."""
        with prefetched(self._chunks(), 1) as chunks:
            for chunk in chunks:
                if self._control.stopping:
                    return
                bulk_insert.append(self._workspace, self._run_id, chunk)
                self._counts.imported += chunk.questions.num_rows
                self._counts.refused += chunk.refused.num_rows
                self._counts.samples += chunk.solutions.num_rows
                for name, counts in (("drop_at", self._counts.dropped), ("pending_at", self._counts.pending)):
                    for one in chunk.questions.column(name).value_counts().to_pylist():
                        counts[one["values"]] += one["counts"]

    def _chunks(self) -> Iterator[bulk_insert.Chunk]:
        from engine.imports.table import Tables

        tables = Tables(
            self._run_id, self._source.name, self._looked.mapping, self._scored, drop_languages=self._drop_languages
        )
        damage: InputError | None = None
        reader = Reader(self._looked.mapping, self._looked.columns)
        some = False
        with ExitStack() as stack:
            parts = stack.enter_context(prefetched(self._watched(reader), 4))
            try:
                for part, scores in self._judged(parts):
                    tables.add(part, scores)
                    self._progress.done += part.read
                    self._counts.grouped += part.grouped
                    self._counts.unread.update(part.unread)
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
        """The parts of the source until the import is stopped. Pausing holds them back."""
        for part in reader.parts(self._source.rows()):
            self._counts.seen += part.read
            yield part
            if self._control.requested == "pause":
                self._pause()
            if self._control.stopping:
                return

    def _pause(self) -> None:
        self._workspace.update_run(self._run_id, status="paused")
        with self._progress.paused():
            while self._control.requested == "pause":
                time.sleep(0.05)
        self._workspace.update_run(self._run_id, status="running")

    def _judged(self, parts: Iterable[Part]) -> Iterator[tuple[Part, Scores | None]]:
        if not self._scored:
            return ((part, None) for part in parts)
        from engine.imports.scores import scored

        return iter(scored(parts))

    def _details(self) -> dict[str, int]:
        """The counts of an event. The total is estimated here, from the share of the source that has been read."""
        share, seen, total = self._source.share, self._counts.seen, self._source.total
        self._progress.total = max(seen, round(seen / share)) if total is None and share and seen else total
        return {"imported": self._counts.imported, "refused": self._counts.refused}

    def _numbers(self) -> dict[str, Any]:
        """The rows that are stored: read = imported + grouped + refused."""
        counts = self._counts
        return {
            "read": counts.imported + counts.grouped + counts.refused,
            "imported": counts.imported,
            "refused": counts.refused,
            "grouped": counts.grouped,
            "samples": counts.samples,
            "unread": {name: n for name, n in counts.unread.items() if n},
        }

    def _funnel(self) -> list[dict[str, Any]]:
        """The rows of the view `funnel`, counted here because the view would take seconds."""
        left, rows = self._counts.imported, []
        for position, stage in enumerate(("generated", *STAGES)):
            gone, waiting = self._counts.dropped[position], self._counts.pending[position]
            left -= waiting
            rows.append({"stage": stage, "entered": left, "kept": left - gone, "dropped": gone, "pending": waiting})
            left -= gone
        return rows

    def _fail(self, message: str) -> None:
        """Mark the run as failed where the store still can; the first error is the one that is raised."""
        try:
            self._workspace.update_run(self._run_id, status="failed", error=message)
        except ScaleQuestError:
            return

    def _end(self, config: dict[str, Any], problem: str | None) -> Result:
        progress = self._progress
        bulk_insert.end(self._workspace, self._run_id, config)
        message = self._message(problem)
        status: Any = progress.status
        self._workspace.update_run(self._run_id, status=status, error=message if status != "interrupted" else None)
        facts, report = report_of(self._workspace, self._run_id, config, self._funnel())
        if status == "done":  # the estimate has become a count
            self._source.total = progress.done
        return progress.end(status, message, report=report, **facts)

    def _message(self, problem: str | None) -> str | None:
        status = self._progress.status
        kept = f"the {self._counts.imported:,} rows imported so far are kept as run {self._run_id}"
        delete = f"`scalequest delete {self._run_id} --workspace {self._workspace.path}` deletes them"
        if problem is not None:
            return f"{problem.rstrip('.')}; {kept}, and {delete}."
        if status != "done":
            return f"The import was {status}; {kept}, and {delete}."
        if not self._counts.imported:
            self._progress.status = "failed"
            return f"No row of {self._source.given} could be imported: all {self._counts.refused:,} were refused."
        return None
