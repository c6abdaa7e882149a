"""The signals the harness lives by, turned into something a poll can wait for."""

import contextlib
import os
import signal
from types import FrameType


class Signals:
    """SIGTERM is counted, SIGCHLD only wakes, SIGINT and SIGHUP are meant for the service and not for its agents."""

    def __init__(self) -> None:
        """Take over the process's signals."""
        self.terms = 0
        self.reader, self._writer = os.pipe()
        os.set_blocking(self.reader, False)
        os.set_blocking(self._writer, False)
        signal.set_wakeup_fd(self._writer, warn_on_full_buffer=False)
        signal.signal(signal.SIGTERM, self._count)
        signal.signal(signal.SIGCHLD, self._wake)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)

    def drain(self) -> None:
        """Empty the wake-up pipe."""
        with contextlib.suppress(BlockingIOError):
            while os.read(self.reader, 4096):
                pass

    def _count(self, number: int, frame: FrameType | None) -> None:
        self.terms += 1

    def _wake(self, number: int, frame: FrameType | None) -> None:
        """Only the wake-up byte matters."""
