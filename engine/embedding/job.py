"""The job that puts questions on the map: what is not there yet is embedded and placed, block by block.

The first job fits the embedder and the layout to a sample; later ones use both as they are, so that old points stay. A
block is whole once it is written: after a kill the same job goes on with the next. Knows the store's verbs and the
embedder; knows no user interface.
"""

from __future__ import annotations

import hashlib
import shutil
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.embedding.layout import LANDMARKS, Layout
from engine.embedding.role import Embedder, Model, fit_model, load_embedder, open_model, stored
from engine.jobs.control import Control
from engine.jobs.result import OnEvent, Result
from store.database.workspace import Workspace
from store.errors import InputError, StoreError
from store.map import files
from store.map.files import MapWriter, Meta

NAME = "map"
"""Where other jobs have a run's id."""
FEWEST = 10
SAMPLE = 30_000
"""Questions that the embedder is fitted to."""
BLOCK = 10_000
"""Questions embedded and written at once: bounds memory, and what a kill loses."""
GROWN = 4
"""With so many times the questions that it was fitted to, a small map is told to be out of date."""
_OFTEN = 0.5
_SEED = 0

Keys = NDArray[np.int64]


def run(
    workspace: Workspace,
    runs: Sequence[str] = (),
    embedder: Embedder | None = None,
    on_event: OnEvent = lambda _: None,
    *,
    anew: bool = False,
    control: Control | None = None,
) -> Result:
    """Embed the questions of these runs (all without) that are not on the map. ``embedder``: None is the map's own, of
    the first map nano's. ``anew``: begin another map. InputError: unknown run, too few questions, a model that cannot
    be had, a map that another embedder made. StoreError where the disk fails or the map's files are damaged."""
    control = control or Control()
    try:
        return _Job(workspace, on_event, control).run(runs, embedder, anew)
    finally:
        control.ended()


class _Job:
    def __init__(self, workspace: Workspace, on_event: OnEvent, control: Control) -> None:
        self._workspace, self._on_event, self._control = workspace, on_event, control
        self._folder = files.map_folder(workspace.path)
        self._begun = self._told = time.monotonic()
        self._stage, self._done, self._total = "embed", 0, 0

    def run(self, runs: Sequence[str], embedder: Embedder | None, anew: bool) -> Result:
        wanted = self._wanted(runs)
        meta = None if anew else files.read_meta(self._folder)
        own = stored(meta.embedder) if meta is not None else None
        if own is not None and embedder is not None and embedder != own:
            problem = f"is not what made the map, which was {own.name}"
            raise InputError("embedder", embedder.name, problem, "leave --profile out, or make the map --anew")
        embedder = own or embedder or load_embedder()
        self._todo = np.setdiff1d(wanted, self._there(meta))
        self._total = len(self._todo)
        self._on_event(self._event("start"))
        begun = self._open(meta, embedder) if meta is not None else self._begin(wanted, embedder)
        return self._work(*begun) if begun is not None else self._end("interrupted", None)

    def _wanted(self, runs: Sequence[str]) -> Keys:
        known = [self._workspace.run(run_id).run_id for run_id in runs]
        self._workspace.writer.flush()
        return files.question_keys(self._workspace, known)

    def _there(self, meta: Meta | None) -> Keys:
        return np.array(files.Map(self._folder, meta).keys) if meta is not None else np.zeros(0, np.int64)

    def _open(self, meta: Meta, embedder: Embedder) -> tuple[MapWriter, Model, Layout]:
        home = self._folder / meta.version
        return MapWriter(self._folder, meta), open_model(embedder, home), Layout.load(home)

    def _begin(self, wanted: Keys, embedder: Embedder) -> tuple[MapWriter, Model, Layout] | None:
        """A new map: fit to a sample, lay out its landmarks. None where it was stopped."""
        if len(wanted) < FEWEST:
            remedy = f"make or import at least {FEWEST} first"
            raise InputError("questions", len(wanted), "are too few for a map", remedy)
        self._at("fit", 0, 2)
        luck = np.random.default_rng(_SEED)
        sample = np.sort(luck.choice(wanted, min(SAMPLE, len(wanted)), replace=False))
        keys, texts = files.question_texts(self._workspace, sample)
        model = fit_model(embedder, texts)
        if self._stopped():
            return None
        self._at("layout", 1, 2)
        some = np.sort(luck.choice(len(texts), min(LANDMARKS, len(texts)), replace=False))
        vectors = model.embed([texts[i] for i in some])
        layout = Layout.fit(vectors)
        if self._stopped():
            return None
        told = asdict(embedder)
        version = hashlib.sha256(repr((told, len(wanted))).encode() + keys[some].tobytes() + vectors.tobytes())
        meta = Meta(version.hexdigest()[:12], told, model.dimensions, len(wanted))
        return MapWriter.begin(self._folder, self._kept(model, layout), meta), model, layout

    def _kept(self, model: Model, layout: Layout) -> Path:
        """A folder of what both have learned."""
        made = self._folder / "learned"
        shutil.rmtree(made, ignore_errors=True)
        try:
            made.mkdir(parents=True)
            model.save(made)
            layout.save(made)
        except OSError as error:
            shutil.rmtree(made, ignore_errors=True)
            said = (error.strerror or str(error)).lower()
            raise StoreError(f"the map cannot be written to {self._folder} ({said}); make room first.") from error
        return made

    def _work(self, draft: MapWriter, model: Model, layout: Layout) -> Result:
        self._stage, self._done, self._total = "embed", 0, len(self._todo)
        self._begun = time.monotonic()
        for first in range(0, self._total, BLOCK):
            if self._stopped():
                return self._end("interrupted", draft)
            keys, texts = files.question_texts(self._workspace, self._todo[first : first + BLOCK])
            vectors = model.embed(texts)
            draft.append(keys, vectors, layout.place(vectors, keys))
            self._done = min(first + BLOCK, self._total)
            if time.monotonic() - self._told >= _OFTEN:
                self._told = time.monotonic()
                self._on_event(self._event("progress"))
        return self._end("done", draft)

    def _stopped(self) -> bool:
        return self._control.requested in ("cancel", "interrupt")

    def _at(self, stage: str, done: int, total: int) -> None:
        self._stage, self._done, self._total = stage, done, total
        self._on_event(self._event("progress"))

    def _event(self, kind: str) -> dict[str, Any]:
        elapsed = time.monotonic() - self._begun
        rate = self._done / elapsed if elapsed > 0 and self._stage == "embed" else 0.0
        return {
            "event": kind,
            "run_id": NAME,
            "stage": self._stage,
            "done": self._done,
            "total": self._total,
            "rows_per_s": round(rate, 1),
            "eta_s": round((self._total - self._done) / rate, 1) if rate else None,
            "elapsed_s": round(elapsed, 1),
        }

    def _end(self, status: str, draft: MapWriter | None) -> Result:
        if status == "interrupted" and self._control.requested == "cancel":
            status = "cancelled"
        said = None if status == "done" else f"Embedding was {status}; {GOES_ON}."
        event = self._event("end")
        report = "" if draft is None else _report(draft.meta, self._done)
        self._on_event({**event, "status": status, "message": said, "report": report})
        return Result(NAME, status, said, event["elapsed_s"])


GOES_ON = "what is on the map stays, and the same command goes on from here"


def _report(meta: Meta, new: int) -> str:
    added = f"{new:,} of them new" if new else "none of them new"
    return f"{meta.count:,} questions are on the map, {added}. {stored(meta.embedder).description}"
