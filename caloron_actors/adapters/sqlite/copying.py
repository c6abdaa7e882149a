"""A backup of the database as one file: taken while the service writes, checked, and moved into place whole."""

import errno
import fcntl
import os
import sqlite3
from collections.abc import Generator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import msgspec

from caloron_actors.adapters.sqlite.files import APPLICATION_ID, COMPANIONS, check_header, connect
from caloron_actors.adapters.sqlite.inspection import look
from caloron_actors.adapters.sqlite.trouble import primary, refused, translated

COPIES = "CREATE TABLE IF NOT EXISTS copies (number INTEGER PRIMARY KEY) STRICT"
"""The table of `segments.sql`: a service tells by it that it was given a copy."""


class Copied(msgspec.Struct, frozen=True):
    """What a backup holds."""

    sprints: int
    events: int


def copy(source: Path, target: Path) -> Copied:
    """Copy the database `source` as it is at one instant into the new file `target`, readable by its owner alone.

    Raises FileExistsError rather than overwrite, OSError when `target` cannot be written, and `StateUnusable` when
    `source` or the copy cannot be trusted. Half a copy is never found under that name.
    """
    with _alone_in(target.parent) as directory:
        copied = _copy(source, target)
        with suppress(OSError):
            os.fsync(directory)
    return copied


@contextmanager
def _alone_in(directory: Path) -> Generator[int, None, None]:
    """The directory, open and locked: of two backups to one name the second would take the first one's side file away."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise OSError(errno.EBUSY, "another backup is just being made there", str(directory)) from error
        except OSError:  # a file system of another host may know no locks of directories
            pass
        yield descriptor
    finally:
        os.close(descriptor)


def _copy(source: Path, target: Path) -> Copied:
    aside = target.with_name(f".{target.name}.part")
    aside.unlink(missing_ok=True)
    os.close(os.open(aside, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600))
    try:
        look(source, lambda connection: _pages(connection, aside))
        try:
            copied = _checked(source, aside)
        except sqlite3.Error as error:
            raise translated(aside, error) from error
        _place(aside, target)
    finally:
        aside.unlink(missing_ok=True)
        for companion in COMPANIONS:
            aside.with_name(f"{aside.name}{companion}").unlink(missing_ok=True)
    return copied


def _pages(source: sqlite3.Connection, aside: Path) -> None:
    """All pages in one go, so that a busy service cannot make the copy begin again and again."""
    source.execute("COMMIT")  # the copy makes a transaction of its own
    with closing(connect(aside, "rw")) as target:
        try:
            source.backup(target, pages=-1)
            target.execute("PRAGMA journal_mode = DELETE")
            target.execute(COPIES)
            target.execute("INSERT INTO copies DEFAULT VALUES")
        except sqlite3.Error as error:
            if primary(error) == sqlite3.SQLITE_FULL:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(aside)) from error
            raise
    descriptor = os.open(aside, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    source.execute("BEGIN")


def _checked(source: Path, aside: Path) -> Copied:
    check_header(aside)
    with closing(connect(aside, "ro")) as connection:
        (mark,) = connection.execute("PRAGMA application_id").fetchone()
        (verdict,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
        orphan = connection.execute("PRAGMA foreign_key_check").fetchone()
        if mark != APPLICATION_ID or verdict != "ok" or orphan is not None:
            raise refused(source, f"is damaged: its copy is not sound ({verdict})")
        (sprints,) = connection.execute("SELECT count(*) FROM sprints").fetchone()
        (events,) = connection.execute("SELECT count(*) FROM events").fetchone()
    return Copied(sprints, events)


def _place(aside: Path, target: Path) -> None:
    """Give the finished copy its name, which nobody has. A hard link, unlike a renaming, fails where one is there."""
    try:
        os.link(aside, target)
    except FileExistsError:
        raise
    except OSError:
        if os.path.lexists(target):
            raise FileExistsError(target) from None
        aside.rename(target)
