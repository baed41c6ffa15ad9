"""The map's files, ``<workspace>/map/``: of each question its key, its vector and its place, in the order in which they
were embedded.

``meta.json`` says which version holds and how many rows of its files count; it is written last, so that a kill leaves
what was whole before, and rows beyond it are overwritten. A version's files only grow; another version has a folder of
its own. Vectors have length 1 and are stored as whole numbers (``SCALE`` is 1): their products are right to about
0.005. Knows no embedder and no frame. A question keeps the place of the text that was embedded first.
"""

from __future__ import annotations

import json
import os
import shutil
import threading
import weakref
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from store.database.sources import Demo, Source
from store.errors import InputError, StoreError
from store.filters.filter import Filter
from store.filters.map_area import Area
from store.frame.cache import asking
from store.frame.frame import Array

FOLDER, META = "map", "meta.json"
SCALE = 127.0
_KEYS, _VECTORS, _PLACES = "keys.bin", "vectors.bin", "places.bin"


@dataclass(frozen=True, slots=True)
class Meta:
    """``version`` tells one map from another; ``embedder``: what made it, in the engine's words; ``fitted``: how many
    questions there were when it was begun; ``count``: rows that are whole."""

    version: str
    embedder: dict[str, Any]
    dimensions: int
    fitted: int
    count: int = 0


class Map:
    """One state of the map, read-only: arrays that are files, read as they are used. ``keys`` (n,) whole numbers,
    ``vectors`` (n, dimensions) signed bytes, ``places`` (n, 2) from 0 to ``areas.SIDE``."""

    def __init__(self, folder: Path, meta: Meta) -> None:
        self.meta, self.folder = meta, folder / meta.version
        self.keys = self._array(_KEYS, np.int64, (meta.count,))
        self.vectors = self._array(_VECTORS, np.int8, (meta.count, meta.dimensions))
        self.places = self._array(_PLACES, np.float32, (meta.count, 2))

    def _array(self, name: str, kind: Any, shape: tuple[int, ...]) -> Array:
        if not shape[0]:
            return np.zeros(shape, kind)
        try:
            return np.memmap(self.folder / name, kind, "r", shape=shape)
        except (OSError, ValueError) as error:
            raise _damaged(self.folder) from error


def questions(source: Source, runs: Sequence[str] = ()) -> Array:
    """The keys of the questions of these runs (all without), ascending."""
    where = " WHERE run_id IN (SELECT unnest($runs))" if runs else ""
    with asking(source) as cursor:
        found = cursor.execute(f"SELECT q FROM question_rows{where}", {"runs": [*runs]} if runs else {}).fetchnumpy()
    return np.sort(np.asarray(found["q"], dtype=np.int64))


def texts(source: Source, keys: Array) -> tuple[Array, list[str]]:
    """Of these questions, keys ascending: those that are still there, and their texts as they were written."""
    if not len(keys):
        return keys, []
    query = """
        SELECT q, text FROM question_text
        WHERE q BETWEEN $low AND $high AND q IN (SELECT unnest($q)) ORDER BY q"""
    with asking(source) as cursor:
        wanted = {"low": int(keys[0]), "high": int(keys[-1]), "q": keys.tolist()}
        rows = cursor.execute(query, wanted).fetchall()
    return np.array([q for q, _ in rows], np.int64), [text for _, text in rows]


def folder_of(workspace: Path) -> Path:
    return workspace / FOLDER


