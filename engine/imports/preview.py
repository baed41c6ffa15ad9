"""The first rows of a file, and what an import would make of them under a mapping. Stores nothing.

``begin`` reads the file once; ``read`` then applies any other mapping from memory.
"""

from collections.abc import Mapping as AnyMapping
from dataclasses import dataclass

from engine.data import columns
from engine.data.reader import Source, peek
from engine.data.rows import Refused, Row
from engine.imports import mapping as mappings
from engine.imports.grouping import AUTO, decided
from engine.imports.part import Part
from engine.imports.rows import Reader
from store.errors import InputError


@dataclass(frozen=True, slots=True)
class Beginning:
    """The first rows with their numbers, and the names of their ``columns``."""

    source: Source
    rows: list[tuple[int, Row | Refused]]
    columns: list[str]

    @property
    def good(self) -> list[Row]:
        """The rows that could be read."""
        return [row for _, row in self.rows if not isinstance(row, Refused)]

    def mapping(self, given: AnyMapping[str, str], group: str = AUTO) -> mappings.Mapping:
        """As guessed, but for what is given; it may lack a query. InputError as ``mapping.found``."""
        mapping = mappings.found(self.good, given, self.source.given)
        return decided(mapping, self.columns, self.good, group)

    def read(self, mapping: mappings.Mapping) -> Part:
        """The first rows as an import would read them."""
        fresh = ((place, row if isinstance(row, Refused) else {**row}) for place, row in self.rows)
        return next(Reader(mapping, self.columns).parts(fresh))


def begin(given: str) -> Beginning:
    """InputError: no such file, none that can be read, an empty one."""
    source = Source.of(given)
    rows, _ = peek(source.rows())
    if not rows:
        raise InputError("FILE", given, "is empty", "give a file with at least one row")
    return Beginning(source, rows, columns.of(row for _, row in rows))
