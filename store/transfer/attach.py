"""Finding another workspace's database and attaching it for reading.

The database is given as a folder (a workspace, a backup) or as a file (a snapshot), and is never written to: if its
schema is older, it is copied into the workspace and the copy is migrated.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import duckdb

from store.database import duckdb_errors, schema
from store.database.views import sql_text
from store.database.workspace import DATABASE, MEMORY, Workspace, open_here
from store.errors import InputError, StoreError

OTHER = "other"
"""The name of the attached database."""
_COPY = "merging.duckdb"


@dataclass(frozen=True, slots=True)
class Database:
    """``given``: as the user wrote it; ``place``: the folder, or the file of a snapshot."""

    given: str
    place: Path
    file: Path
    version: int


def is_database(given: str) -> bool:
    """Whether this names a workspace, a backup or a snapshot, rather than a file of rows."""
    path = Path(given).expanduser()
    return (path.suffix == ".duckdb" and path.is_file()) or (path / DATABASE).is_file()


def find(workspace: str | Path, given: str) -> Database:
    """The database at ``given``, to be attached to the workspace of this folder.

    InputError: no database, or the workspace itself. StoreError: in use, damaged, newer than this program.
    """
    place = Path(given).expanduser().resolve()
    file = place / DATABASE if place.is_dir() else place
    if not file.is_file():
        raise InputError("FILE", given, "is not a workspace, backup or snapshot", "check the path")
    if file.name == DATABASE:
        place = file.parent
    if place == Path(workspace).expanduser().resolve():
        raise InputError("FILE", given, "is the workspace itself", "name another one")
    if open_here(place):  # closing our handle would free the lock that this process holds on it
        raise InputError("FILE", given, "is open in this program", "close it there first, or merge a snapshot of it")
    with _opened(file, place, read_only=True) as connection:
        try:
            have = schema.version(connection)
        except duckdb.Error as error:
            raise duckdb_errors.damaged(place, error) from error
    if not have:
        raise InputError("FILE", given, "is not a workspace's database", "name a workspace, a backup or a snapshot")
    if have > schema.VERSION:
        raise duckdb_errors.newer(f"'{given}'", have, schema.VERSION)
    return Database(given, place, file, have)


@contextmanager
def attached(workspace: Workspace, database: Database) -> Iterator[duckdb.DuckDBPyConnection]:
    """A cursor of the workspace; inside, all its cursors can read the other database as ``OTHER``. StoreError as
    ``find``, or where an older database cannot be copied.
    """
    copy = workspace.path / _COPY
    file = database.file
    try:
        if database.version < schema.VERSION:
            file = _migrated(database, copy)
        with workspace.cursor() as cursor:
            try:
                cursor.execute(f"ATTACH {sql_text(file)} AS {OTHER} (READ_ONLY)")
            except duckdb.Error as error:
                raise _cannot_open(database.place, error) from error
            try:
                yield cursor
            finally:
                with suppress(duckdb.Error):  # the workspace has been closed meanwhile
                    cursor.execute(f"DETACH {OTHER}")
    finally:
        _remove(copy)


def _migrated(database: Database, copy: Path) -> Path:
    """A migrated copy of its tables."""
    _remove(copy)  # of a merge that was killed
    with _opened(copy, copy, read_only=False) as connection:
        try:
            connection.execute(f"SET memory_limit = '{MEMORY}'")
            connection.execute(f"ATTACH {sql_text(database.file)} AS {OTHER} (READ_ONLY)")
            tables = f"SELECT table_name FROM duckdb_tables() WHERE database_name = '{OTHER}'"
            for (name,) in connection.execute(tables).fetchall():
                connection.execute(f'CREATE TABLE "{name}" AS FROM {OTHER}."{name}"')
            connection.execute(f"DETACH {OTHER}")
            schema.migrate(connection, database.version)
        except duckdb.Error as error:
            said = f"'{database.given}' has an older schema and could not be copied for its migration "
            raise StoreError(f"{said}({duckdb_errors.first_line(error)}).") from error
    return copy


@contextmanager
def _opened(file: Path, place: Path, *, read_only: bool) -> Iterator[duckdb.DuckDBPyConnection]:
    try:
        connection = duckdb.connect(str(file), read_only=read_only)
    except duckdb.Error as error:
        raise _cannot_open(place, error) from error
    with connection:
        yield connection


def _cannot_open(place: Path, error: duckdb.Error) -> StoreError:
    found = duckdb_errors.cannot_open(place, error)
    if isinstance(found, duckdb_errors.InUse):  # no endpoint: the request must not be sent to that app
        who = str(found).rpartition("; ")[0]
        return StoreError(f"{who}; stop that first, or merge a snapshot of it (`scalequest snapshot`).")
    return found


def _remove(copy: Path) -> None:
    for path in (copy, copy.with_name(copy.name + ".wal")):
        path.unlink(missing_ok=True)
