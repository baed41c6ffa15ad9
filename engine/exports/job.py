"""The export job: selects rows, writes them to files and, last, the manifest.

Files are written into ``OUT.partial-PID`` next to ``OUT``, synced to the disk, and the folder is renamed as a whole: a
folder called ``OUT`` is complete, whenever the program is killed. Exporting writes nothing to the database. ``start``
blocks until the end; control it with the ``Control`` that you pass in.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from engine.exports import manifest as manifests
from engine.exports import self_test
from engine.exports.folder import Files, check, into, put
from engine.exports.plan import Plan
from engine.exports.rl_rows import RlRows, measured_models
from engine.jobs.control import Control
from engine.jobs.prefetch import prefetched
from engine.jobs.progress import Progress
from engine.jobs.result import OnEvent, Result
from engine.text.answers import AnswerPool, settle
from store.database.sources import Source
from store.errors import InputError
from store.export import files as export_files
from store.export import formats, splits
from store.export import rows as export_rows
from store.export.files import Written
from store.export.formats import View
from store.export.rows import Array, Cursor, Interrupted, Selected
from store.map import files as maps

REJECTED = "data/rejected-00000-of-00001.parquet"


class _Stopped(Exception):
    """The user has ended the export; nothing is left behind."""


@dataclass(frozen=True, slots=True)
class Counts:
    """The rows that a plan selects, by status and run, and the number left out because a reviewer rejected them."""

    selected: Selected

    def to_dict(self) -> dict[str, Any]:
        prompts = {"uncheckable_left_out": self.selected.uncheckable} if self.selected.view == "prompts" else {}
        return {
            "selected": self.selected.rows.num_rows,
            "rejected_left_out": self.selected.rejected,
            **prompts,
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
    """Export into the folder ``out``, which must not exist or be empty.

    Emits the events of ``engine.jobs.progress``; the last one has the ``counts``, the ``files`` and a ``report`` in
    words. InputError where ``out`` is taken or cannot be made, StoreError where the disk is full.
    """
    check(out)
    return _Export(source, plan, out, on_event, control or Control(), run_id).run()


class _Export:
    def __init__(self, source: Source, plan: Plan, out: Path, on_event: OnEvent, control: Control, run_id: str) -> None:
        self._source, self._plan, self._out, self._control = source, plan, out, control
        self._progress = Progress(on_event, run_id, "export")

    def run(self) -> Result:
        self._progress.emit("start")
        manifest: dict[str, Any] | None = None
        status = "done"
        with self._progress.ticking():
            try:
                with into(self._out) as folder:
                    manifest = self._write(folder)
            except (_Stopped, Interrupted):
                manifest, status = None, self._control.outcome if self._control.stopping else "interrupted"
        return self._end(status, manifest)

    def _write(self, folder: Path) -> dict[str, Any]:
        """The files and, last, the manifest; gives it back."""
        with self._source.cursor() as cursor, export_rows.read_transaction(cursor), _answers(self._plan) as same:
            chosen = self._select(cursor, self._plan.form.view)
            self._progress.total = chosen.rows.num_rows
            if not self._progress.total:
                raise self._nothing()
            held = self._held_out(cursor, chosen)
            rl = self._rl(cursor, chosen)
            files = self._rows(cursor, folder, chosen, held, same, rl)
            self._check_not_empty(files)
            counts = Counts(chosen).to_dict() | {"rows": {path: one["rows"] for path, one in files.items()}}
            run_ids = chosen.counts("run_id")
            if self._plan.format == "hf":
                files |= self._dataset(cursor, folder, chosen, counts, files)
        runs = [run for run in self._source.runs() if run.run_id in run_ids]
        self._proceed()
        tested = self_test.run(rl.trainer, rl.tested) if rl else None
        made = manifests.build(self._plan, counts, runs, files, tested)
        put(folder / manifests.NAME, manifests.dump(made))
        export_files.finish(folder, list(files))
        return made

    def _select(self, cursor: Cursor, view: View) -> Selected:
        chosen = self._plan.filter
        inside = maps.keys_in_area(self._source, chosen)
        checkable = self._plan.checkable and view == "prompts"
        return export_rows.select(cursor, view, chosen, self._proceed, inside=inside, checkable=checkable)

    def _rl(self, cursor: Cursor, chosen: Selected) -> RlRows | None:
        if self._plan.format != "rl":
            return None
        return RlRows(self._plan.trainer, measured_models(cursor, chosen), chosen)

    def _nothing(self) -> InputError:
        problem = f"matches no row of the format {self._plan.format}"
        remedy = "remove a condition"
        if self._plan.format == "dpo":
            remedy += "; a row needs two solutions whose rewards, and by default whose final answers, differ"
        if self._plan.format == "rl":
            problem = "matches no question with a gold answer that a rule can check"
            remedy = "import a set with gold answers, or keep the others by --uncheckable"
        return InputError("filter", self._plan.filter.to_json(), problem, remedy)

    def _check_not_empty(self, files: dict[str, Written]) -> None:
        """InputError for a file without rows: the number of preference pairs is known only when they are made."""
        empty = [path for path, one in files.items() if not one["rows"]]
        if len(empty) == len(files):
            raise self._nothing()
        if empty:
            problem = f"leaves '{empty[0]}' without rows"
            raise InputError("--validation", self._plan.validation, problem, "use another share, or 0")

    def _held_out(self, cursor: Cursor, chosen: Selected) -> Array:
        if not self._plan.validation:
            return np.zeros(0, np.int64)
        held = splits.held_out(cursor, chosen, self._plan.validation)
        if not 0 < len(held) < chosen.rows.num_rows:
            problem = f"leaves a split without rows, of {chosen.rows.num_rows:,} rows in clusters of duplicates"
            raise InputError("--validation", self._plan.validation, problem, "use another share, or 0")
        return held

    def _rows(
        self,
        cursor: Cursor,
        folder: Path,
        chosen: Selected,
        held: Array,
        same: Callable[[str, str], bool] | None,
        rl: RlRows | None,
    ) -> dict[str, Written]:
        """Write one file per split."""
        plan = self._plan
        schema = formats.schema(plan.columns) if plan.ending == "parquet" else None
        header = formats.header(plan.form, plan.columns)
        how: dict[str, Any] = {"reasoning": plan.place_of_reasoning, "all_samples": plan.all_samples}
        parts = export_rows.read(cursor, chosen, plan.form, plan.columns, same, **how)
        with (
            Files(folder, plan.files, rl.schema if rl else schema, header) as files,
            prefetched(parts, 1) as found,
        ):

            def write(split: str, rows: pa.Table) -> None:
                files.write(split, rl.table(rows, split) if rl else rows.drop_columns(["q"]))

            for part in found:
                self._proceed()
                rows = part
                if plan.validation:
                    apart = pa.array(np.isin(part["q"].to_numpy(), held))
                    write("validation", rows.filter(apart))
                    rows = rows.filter(pa.compute.invert(apart))
                write(next(iter(plan.files)), rows)
                if part.num_rows:
                    self._progress.done = int(np.searchsorted(chosen.q, part["q"][-1].as_py(), side="right"))
            return files.close()

    def _dataset(
        self,
        cursor: Cursor,
        folder: Path,
        chosen: Selected,
        counts: dict[str, Any],
        files: dict[str, Written],
    ) -> dict[str, Written]:
        """Write the dropped rows and the card of a dataset folder."""
        from engine.exports import dataset_card

        form = formats.DATASET_REJECTED
        dropped = self._select(cursor, "items")
        rejected: dict[str, Written] = {}
        if dropped.rows.num_rows:  # `datasets` opens no split without rows
            with Files(folder, {"rejected": REJECTED}, formats.schema(form.columns)) as more:
                for part in export_rows.read(cursor, dropped, form, form.columns):
                    self._proceed()
                    more.write("rejected", part.drop_columns(["q"]))
                rejected = more.close()
        counts["rows"] |= {path: one["rows"] for path, one in rejected.items()}
        runs = [run for run in self._source.runs() if run.run_id in counts["runs"]]
        text = dataset_card.text(cursor, self._plan, chosen, runs, files | rejected)
        return rejected | {"README.md": put(folder / "README.md", text)}

    def _proceed(self) -> None:
        """Wait while the export is paused; raise where it is to end."""
        if self._control.requested == "pause":
            with self._progress.paused():
                while self._control.requested == "pause":
                    time.sleep(0.05)
        if self._control.stopping:
            raise _Stopped

    def _end(self, status: str, manifest: dict[str, Any] | None) -> Result:
        if manifest is None:
            message = f"The export was {status}; nothing was left behind, and the same command starts it again."
            return self._progress.end(status, message, report="")
        self._progress.done = self._progress.total or 0
        facts = {"counts": manifest["counts"], "files": manifest["files"], "report": report(manifest, self._out)}
        return self._progress.end(status, None, **facts)


def report(manifest: dict[str, Any], out: Path) -> str:
    """The result of an export in words."""
    counts = manifest["counts"]
    lines = [f"{counts['selected']:,} rows selected; {counts['rejected_left_out']:,} left out, rejected by a reviewer."]
    if left := counts.get("uncheckable_left_out"):
        lines.append(f"{left:,} left out: no rule can check their answers; --uncheckable keeps them.")
    made = sum(counts["rows"][path] for path in counts["rows"] if path != REJECTED)
    if manifest["options"].get("all_samples"):
        lines.append(f"{made:,} samples of them were written.")
    elif made < counts["selected"]:
        lines.append(f"{counts['selected'] - made:,} make no preference pair: no other sample is worse and different.")
    for path, one in manifest["files"].items():
        rows = f"{one['rows']:>11,} rows" if path in counts["rows"] else " " * 16
        lines.append(f"  {path:<36}{rows}{one['bytes']:>16,} bytes")
    if "self_test" in manifest:
        lines.append(self_test.in_words(manifest["self_test"]))
    return "\n".join([*lines, f"{out / manifests.NAME} records how it was made."])


@contextmanager
def _answers(plan: Plan) -> Iterator[Callable[[str, str], bool] | None]:
    """A function that compares two final answers, where the plan needs it."""
    if plan.format != "dpo" or plan.same_answers:
        yield None
        return
    with AnswerPool() as pool:

        def same(one: str, other: str) -> bool:
            settled = settle(one, other)
            return pool.same(one, other) if settled is None else settled

        yield same
