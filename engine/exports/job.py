"""An export from the first key to the manifest, which is written last.

Files are written into ``OUT.partial-PID`` beside ``OUT``, made safe on the disk, and the folder is renamed as a whole:
what is called ``OUT`` is complete, whenever the program is killed. Exporting writes nothing to the database. ``start``
blocks until the end; steer with the ``Control``. Knows the store's verbs and no user interface.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from engine.exports import manifest as manifests
from engine.exports.folder import Files, check, into, put
from engine.exports.plan import Plan
from engine.jobs.control import Control
from engine.jobs.prefetch import ahead
from engine.jobs.result import OnEvent, Result
from engine.text.answers import AnswerPool, settle
from store.database.sources import Source
from store.errors import InputError
from store.export import files as export_files
from store.export import formats, splits
from store.export import rows as export_rows
from store.export.files import Written
from store.export.rows import Array, Cursor, Interrupted, Selected
from store.filters.filter import View
from store.map import files as maps

_TICK = 0.5
"""Seconds between two events."""
REJECTED = "data/rejected-00000-of-00001.parquet"
_GONE = {"cancel": "cancelled", "interrupt": "interrupted"}


class _Stopped(Exception):
    """The user's wish; nothing is left behind."""


@dataclass(slots=True)
class _Progress:
    """``total``: rows to go through, None until they are counted."""

    done: int = 0
    total: int | None = None
    status: str = "running"
    started: float = field(default_factory=time.monotonic)


@dataclass(frozen=True, slots=True)
class Counts:
    """What a plan comes to before it is written: ``selected`` rows by status and run, and those left out because a
    reviewer rejected them."""

    selected: Selected

    def told(self) -> dict[str, Any]:
        return {
            "selected": self.selected.rows.num_rows,
            "rejected_left_out": self.selected.rejected,
            "status": self.selected.counts("status"),
            "runs": self.selected.counts("run_id"),
        }


def start(
    source: Source,
    plan: Plan,
    out: Path,
    on_event: OnEvent = lambda _: None,
    *,
    control: Control | None = None,
    run_id: str = "export",
) -> Result:
    """Export into the folder ``out``, which must not be there or be empty.

    Events: ``{"event": "start|progress|end", "run_id", "stage": "export", "done", "total", "rows_per_s", "eta_s",
    "elapsed_s", "status"}``; the last tells the ``counts``, the ``files`` and the ``report`` in words. ``run_id`` is a
    name for this export. InputError: ``out`` is taken, or cannot be made; StoreError: the disk is full.
    """
    check(out)
    job = _Export(source, plan, out, on_event, control or Control(), run_id)
    return job.run()


