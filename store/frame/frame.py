"""The narrow columns of every question in memory, so that a brush is answered without a query.

Categories are codes into a list of values, numbers are arrays with NaN for null; about 80 bytes a question. Rows are
ordered by the age of their run, within a run by idx. ``load.py`` reads them; texts stay in the database.
"""

import copy
import json
import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple, TypeAlias, TypeVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from store.database import ids
from store.database.outcomes import StageOutcome
from store.filters.filter import LOOKED_UP, Filter
from store.filters.ranges import OPEN, ModelRange
from store.frame import cubes, rates
from store.frame.bins import Bins, nice, rollouts, shares
from store.frame.columns import encoded, ordered, real, small, whole
from store.records import STAGES, question_id

Array: TypeAlias = NDArray[Any]
K = TypeVar("K")
V = TypeVar("V")

SHARES = ("difficulty", "agreement", "pass_rate", "repetition")
"""Numbers in [0, 1]."""
LENGTHS = ("query_chars", "response_chars", "response_tokens", "reasoning_tokens")
NUMBERS = ("difficulty", "reward", "agreement", "pass_rate", *LENGTHS, "repetition")
"""The numbers with a histogram."""
COUNTED = (
    *("run", "generator", "topic", "level", "status", "drop_stage", "drop_reason"),
    *("correct", "checkability", "finish_reason", "majority"),
)
"""The categories whose values are counted."""
_CODED = tuple(name for name in COUNTED if name != "drop_stage")
ORDERS = (
    *("difficulty", "reward", "agreement", "disagreement", "pass_rate", "query_chars", "response_chars", "novelty"),
    *("near_duplicates", "n_solutions", "newest"),
)
"""What rows can be sorted by; ``disagreement`` is 1 - agreement."""
_CACHED_ORDERS = 8
"""Orders in the cache: eight bytes a question each."""
_CACHED_CONDITIONS = 24
"""Conditions in the cache: a byte a question each."""
_CACHED_MODELS = 4
"""Models whose pass rates are in the cache: nine bytes a question each."""
STAGE_CONDITIONS = ("drop_stage", "stage", "solvable", "contaminated")
"""The conditions that a stage path answers."""


class Version(NamedTuple):
    """Identifies the rows that a frame was read from: ``decisions`` is their number, ``rows`` covers all others."""

    rows: tuple[Any, ...]
    decisions: int


