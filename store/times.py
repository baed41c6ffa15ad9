"""UTC in the program, zone-less UTC in the database."""

from datetime import UTC, datetime
from typing import overload


@overload
def to_db(when: datetime) -> datetime: ...
@overload
def to_db(when: None) -> None: ...
def to_db(when: datetime | None) -> datetime | None:
    """The same moment in UTC, without its zone."""
    return when if when is None or when.tzinfo is None else when.astimezone(UTC).replace(tzinfo=None)


@overload
def from_db(when: datetime) -> datetime: ...
@overload
def from_db(when: None) -> None: ...
def from_db(when: datetime | None) -> datetime | None:
    """The same moment, with its zone."""
    return when if when is None else when.replace(tzinfo=UTC)