class _Export:
    def __init__(self, source: Source, plan: Plan, out: Path, on_event: OnEvent, control: Control, run_id: str) -> None:
        self._source, self._plan, self._out = source, plan, out
        self._on_event, self._control, self._run_id = on_event, control, run_id
        self._at = _Progress()

    def run(self) -> Result:
        self._tell("start")
        over = threading.Event()
        ticker = threading.Thread(target=self._tick, args=(over,), daemon=True)
        ticker.start()
        manifest: dict[str, Any] | None = None
        try:
            with into(self._out) as folder:
                manifest = self._write(folder)
            self._at.status = "done"
        except (_Stopped, Interrupted):
            self._at.status = _GONE.get(self._control.requested, "interrupted")
        finally:
            over.set()
            ticker.join()
            self._control.ended()
        return self._end(manifest if self._at.status == "done" else None)

    def _write(self, folder: Path) -> dict[str, Any]:
        """The files and, last, the manifest; gives it back."""
        with self._source.cursor() as cursor, export_rows.moment(cursor), _answers(self._plan) as same:
            chosen = self._select(cursor, self._plan.form.view)
            self._at.total = chosen.rows.num_rows
            if not self._at.total:
                raise self._nothing()
            held = self._held_out(cursor, chosen)
            files = self._rows(cursor, folder, chosen, held, same)
            self._none_empty(files)
            counts = Counts(chosen).told() | {"rows": {path: one["rows"] for path, one in files.items()}}
            told = chosen.counts("run_id")
            if self._plan.format == "hf":
                files |= self._dataset(cursor, folder, chosen, counts, files)
        runs = [run for run in self._source.runs() if run.run_id in told]
        made = manifests.build(self._plan, counts, runs, files)
        put(folder / manifests.NAME, manifests.dump(made))
        export_files.finish(folder, list(files))
        return made

    def _select(self, cursor: Cursor, view: View) -> Selected:
        asked = self._plan.filter
        return export_rows.select(cursor, view, asked, self._go_on, inside=maps.keys_in_area(self._source, asked))

    def _nothing(self) -> InputError:
        left = f"lets through nothing that is a row of {self._plan.format}"
        return InputError("filter", self._plan.filter.to_json(), left, "ask for less")

    def _none_empty(self, files: dict[str, Written]) -> None:
        """InputError for a file without rows: of preference pairs it is only known when they are made."""
        empty = [path for path, one in files.items() if not one["rows"]]
        if len(empty) == len(files):
            raise self._nothing()
        if empty:
            problem = f"leaves '{empty[0]}' without rows"
            raise InputError("--validation", self._plan.validation, problem, "take another share, or 0")

    def _held_out(self, cursor: Cursor, chosen: Selected) -> Array:
        if not self._plan.validation:
            return np.zeros(0, np.int64)
        held = splits.held_out(cursor, chosen, self._plan.validation)
        if not 0 < len(held) < chosen.rows.num_rows:
            problem = f"leaves a split without rows, of {chosen.rows.num_rows:,} in clusters of duplicates"
            raise InputError("--validation", self._plan.validation, problem, "take another share, or 0")
        return held

    def _rows(
        self,
        cursor: Cursor,
        folder: Path,
        chosen: Selected,
        held: Array,
        same: Callable[[str, str], bool] | None,
    ) -> dict[str, Written]:
        """One file a split."""
        plan = self._plan
        parts = export_rows.read(cursor, chosen, plan.form, plan.columns, same)
        with Files(folder, plan.files, plan.form, plan.columns) as files, ahead(parts, 1) as found:
            for part in found:
                self._go_on()
                rows = part.drop_columns(["q"])
                if plan.validation:
                    apart = pa.array(np.isin(part["q"].to_numpy(), held, assume_unique=True))
                    files.write("validation", rows.filter(apart))
                    rows = rows.filter(pa.compute.invert(apart))
                files.write(next(iter(plan.files)), rows)
                if part.num_rows:
                    self._at.done = int(np.searchsorted(chosen.q, part["q"][-1].as_py(), side="right"))
            return files.close()

    def _dataset(
        self,
        cursor: Cursor,
        folder: Path,
        chosen: Selected,
        counts: dict[str, Any],
        files: dict[str, Written],
    ) -> dict[str, Written]:
        """What a dataset folder has besides its rows: what was dropped, and the card."""
        from engine.exports import dataset_card

        form = formats.DATASET_REJECTED
        dropped = self._select(cursor, "items")
        rejected: dict[str, Written] = {}
        if dropped.rows.num_rows:  # `datasets` opens no split without rows
            with Files(folder, {"rejected": REJECTED}, form, form.columns) as more:
                for part in export_rows.read(cursor, dropped, form, form.columns):
                    self._go_on()
                    more.write("rejected", part.drop_columns(["q"]))
                rejected = more.close()
        counts["rows"] |= {path: one["rows"] for path, one in rejected.items()}
        runs = [run for run in self._source.runs() if run.run_id in counts["runs"]]
        text = dataset_card.text(cursor, self._plan, chosen, runs, files | rejected)
        return rejected | {"README.md": put(folder / "README.md", text)}

    def _go_on(self) -> None:
        while self._control.requested == "pause":
            time.sleep(0.05)
        if self._control.requested in _GONE:
            raise _Stopped

    def _tick(self, over: threading.Event) -> None:
        while not over.wait(_TICK):
            self._tell("progress")

    def _tell(self, kind: str, **more: Any) -> None:
        at = self._at
        elapsed = time.monotonic() - at.started
        rate = at.done / elapsed if elapsed else 0.0
        left = (at.total - at.done) / rate if at.total is not None and rate else None
        event = {
            "event": kind,
            "run_id": self._run_id,
            "stage": "export",
            "done": at.done,
            "total": at.total,
            "rows_per_s": round(rate, 1),
            "eta_s": round(left, 1) if left is not None else None,
            "elapsed_s": round(elapsed, 3),
            "status": at.status,
        }
        self._on_event({**event, **more})

    def _end(self, manifest: dict[str, Any] | None) -> Result:
        seconds = time.monotonic() - self._at.started
        message = None
        facts: dict[str, Any] = {}
        if manifest is None:
            message = f"The export was {self._at.status}; nothing was left behind, and the same command makes it anew."
        else:
            self._at.done = self._at.total or 0
            facts = {"counts": manifest["counts"], "files": manifest["files"], "report": report(manifest, self._out)}
        self._tell("end", **{"message": message, "report": "", **facts})
        return Result(self._run_id, self._at.status, message, seconds)


def report(manifest: dict[str, Any], out: Path) -> str:
    """What was exported, in words."""
    counts = manifest["counts"]
    lines = [f"{counts['selected']:,} selected, {counts['rejected_left_out']:,} left out that a reviewer rejected."]
    made = sum(counts["rows"][path] for path in counts["rows"] if path != REJECTED)
    if made < counts["selected"]:
        lines.append(f"{counts['selected'] - made:,} make no preference pair: no other sample is worse and different.")
    for path, one in manifest["files"].items():
        rows = f"{one['rows']:>11,} rows" if path in counts["rows"] else " " * 16
        lines.append(f"  {path:<36}{rows}{one['bytes']:>16,} bytes")
    return "\n".join([*lines, f"{out / manifests.NAME} tells what this is made of."])


@contextmanager
def _answers(plan: Plan) -> Iterator[Callable[[str, str], bool] | None]:
    """Tells whether two final answers are one, where the plan asks for it."""
    if plan.format != "dpo" or plan.same_answers:
        yield None
        return
    with AnswerPool() as pool:

        def same(one: str, other: str) -> bool:
            settled = settle(one, other)
            return pool.same(one, other) if settled is None else settled

        yield same