class Frame:
    """The columns as read at one moment; ``version`` identifies the rows. ``size`` is below ``total`` in a sample.
    ``rates``: of each measured model, those with most questions first. The number ``pass_rate`` is the one that was
    measured first, or that of ``rate_model``."""

    def __init__(self, table: pa.Table, runs: Sequence[str], version: Version, total: int, measured: pa.Table) -> None:
        self.version = version
        self.size, self.total = table.num_rows, total
        codes: dict[str, tuple[Array, list[Any]]] = {name: encoded(table[column]) for name, column in _TEXTS.items()}
        codes["run"] = ordered(*codes["run"], runs)
        q = whole(table["q"])
        order = np.argsort(q, kind="stable")
        paths, path = np.unique(whole(table["kept"]) << len(STAGES) | whole(table["seen"]), return_inverse=True)
        low = (1 << len(STAGES)) - 1
        self.stage_paths = [StageOutcome(int(both) >> len(STAGES), int(both) & low) for both in paths]
        self.values: dict[str, list[Any]] = {name: values for name, (_, values) in codes.items()}
        self.values["tags"] = [json.loads(tags) for tags in self.values["tags"]]
        self.codes = {name: small(found[order], len(self.values[name])) for name, (found, _) in codes.items()}
        self.stage_path = small(path[order], len(paths))
        self.q: Array = q[order]
        """Each question's key (``store.database.ids``), ascending."""
        self.idx = (self.q & (2**ids.IDX_BITS - 1)).astype(np.uint32)
        first = np.unique(self.codes["run"], return_index=True)
        self._numbers = {
            self.values["run"][code]: int(self.q[at]) >> ids.IDX_BITS for code, at in zip(*first, strict=True)
        }
        self.edited, self.pair = (whole(table[name])[order].astype(bool) for name in ("edited", "pair"))
        self.numbers = {name: real(table[column])[order] for name, column in _NUMBERS.items()}
        for name in ("n_solutions", "near_duplicates", *LENGTHS):
            self.numbers[name] = self.numbers[name].astype(np.float32)
        self.rates = rates.by_model(measured, self.q)
        self.rate_model: str | None = None
        self.bins: dict[str, Bins] = {name: _binned(name, self.numbers[name]) for name in NUMBERS}
        self.count()
        self._of_model: dict[str, Frame] = {}
        self._fails: dict[Any, Array] = {}
        self._orders: dict[str, tuple[Array, Array]] = {}
        self._lock = threading.Lock()

    def count(self) -> None:
        """Build the cubes."""
        dimensions = {name: (bins.of(self.numbers[name]), bins.count + 1) for name, bins in self.bins.items()}
        dimensions |= {name: (self.codes[name], len(self.values[name])) for name in _CODED}
        self.cubes = cubes.build(dimensions | {"stage_path": (self.stage_path, len(self.stage_paths))})
        self.totals = self.counts(None)

    def of_model(self, model: str | None) -> "Frame":
        """The same rows with the pass rates of this model; None for those measured first. Cached."""
        if model == self.rate_model:
            return self
        assert self.rate_model is None
        return self._cached(self._of_model, model or "", _CACHED_MODELS, lambda: self._with_rates(model or ""))

    def _with_rates(self, model: str) -> "Frame":
        made = copy.copy(self)
        made.rate_model, made._of_model = model, {}
        column = self.rates.get(model, rates.NOTHING).column(self.size)
        bins = _binned("pass_rate", column)
        made.numbers, made.bins = self.numbers | {"pass_rate": column}, self.bins | {"pass_rate": bins}
        own = cubes.Cube(("pass_rate",), (bins.count + 1,), bins.of(column))
        made.cubes = [*self.cubes, own]  # of a dimension that several cubes have, the last one counts
        made.totals = self.totals | made.counts(None, ["pass_rate"])
        with self._lock:
            made._orders = {by: order for by, order in self._orders.items() if by.lstrip("-") != "pass_rate"}
        return made

    @property
    def nbytes(self) -> int:
        """The size of the columns."""
        measured = [array for one in self.rates.values() for array in (one.positions, one.codes)]
        arrays = [*measured, *self.codes.values(), *self.numbers.values(), *(cube.codes for cube in self.cubes)]
        return sum(a.nbytes for a in (*arrays, self.stage_path, self.q, self.idx, self.edited, self.pair))

    def counts(self, rows: Array | None, names: Iterable[str] | None = None) -> dict[str, list[int]]:
        """By name: of NUMBERS the counts of each bin and then of nulls, of categories those of ``values``, of
        ``stage_path`` those of ``stage_paths``. None means all names, or all rows.
        """
        names = {*NUMBERS, *_CODED, "stage_path"} if names is None else {*names}
        rows = None if rows is None else np.flatnonzero(rows)  # once for all cubes
        return {name: found for cube in self.cubes for name, found in cube.counts(rows, names).items()}

    def key(self, position: int) -> str:
        """The question_id at a position."""
        return question_id(self.values["run"][self.codes["run"][position]], int(self.idx[position]))

    def places(self, wanted: Array) -> Array:
        """The positions of the questions with these keys; questions outside the frame are left out."""
        if not self.size:
            return np.zeros(0, np.int64)
        near = np.minimum(np.searchsorted(self.q, wanted), self.size - 1)
        found: Array = near[self.q[near] == wanted]
        return found

    def place(self, key: str) -> int | None:
        """The position of a question_id; None if it is not in the frame."""
        run, _, digits = key.rpartition("-")
        if run not in self._numbers or not (digits.isascii() and digits.isdigit() and len(digits) < 10):
            return None
        found = self.places(np.array([ids.key(self._numbers[run], int(digits))]))
        return int(found[0]) if len(found) and self.key(int(found[0])) == key else None

    def fails(self, name: str, value: Any) -> Array:
        """Which rows fail a condition, as booleans; cached."""
        return self._cached(self._fails, (name, value), _CACHED_CONDITIONS, lambda: self._evaluate(name, value))

    def _cached(self, cache: dict[K, V], key: K, most: int, make: Callable[[], V]) -> V:
        """The cached value; a missing one is made without holding the lock, and the oldest ones are dropped."""
        with self._lock:
            known = cache.get(key)
        if known is None:
            known = make()
            with self._lock:
                while len(cache) >= most:
                    del cache[next(iter(cache))]
                cache[key] = known
        return known

    def _evaluate(self, name: str, value: Any) -> Array:
        """The conditions of ``Filter.to_sql`` on columns; a property test compares the two."""
        if name in STAGE_CONDITIONS:
            return self._failing(self.stage_path, [_passes(path, name, value) for path in self.stage_paths])
        if name == "tags":
            tagged = [(None in value and not tags) or bool({*tags} & {*value}) for tags in self.values["tags"]]
            return self._failing(self.codes["tags"], tagged)
        if name in self.codes:
            return self._failing(self.codes[name], [one in value for one in self.values[name]])
        if isinstance(value, ModelRange):
            if value.range == OPEN:
                return np.zeros(self.size, bool)
            return _outside(self.of_model(value.model).numbers[name], *value.range)
        if name in self.numbers:
            return _outside(self.numbers[name], *value)
        fails: Array = np.ones(self.size, bool)
        if name == "ids":
            fails[[at for key in value if key is not None and (at := self.place(key)) is not None]] = False
        else:  # edited
            fails = self.edited != value
        return fails

    def _failing(self, codes: Array, passing: Sequence[bool]) -> Array:
        fails: Array = ~np.array(passing, bool)
        return fails[codes] if self.size else np.zeros(0, bool)

    def order(self, by: str, descending: bool) -> tuple[Array, Array]:
        """``(positions in order, rank of each position)``: nulls last, ties from newest to oldest; cached.

        ``by`` is one of ORDERS; ``newest`` is the order of positions.
        """
        name = ("-" if descending else "") + by
        return self._cached(self._orders, name, _CACHED_ORDERS, lambda: self._sorted(by, descending))

    def _sorted(self, by: str, descending: bool) -> tuple[Array, Array]:
        newest = np.arange(self.size, dtype=np.int32)[::-1]
        if by == "newest":
            order = newest if descending else newest[::-1]
        else:
            values = 1.0 - self.numbers["agreement"] if by == "disagreement" else self.numbers[by]
            column = values[newest]
            order = newest[np.argsort(-column if descending else column, kind="stable")]
        rank = np.empty(self.size, np.int32)
        rank[order] = np.arange(self.size, dtype=np.int32)
        return order, rank


