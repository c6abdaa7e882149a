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


class Guard:
    """Closed after the connection that writes: to close a file drops all locks that the process has on it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._log = Path(f"{path}-wal")
        self._descriptors: list[tuple[Path, int]] = [(path, os.open(path, os.O_RDONLY))]
        self._pin: sqlite3.Connection | None = None
        self.sound = True

    def watch(self) -> None:
        """Begin, with the writing connection open.

        A second connection is kept, because the last one to be closed moves the log into the file, also a broken one.
        """
        self._pin = connect(self._path, "ro")
        self._pin.execute("PRAGMA user_version").fetchone()
        self._descriptors.append((self._log, os.open(self._log, os.O_RDONLY)))

    def check(self) -> None:
        """Raise `StateUnusable` when one of the two was replaced, removed or overwritten."""
        for path, descriptor in self._descriptors:
            here = os.fstat(descriptor)
            try:
                there = path.stat()
            except OSError:
                self._refuse(path, "has gone while it was in use")
            if (here.st_dev, here.st_ino) != (there.st_dev, there.st_ino):
                self._refuse(path, "was replaced while it was in use")
            if here.st_size > 0 or path == self._path:
                self._check_content(path, os.pread(descriptor, HEADER, 0))

    def unpin(self) -> None:
        """Let the writing connection, which is closed next, move the log of a sound file into it."""
        if self._pin is not None and self.sound:
            self._pin.close()
            self._pin = None

    def close(self) -> None:
        """Give the files up."""
        for _, descriptor in self._descriptors:
            os.close(descriptor)
        self._descriptors = []

    def _check_content(self, path: Path, head: bytes) -> None:
        if path == self._log:
            known = head.startswith(LOG_MAGIC)
        else:
            known = head.startswith(MAGIC) and int.from_bytes(head[68:72], "big") == APPLICATION_ID
        if not known:
            self._refuse(path, "was overwritten while it was in use")

    def _refuse(self, path: Path, what: str) -> NoReturn:
        self.sound = False
        raise refused(path, what, REMEDY)