def read_meta(folder: Path) -> Meta | None:
    """What the map is now; None where there is none. StoreError where it cannot be read."""
    try:
        return Meta(**json.loads((folder / META).read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError) as error:
        raise _damaged(folder) from error


def _damaged(folder: Path) -> StoreError:
    return StoreError(f"the map in {folder} cannot be read; make it anew with `scalequest embed --anew`.")


class Draft:
    """The map's one writer. ``begin`` a version in it, or go on with the one that is there; rows are durable when
    ``append`` returns. StoreError where the disk fails."""

    def __init__(self, folder: Path, meta: Meta) -> None:
        self._folder, self.meta = folder, meta

    @classmethod
    def begin(cls, folder: Path, made: Path, meta: Meta) -> Draft:
        """A new version, from now on the map. ``made``: a folder of what its embedder needs, which is moved into it."""
        home = folder / meta.version
        try:
            if home.exists():  # of a beginning that was killed, or the same map made anew
                (folder / META).unlink(missing_ok=True)
                shutil.rmtree(home)
            made.rename(home)
            draft = cls(folder, meta)
            draft._write()
            for other in folder.iterdir():
                if other.is_dir() and other != home:
                    shutil.rmtree(other, ignore_errors=True)
        except OSError as error:
            raise _full(folder, error) from error
        return draft

    def append(self, keys: Array, vectors: Array, places: Array) -> None:
        """Rows: ``vectors`` (n, dimensions) of length 1 or 0, ``places`` (n, 2)."""
        meta = self.meta
        rows = (
            (_KEYS, keys.astype(np.int64)),
            (_VECTORS, np.rint(vectors * SCALE).astype(np.int8)),
            (_PLACES, places.astype(np.float32)),
        )
        try:
            for name, values in rows:
                width = values.itemsize * (values.shape[1] if values.ndim > 1 else 1)
                path = self._folder / meta.version / name
                with path.open("r+b" if path.exists() else "wb") as file:
                    file.truncate(meta.count * width)
                    file.seek(0, os.SEEK_END)
                    file.write(np.ascontiguousarray(values).tobytes())
                    file.flush()
                    os.fsync(file.fileno())
            self.meta = replace(meta, count=meta.count + len(keys))
            self._write()
        except OSError as error:
            self.meta = meta
            raise _full(self._folder, error) from error

    def _write(self) -> None:
        new = self._folder / f"{META}.new"
        with new.open("w", encoding="utf-8") as file:
            json.dump(asdict(self.meta), file)
            file.flush()
            os.fsync(file.fileno())
        new.replace(self._folder / META)


def _full(folder: Path, error: OSError) -> StoreError:
    said = (error.strerror or str(error)).lower()
    return StoreError(f"the map cannot be written to {folder} ({said}); make room, then embed again.")


_held: weakref.WeakKeyDictionary[Source, tuple[Any, Map]] = weakref.WeakKeyDictionary()
_lock = threading.Lock()


def of(source: Source) -> Map | None:
    """The source's map as it is now; None where there is none. StoreError where it is damaged."""
    folder = source.map if isinstance(source, Demo) else folder_of(getattr(source, "path", Path()))
    try:
        found = (folder / META).stat()
    except OSError:
        return None
    mark = (found.st_mtime_ns, found.st_ino, found.st_size)
    with _lock:
        held = _held.get(source)
        if held is None or held[0] != mark:
            meta = read_meta(folder)
            if meta is None:
                return None
            held = _held[source] = (mark, Map(folder, meta))
    return held[1]


def on(source: Source, area: Area) -> Map:
    """The map that the area was drawn on. InputError where it is gone or another."""
    chart = of(source)
    if chart is None:
        remedy = "remove this part of the filter, or make a map with `scalequest embed` and draw it there"
        raise InputError("filter.area", area.map, "was drawn on a map that is not here", remedy)
    if chart.meta.version != area.map:
        remedy = "remove this part of the filter, or draw it on the map of now"
        raise InputError("filter.area", area.map, "was drawn on another map", remedy)
    return chart


def inside(source: Source, asked: Filter) -> list[int] | None:
    """The keys of the questions in the filter's area, for ``Filter.to_sql``; None where it has none. As ``on``."""
    if asked.area is None:
        return None
    chart = on(source, asked.area)
    found: list[int] = chart.keys[asked.area.holds(chart.places)].tolist()
    return found
