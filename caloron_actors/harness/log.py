"""One stream of the agent's output on disk: bounded, its head and its newest part kept.

The newest bytes are in `NAME.log`; full segments move to `NAME.0.log` (the head, kept for good) and `NAME.N.log` (the
last full one). At most `cap` bytes are on disk, and the last third of `cap` can always be read.
"""

import contextlib
import os
from pathlib import Path

SEGMENTS = 3


class Log:
    """Appends to the newest segment. `total` counts the bytes that came, kept or not."""

    def __init__(self, name: str, cap: int) -> None:
        """Open `NAME.log` in the current directory; `cap` is in bytes."""
        self.total = 0
        self._name = name
        self._segment = max(1, cap // SEGMENTS)
        self._number = 0
        self._size = 0
        self._lost = 0
        self._descriptor = self._open()

    def write(self, chunk: bytes) -> None:
        """Keep a chunk. What the disk has no room for is counted and named in the log later (`finish`)."""
        self.total += len(chunk)
        view = memoryview(chunk)
        try:
            if self._lost:
                self._confess()
            while view:
                if self._size >= self._segment:
                    self._rotate()
                written = os.write(self._descriptor, view[: self._segment - self._size])
                self._size += written
                view = view[written:]
        except OSError:
            self._lost += len(view)

    def finish(self) -> None:
        """Make everything durable. Raises OSError when it cannot yet; the call may be repeated.

        A gap must be named before the run counts as ended: a reader judges the last line of what was printed.
        """
        if self._lost:
            self._confess()
        os.fsync(self._descriptor)

    def close(self) -> None:
        """Give the file back."""
        os.close(self._descriptor)

    def _confess(self) -> None:
        line = f"\n[{self._lost} bytes of output were lost: they could not be written]\n".encode()
        before = os.fstat(self._descriptor).st_size
        written = os.write(self._descriptor, line)
        if written < len(line):
            os.ftruncate(self._descriptor, before)
            raise OSError("no room")
        self._size += written
        self._lost = 0

    def _rotate(self) -> None:
        # An earlier try may have come as far as the rename.
        with contextlib.suppress(FileNotFoundError):
            Path(f"{self._name}.log").rename(f"{self._name}.{self._number}.log")
        if self._number >= 2:
            Path(f"{self._name}.{self._number - 1}.log").unlink(missing_ok=True)
        fresh = self._open()
        os.close(self._descriptor)
        self._descriptor, self._size = fresh, 0
        self._number += 1

    def _open(self) -> int:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
        return os.open(f"{self._name}.log", flags, 0o600)
