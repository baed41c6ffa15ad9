"""The map's files, ``<workspace>/map/``: the key, the vector and the place of each question, in embedding order.

``meta.json`` names the current version and its number of complete rows. It is written last, so that a killed job leaves
the previous state; rows beyond that number are overwritten. The files of a version only grow; another version has
another folder. Vectors have length 1 and are stored as whole numbers (``SCALE`` is 1), so that their products are
accurate to about 0.005. A question keeps the place of the text that was embedded first.
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
from store.frame.cache import read_cursor
from store.frame.frame import Array

FOLDER, META = "map", "meta.json"
SCALE = 127.0
_KEYS, _VECTORS, _PLACES = "keys.bin", "vectors.bin", "places.bin"


@dataclass(frozen=True, slots=True)
class Meta:
    """``embedder``: its settings as the engine writes them; ``fitted``: the number of questions when the map was begun;
    ``count``: complete rows."""

    version: str
    embedder: dict[str, Any]
    dimensions: int
    fitted: int
    count: int = 0


class Map:
    """A read-only snapshot in memory-mapped arrays: ``keys`` (n,) int64, ``vectors`` (n, dimensions) int8 and
    ``places`` (n, 2) from 0 to ``map_area.SIDE``."""

    def __init__(self, folder: Path, meta: Meta) -> None:
        self.meta, self.folder = meta, folder / meta.version
        self.keys = self._array(_KEYS, np.int64, (meta.count,))
        self.vectors = self._array(_VECTORS, np.int8, (meta.count, meta.dimensions))
        self.places = self._array(_PLACES, np.float32, (meta.count, 2))

    def _array(self, name: str, dtype: Any, shape: tuple[int, ...]) -> Array:
        if not shape[0]:
            return np.zeros(shape, dtype)
        try:
            return np.memmap(self.folder / name, dtype, "r", shape=shape)
        except (OSError, ValueError) as error:
            raise _damaged(self.folder) from error


def question_keys(source: Source, runs: Sequence[str] = ()) -> Array:
    """The keys of the questions of these runs (of all runs when empty), ascending."""
    where = " WHERE run_id IN (SELECT unnest($runs))" if runs else ""
    with read_cursor(source) as cursor:
        keys = cursor.execute(f"SELECT q FROM question_rows{where}", {"runs": [*runs]} if runs else {}).fetchnumpy()
    return np.sort(np.asarray(keys["q"], dtype=np.int64))


def question_texts(source: Source, keys: Array) -> tuple[Array, list[str]]:
    """The questions that still exist of these ascending keys: their keys, and their texts as generated."""
    if not len(keys):
        return keys, []
    query = """
        SELECT q, text FROM question_text
        WHERE q BETWEEN $low AND $high AND q IN (SELECT unnest($q)) ORDER BY q"""
    with read_cursor(source) as cursor:
        values = {"low": int(keys[0]), "high": int(keys[-1]), "q": keys.tolist()}
        rows = cursor.execute(query, values).fetchall()
    return np.array([q for q, _ in rows], np.int64), [text for _, text in rows]


def map_folder(workspace: Path) -> Path:
    return workspace / FOLDER


def read_meta(folder: Path) -> Meta | None:
    """The current state; None without a map. StoreError where it cannot be read."""
    try:
        return Meta(**json.loads((folder / META).read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError) as error:
        raise _damaged(folder) from error


def _damaged(folder: Path) -> StoreError:
    return StoreError(f"the map in {folder} cannot be read; rebuild it with `scalequest embed --rebuild`.")


class MapWriter:
    """The only writer of a map: ``begin`` starts a version, the constructor continues one. Rows are durable when
    ``append`` returns. StoreError where the disk fails."""

    def __init__(self, folder: Path, meta: Meta) -> None:
        self._folder, self.meta = folder, meta

    @classmethod
    def begin(cls, folder: Path, model_folder: Path, meta: Meta) -> MapWriter:
        """Make a new version the current map. ``model_folder`` holds the embedder's files and is moved into it."""
        version_folder = folder / meta.version
        try:
            if version_folder.exists():  # left by a killed job, or the same map is rebuilt
                (folder / META).unlink(missing_ok=True)
                shutil.rmtree(version_folder)
            model_folder.rename(version_folder)
            writer = cls(folder, meta)
            writer._write_meta()
            for other in folder.iterdir():
                if other.is_dir() and other != version_folder:
                    shutil.rmtree(other, ignore_errors=True)
        except OSError as error:
            raise write_error(folder, error) from error
        return writer

    def append(self, keys: Array, vectors: Array, places: Array) -> None:
        """Append rows: ``vectors`` (n, dimensions) of length 1 or 0, ``places`` (n, 2)."""
        meta = self.meta
        columns = (
            (_KEYS, keys.astype(np.int64)),
            (_VECTORS, np.rint(vectors * SCALE).astype(np.int8)),
            (_PLACES, places.astype(np.float32)),
        )
        try:
            for name, values in columns:
                row_bytes = values.itemsize * (values.shape[1] if values.ndim > 1 else 1)
                path = self._folder / meta.version / name
                with path.open("r+b" if path.exists() else "wb") as file:
                    file.truncate(meta.count * row_bytes)
                    file.seek(0, os.SEEK_END)
                    file.write(np.ascontiguousarray(values).tobytes())
                    file.flush()
                    os.fsync(file.fileno())
            self.meta = replace(meta, count=meta.count + len(keys))
            self._write_meta()
        except OSError as error:
            self.meta = meta
            raise write_error(self._folder, error) from error

    def _write_meta(self) -> None:
        new = self._folder / f"{META}.new"
        with new.open("w", encoding="utf-8") as file:
            json.dump(asdict(self.meta), file)
            file.flush()
            os.fsync(file.fileno())
        new.replace(self._folder / META)


