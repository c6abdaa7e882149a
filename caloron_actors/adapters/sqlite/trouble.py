"""What SQLite's errors mean to the service: the file cannot be trusted, or the disk is in trouble for now."""

import sqlite3
from pathlib import Path

from caloron_actors.ports.errors import PortError, Rejected, StateUnusable, Unavailable

BROKEN = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FORMAT})
REMEDY = "restore it from a backup, or move it away to start anew; it was not changed"


def refused(path: Path, what: str, remedy: str = REMEDY) -> StateUnusable:
    """One sentence for the operator: which file, what is wrong with it, and what to do."""
    return StateUnusable(f"{path} {what}; {remedy}")


def primary(error: sqlite3.Error) -> int:
    """SQLite's primary result code; -1 for an error that the Python module raised by itself."""
    code: int | None = getattr(error, "sqlite_errorcode", None)
    return -1 if code is None else code & 0xFF


def is_damage(error: BaseException) -> bool:
    """Whether SQLite has met something in the file that it did not write."""
    return isinstance(error, sqlite3.Error) and primary(error) in BROKEN


def translated(path: Path, error: sqlite3.Error, *, committing: bool = False) -> PortError:
    """The port's error for one of SQLite's. `committing`: a COMMIT was under way, so it may have happened."""
    if primary(error) in BROKEN:
        return refused(path, f"is damaged ({error})")
    if isinstance(error, sqlite3.IntegrityError):
        return Rejected(f"{path} refuses the row: {error}")
    return Unavailable(f"{path} cannot be used for now: {error}", ambiguous=committing)
