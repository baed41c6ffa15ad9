"""How a file begins, and what an import would make of its first rows under a mapping. Stores nothing.

``begin`` reads the file once; ``read`` then answers any change of the mapping from memory.
"""

from __future__ import annotations

from collections.abc import Mapping as AnyMapping
from dataclasses import dataclass
from itertools import islice

from engine.data.formats import Refused, Row, Source
from engine.imports import mapping as mappings
from engine.imports.rows import Part, Reader
from store.errors import InputError

_ROWS = 100
"""As many as ``job`` guesses the mapping from."""


@dataclass(frozen=True, slots=True)
class Beginning:
    """The first rows with their places; ``columns``: the names in them."""

    source: Source
    rows: list[tuple[int, Row | Refused]]
    columns: list[str]

    def mapping(self, given: AnyMapping[str, str]) -> mappings.Mapping:
        """As guessed, but for what is given; it may lack a query. InputError as ``mapping.found``."""
        good = [row for _, row in self.rows if not isinstance(row, Refused)]
        return mappings.found(good, given, self.source.given)

    def read(self, mapping: mappings.Mapping) -> Part:
        """The first rows as an import would read them."""
        fresh = ((place, row if isinstance(row, Refused) else {**row}) for place, row in self.rows)
        return next(Reader(mapping, self.columns).parts(fresh))


def begin(given: str) -> Beginning:
    """InputError: no such file, none that can be read, an empty one."""
    source = Source.of(given)
    rows = list(islice(source.rows(), _ROWS))
    if not rows:
        raise InputError("FILE", given, "is empty", "give a file with at least one row")
    columns = dict.fromkeys(name for _, row in rows if not isinstance(row, Refused) for name in row)
    return Beginning(source, rows, list(columns))
