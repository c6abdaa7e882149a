"""Sees, while the database is in use, that its file and its log are still the ones that were opened. Writes nothing.

SQLite itself would not notice: it works on what it remembers of a file, and what it then calls durable is lost.
"""

import os
import sqlite3
from pathlib import Path
from typing import NoReturn

from caloron_actors.adapters.sqlite.files import APPLICATION_ID, HEADER, LOG_MAGIC, MAGIC, connect
from caloron_actors.adapters.sqlite.trouble import refused

REMEDY = "end this service and restore it from a backup; nothing more was written to it"


class _Opened:
    """A file as it was when it was opened; a descriptor's file never changes, so its path is what is looked at."""

    __slots__ = ("descriptor", "identity", "path")

    def __init__(self, path: Path) -> None:
        self.path = path
        self.descriptor = os.open(path, os.O_RDONLY)
        there = os.fstat(self.descriptor)
        self.identity = (there.st_dev, there.st_ino)


class Guard:
    """Closed after the connection that writes: to close a file drops all locks that the process has on it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._log = Path(f"{path}-wal")
        self._opened = [_Opened(path)]
        self._pin: sqlite3.Connection | None = None
        self.sound = True

    def watch(self) -> None:
        """Begin, with the writing connection open.

        A second connection is kept, because the last one to be closed moves the log into the file, also a broken one.
        """
        self._pin = connect(self._path, "ro")
        self._pin.execute("PRAGMA user_version").fetchone()
        self._opened.append(_Opened(self._log))

    def check(self) -> None:
        """Raise `StateUnusable` when one of the two was replaced, removed or overwritten."""
        for file in self._opened:
            try:
                there = file.path.stat()
            except OSError:
                self._refuse(file.path, "has gone while it was in use")
            if (there.st_dev, there.st_ino) != file.identity:
                self._refuse(file.path, "was replaced while it was in use")
            if there.st_size > 0 or file.path is self._path:
                self._check_content(file.path, os.pread(file.descriptor, HEADER, 0))

    def distrust(self) -> None:
        """SQLite has met damage: say what was done to the files, if that can be seen, and move no log into them."""
        self.check()
        self.sound = False

    def unpin(self) -> None:
        """Let the writing connection, which is closed next, move the log of a sound file into it."""
        if self._pin is not None and self.sound:
            self._pin.close()
            self._pin = None

    def close(self) -> None:
        """Give the files up."""
        for file in self._opened:
            os.close(file.descriptor)
        self._opened = []

    def _check_content(self, path: Path, head: bytes) -> None:
        if path is self._log:
            known = head.startswith(LOG_MAGIC)
        else:
            known = head.startswith(MAGIC) and int.from_bytes(head[68:72], "big") == APPLICATION_ID
        if not known:
            self._refuse(path, "was overwritten while it was in use")

    def _refuse(self, path: Path, what: str) -> NoReturn:
        self.sound = False
        raise refused(path, what, REMEDY)