def write_error(folder: Path, error: OSError) -> StoreError:
    reason = (error.strerror or str(error)).lower()
    return StoreError(f"the map cannot be written to {folder} ({reason}); free some space, then embed again.")


_maps: weakref.WeakKeyDictionary[Source, tuple[Any, Map]] = weakref.WeakKeyDictionary()
_lock = threading.Lock()


def current_map(source: Source) -> Map | None:
    """The source's map; None without one. StoreError where it is damaged."""
    folder = source.map if isinstance(source, Demo) else map_folder(getattr(source, "path", Path()))
    try:
        stat = (folder / META).stat()
    except OSError:
        return None
    stamp = (stat.st_mtime_ns, stat.st_ino, stat.st_size)
    with _lock:
        cached = _maps.get(source)
        if cached is None or cached[0] != stamp:
            meta = read_meta(folder)
            if meta is None:
                return None
            cached = _maps[source] = (stamp, Map(folder, meta))
    return cached[1]


def map_of_area(source: Source, area: Area) -> Map:
    """The map on which the area was drawn. InputError where it does not exist any more, or was replaced."""
    current = current_map(source)
    if current is None:
        remedy = "remove this part of the filter, or make a map with `scalequest embed` and draw the area again"
        raise InputError("filter.area", area.map, "was drawn on a map that does not exist", remedy)
    if current.meta.version != area.map:
        remedy = "remove this part of the filter, or draw the area on the current map"
        raise InputError("filter.area", area.map, "was drawn on another map", remedy)
    return current


def keys_in_area(source: Source, filter_: Filter) -> list[int] | None:
    """The keys of the questions in the filter's area, for ``Filter.to_sql``; None for a filter without one. Errors as
    ``map_of_area``."""
    if filter_.area is None:
        return None
    current = map_of_area(source, filter_.area)
    keys: list[int] = current.keys[filter_.area.holds(current.places)].tolist()
    return keys
