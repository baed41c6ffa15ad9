"""The embedding job: questions that are not on the map yet are embedded and placed, block by block.

The first job fits the embedder and the layout to a sample; later ones use both unchanged, so that old points stay. A
block that is written is complete: after a kill the same job continues with the next one.
"""

import hashlib
import shutil
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.embedding.layout import LANDMARKS, Layout
from engine.embedding.role import Embedder, Model, fit_model, open_model, stored, usual_embedder
from engine.jobs.control import Control
from engine.jobs.progress import Progress
from engine.jobs.result import OnEvent, Result
from store.database.workspace import Workspace
from store.errors import InputError, StoreError
from store.map import files
from store.map.files import MapWriter, Meta

NAME = "map"
"""The job's ``run_id`` in events: it belongs to no single run."""
FEWEST = 10
SAMPLE = 30_000
"""Questions that the embedder is fitted to."""
BLOCK = 10_000
"""Questions in a block: bounds memory, and what a kill loses."""
GROWN = 4
"""A small map is out of date when there are this many times the questions that it was fitted to."""
_SEED = 0

Keys = NDArray[np.int64]


def run(
    workspace: Workspace,
    runs: Sequence[str] = (),
    embedder: Embedder | None = None,
    on_event: OnEvent = lambda _: None,
    *,
    rebuild: bool = False,
    control: Control | None = None,
) -> Result:
    """Embed the questions of these runs (of all runs where none is named) that are not on the map.

    ``embedder``: by default the map's own, for the first map ``usual_embedder``. ``rebuild``: make another map.
    InputError for an unknown run, too few questions, a model that cannot be loaded, or a map made by another embedder.
    StoreError where the disk fails or the map's files are damaged.
    """
    return _Job(workspace, on_event, control or Control()).run(runs, embedder, rebuild)


class _Job:
    def __init__(self, workspace: Workspace, on_event: OnEvent, control: Control) -> None:
        self._workspace, self._control = workspace, control
        self._folder = files.map_folder(workspace.path)
        self._progress = Progress(on_event, NAME, "embed")

    def run(self, runs: Sequence[str], embedder: Embedder | None, rebuild: bool) -> Result:
        wanted = self._wanted(runs)
        meta = None if rebuild else files.read_meta(self._folder)
        if meta is not None and not any((self._folder / meta.version).glob("*.npz")):
            meta = None  # the demo's map came without what it was made by: it is made again
        own = stored(meta.embedder) if meta is not None else None
        if own is not None and embedder is not None and embedder != own:
            problem = f"did not make the map, which was made by {own.name}"
            raise InputError("embedder", embedder.name, problem, "leave --profile out, or make a new map by --rebuild")
        embedder = own or embedder or usual_embedder(len(wanted))
        self._todo = np.setdiff1d(wanted, self._embedded(meta))
        self._progress.total = len(self._todo)
        self._progress.emit("start")
        with self._progress.ticking():
            opened = self._open(meta, embedder) if meta is not None else self._begin(wanted, embedder)
            complete = opened is not None and self._embed(*opened)
        return self._end("done" if complete else self._control.outcome, opened[0] if opened is not None else None)

    def _wanted(self, runs: Sequence[str]) -> Keys:
        known = [self._workspace.run(run_id).run_id for run_id in runs]
        self._workspace.writer.flush()
        return files.question_keys(self._workspace, known)

    def _embedded(self, meta: Meta | None) -> Keys:
        return np.array(files.Map(self._folder, meta).keys) if meta is not None else np.zeros(0, np.int64)

    def _open(self, meta: Meta, embedder: Embedder) -> tuple[MapWriter, Model, Layout]:
        home = self._folder / meta.version
        return MapWriter(self._folder, meta), open_model(embedder, home), Layout.load(home)

    def _begin(self, wanted: Keys, embedder: Embedder) -> tuple[MapWriter, Model, Layout] | None:
        """Begin a map: fit the embedder to a sample, lay out landmarks. None where it was stopped."""
        if len(wanted) < FEWEST:
            remedy = f"make or import at least {FEWEST} first"
            raise InputError("questions", len(wanted), "are too few for a map", remedy)
        self._enter("fit", 0, 2)
        rng = np.random.default_rng(_SEED)
        sample = np.sort(rng.choice(wanted, min(SAMPLE, len(wanted)), replace=False))
        keys, texts = files.question_texts(self._workspace, sample)
        model = fit_model(embedder, texts)
        if self._control.stopping:
            return None
        self._enter("layout", 1, 2)
        some = np.sort(rng.choice(len(texts), min(LANDMARKS, len(texts)), replace=False))
        vectors = model.embed([texts[i] for i in some])
        layout = Layout.fit(vectors)
        if self._control.stopping:
            return None
        settings = asdict(embedder)
        version = hashlib.sha256(repr((settings, len(wanted))).encode() + keys[some].tobytes() + vectors.tobytes())
        meta = Meta(version.hexdigest()[:12], settings, model.dimensions, len(wanted))
        return MapWriter.begin(self._folder, self._saved(model, layout), meta), model, layout

    def _saved(self, model: Model, layout: Layout) -> Path:
        """The folder with the fitted embedder and layout."""
        made = self._folder / "learned"
        shutil.rmtree(made, ignore_errors=True)
        try:
            made.mkdir(parents=True)
            model.save(made)
            layout.save(made)
        except OSError as error:
            shutil.rmtree(made, ignore_errors=True)
            reason = (error.strerror or str(error)).lower()
            raise StoreError(f"the map cannot be written to {self._folder} ({reason}); make room first.") from error
        return made

    def _embed(self, draft: MapWriter, model: Model, layout: Layout) -> bool:
        """Embed what is not on the map. False where it was stopped before the end."""
        progress = self._progress
        progress.stage, progress.done, progress.total = "embed", 0, len(self._todo)
        progress.restart()
        for first in range(0, len(self._todo), BLOCK):
            if self._control.stopping:
                return False
            keys, texts = files.question_texts(self._workspace, self._todo[first : first + BLOCK])
            vectors = model.embed(texts)
            draft.append(keys, vectors, layout.place(vectors, keys))
            progress.done = min(first + BLOCK, len(self._todo))
        return True

    def _enter(self, stage: str, done: int, total: int) -> None:
        progress = self._progress
        progress.stage, progress.done, progress.total = stage, done, total
        progress.emit("progress")

    def _end(self, status: str, draft: MapWriter | None) -> Result:
        message = None if status == "done" else f"The embedding was {status}; {CONTINUES}."
        report = "" if draft is None else _report(draft.meta, self._progress.done)
        return self._progress.end(status, message, report=report)


CONTINUES = "the questions on the map stay there, and the same command continues from there"


def _report(meta: Meta, new: int) -> str:
    added = f"{new:,} of them new" if new else "none of them new"
    return f"{meta.count:,} questions are on the map, {added}. {stored(meta.embedder).description}"