class Selection:
    """The rows that pass a filter, also with some of its conditions ignored."""

    def __init__(self, frame: Frame, chosen: Filter, search: Callable[[str, Any], Array]) -> None:
        """``search``: which rows fail a condition of LOOKED_UP."""
        self.frame = frame
        self.parts = tuple(chosen.to_dict())
        self._fails: dict[str, Array] = {}
        self._misses = np.zeros(frame.size, np.uint8)
        for name in self.parts:
            value = getattr(chosen, name)
            fails = search(name, value) if name in LOOKED_UP else frame.fails(name, value)
            self._fails[name] = fails
            self._misses += fails.view(np.uint8)
        self.rows: Array = self._misses == 0

    def but(self, *names: str) -> Array:
        """The rows that pass every condition except these."""
        ignored = [self._fails[name].view(np.uint8) for name in names if name in self._fails]
        rows: Array = self._misses == sum(ignored[1:], ignored[0]) if ignored else self.rows
        return rows


def _passes(path: StageOutcome, name: str, value: Any) -> bool:
    """Whether a condition of STAGE_CONDITIONS holds."""
    if name == "drop_stage":
        return path.drop_stage in value
    if name == "stage":
        return value == "generated" or path.kept_at(value) is True
    if name == "solvable":
        return path.kept_at("solvability") is value
    kept = path.kept_at("contamination")  # contaminated
    return (None if kept is None else not kept) is value


_TEXTS = {name: name for name in (*_CODED, "tags")} | {"run": "run_id"}
_NUMBERS = {name: name for name in (*NUMBERS, "n_solutions", "near_duplicates", "novelty")} | {"reward": "best_reward"}


def _outside(column: Array, low: float | None, high: float | None) -> Array:
    fails: Array = np.isnan(column)
    # compared in 64 bits, as in SQL
    if low is not None:
        fails |= column < np.float64(low)
    if high is not None:
        fails |= column > np.float64(high)
    return fails


def _binned(name: str, column: Array) -> Bins:
    return (rollouts if name == "pass_rate" else shares if name in SHARES else nice)(column)
