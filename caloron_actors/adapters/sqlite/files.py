"""The database file before it is opened for work: checked without a change, made anew as a whole, migrated forward."""

import os
import sqlite3
import stat
from collections.abc import Sequence
from contextlib import closing
from importlib import resources
from pathlib import Path

from caloron_actors.adapters.sqlite.trouble import refused, translated

COMPANIONS = ("-wal", "-shm", "-journal")
"""What SQLite adds to a database's name for the files that belong to it."""
APPLICATION_ID = 0x43414C31
"""`CAL1` in the header's application id field: marks the file as this program's."""
MAGIC = b"SQLite format 3\0"
HEADER = 100
LOG_MAGIC = b"\x37\x7f\x06"
"""What the log's first word begins with, in either byte order of its sums."""
BUSY_SECONDS = 5.0


def migrations() -> tuple[str, ...]:
    """The scripts that lead from an empty file to the present schema; `user_version` counts those applied."""
    package = resources.files("caloron_actors.adapters.sqlite")
    return tuple(
        package.joinpath(name).read_text(encoding="utf-8") for name in ("schema.sql", "segments.sql")
    )


def prepare(path: Path, scripts: Sequence[str]) -> None:
    """Make `path` a sound database of the present schema, or raise `StateUnusable` and leave its bytes alone."""
    try:
        if not os.path.lexists(path):
            _create(path, scripts)
        else:
            check_header(path)
            _undo_half_a_change(path)
            check_size(path)
            _migrate(path, scripts, _check_content(path, len(scripts)))
    except sqlite3.Error as error:
        raise translated(path, error) from error
    except OSError as error:
        raise refused(
            path, f"cannot be opened ({error.strerror})", "check its permissions and its disk"
        ) from error


def connect(path: Path, mode: str) -> sqlite3.Connection:
    """Open an existing file, `mode` `ro` or `rw`, without implicit transactions."""
    return sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={mode}", uri=True, isolation_level=None, timeout=BUSY_SECONDS
    )


def _create(path: Path, scripts: Sequence[str]) -> None:
    """Build the file under another name and move it into place, so that a half-made one is never found."""
    for companion in ("-wal", "-journal"):
        left = Path(f"{path}{companion}")
        if (
            os.path.lexists(left) and left.lstat().st_size > 0
        ):  # looking at a file makes an empty one beside it
            raise refused(
                path,
                f"is missing although {left.name} is there",
                "restore both from a backup, or move that away too to start anew",
            )
    fresh = path.with_name(f"{path.name}.new")
    fresh.unlink(missing_ok=True)
    path.with_name(f"{fresh.name}-journal").unlink(missing_ok=True)
    os.close(os.open(fresh, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600))
    with closing(connect(fresh, "rw")) as connection:
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        _apply(connection, scripts, 0)
    fresh.rename(path)
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def changed_by_half(path: Path) -> bool:
    """Whether a process may have died over a change to a file without a log: a restored or new one, not yet in WAL mode."""
    journal = Path(f"{path}-journal")
    return os.path.lexists(journal) and journal.lstat().st_size > 0


def _undo_half_a_change(path: Path) -> None:
    """Have SQLite put back what the change found. Until then the file is neither of its size nor readable as it lies."""
    if changed_by_half(path):
        with closing(connect(path, "rw")) as connection:
            connection.execute("PRAGMA user_version").fetchone()


def check_size(path: Path) -> None:
    """See that no end is missing: SQLite takes the bytes of a page that are not there for zeros.

    Only of a file without a log: with one, the file may not have all of its pages yet. A log that is no log would be
    ignored by SQLite, and with it every commit in it.
    """
    log = Path(f"{path}-wal")
    if os.path.lexists(log) and log.lstat().st_size > 0:
        with log.open("rb") as file:
            if file.read(len(LOG_MAGIC)) != LOG_MAGIC:
                raise refused(log, "is not the log of a database")
        return
    with path.open("rb") as file:
        header = file.read(HEADER)
    page = int.from_bytes(header[16:18], "big")
    pages = int.from_bytes(header[28:32], "big")
    if path.stat().st_size != pages * page:
        raise refused(path, "is damaged (its size is not what it says)")


def check_header(path: Path) -> None:
    """Recognise our own file by its first bytes: SQLite itself must not touch a stranger's (it may repair it)."""
    if not stat.S_ISREG(path.lstat().st_mode):
        raise refused(path, "is not a regular file", "move it away")
    with path.open("rb") as file:
        header = file.read(HEADER)
    if not header:
        raise refused(path, "is empty")
    if len(header) < HEADER or not header.startswith(MAGIC):
        raise refused(path, "is not a database")
    if int.from_bytes(header[68:72], "big") != APPLICATION_ID:
        raise refused(
            path, "is another program's database", "name another state directory; it was not changed"
        )


def _check_content(path: Path, known: int) -> int:
    """Read through the file and give its schema version. A read-only connection cannot change it, even at its close."""
    with closing(connect(path, "ro")) as connection:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version > known:
            raise refused(
                path,
                f"was written by a newer version of this program (schema {version}, known here: {known})",
                "run that version or name another state directory; it was not changed",
            )
        (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        if verdict != "ok":
            raise refused(path, f"is damaged ({' '.join(str(verdict).split())})")
        if connection.execute("PRAGMA foreign_key_check").fetchone() is not None:
            raise refused(path, "is damaged (rows without their sprint)")
    return int(version)


def _migrate(path: Path, scripts: Sequence[str], version: int) -> None:
    if version < len(scripts):
        with closing(connect(path, "rw")) as connection:
            connection.execute("PRAGMA synchronous = FULL")
            _apply(connection, scripts, version)


def _apply(connection: sqlite3.Connection, scripts: Sequence[str], version: int) -> None:
    """Run the missing scripts, each in one transaction with the version it leads to."""
    for number, script in enumerate(scripts[version:], start=version + 1):
        try:
            connection.executescript(f"BEGIN IMMEDIATE;\n{script}\n;PRAGMA user_version = {number};\nCOMMIT;")
        except sqlite3.Error:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
