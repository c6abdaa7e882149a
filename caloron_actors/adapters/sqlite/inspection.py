"""The database file for those who only look, also beside a running service: nothing of it is ever changed."""

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import TypeVar

from caloron_actors.adapters.sqlite.files import changed_by_half, check_header, connect, migrations
from caloron_actors.adapters.sqlite.trouble import refused, translated
from caloron_actors.ports.errors import StateUnusable

T = TypeVar("T")
TRIES = 5


def look(path: Path, work: Callable[[sqlite3.Connection], T]) -> T:
    """Run `work` on a read-only connection, in one transaction: it sees one state of the file.

    Raises `StateUnusable` when the file is missing, damaged or not ours, and `Unavailable` on I/O trouble.
    """
    try:
        if not os.path.lexists(path):
            raise refused(path, "is missing", "name the state directory of a run or of the service")
        check_header(path)
        return _undisturbed(path, work)
    except sqlite3.Error as error:
        if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_READONLY_ROLLBACK:
            raise refused(
                path,
                "was left in the middle of a change",
                "start the service, or run the sprint, once: the change is undone then",
            ) from error
        raise translated(path, error) from error
    except OSError as error:
        raise refused(
            path, f"cannot be opened ({error.strerror})", "check its permissions and its disk"
        ) from error


def look_at_present(path: Path, work: Callable[[sqlite3.Connection], T]) -> T:
    """The same for a file of the present schema; `StateUnusable` for one of an older or a newer one."""

    def checked(connection: sqlite3.Connection) -> T:
        trouble = schema_trouble(path, connection)
        if trouble is not None:
            raise trouble
        return work(connection)

    return look(path, checked)


def schema_trouble(path: Path, connection: sqlite3.Connection) -> StateUnusable | None:
    """What keeps this version from reading the file's rows; None when nothing does."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    known = len(migrations())
    if version > known:
        return refused(
            path,
            f"was written by a newer version of this program (schema {version}, known here: {known})",
            "use that version; it was not changed",
        )
    if version < known:
        return refused(
            path,
            f"was written by an older version of this program (schema {version}, here: {known})",
            "start the service, or run the sprint, once: it is migrated then",
        )
    return None


def _undisturbed(path: Path, work: Callable[[sqlite3.Connection], T]) -> T:
    """A file that nobody has open is read as it lies there: SQLite would put companions beside it otherwise.

    If it turns out that somebody has opened it meanwhile, what was read is thrown away.
    """
    for _ in range(TRIES):
        before = _state(path)
        if before is None:
            break
        try:
            result = _read(path, work, "&immutable=1")
        except sqlite3.Error:
            if _state(path) == before:
                raise
        else:
            if _state(path) == before:
                return result
    return _read(path, work, "")


def _state(path: Path) -> tuple[int, int, int] | None:
    """What changes with the file; None while somebody has it open, or has died over it."""
    if os.path.lexists(f"{path}-wal") or changed_by_half(path):
        return None
    found = path.stat()
    return found.st_ino, found.st_size, found.st_mtime_ns


def _read(path: Path, work: Callable[[sqlite3.Connection], T], more: str) -> T:
    with closing(connect(path, f"ro{more}")) as connection:
        connection.execute("BEGIN")
        return work(connection)
