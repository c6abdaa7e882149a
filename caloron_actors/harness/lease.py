"""Watches the lease that the service renews: an agent that nobody wants any more must not run on."""

import os


class Lease:
    """Knows for how long the `lease` file has not changed, on the harness's own clock.

    Only a change counts, never the file's time itself: the wall clock may jump, and a service may be on another one.
    """

    def __init__(self, now: float) -> None:
        """Count from `now`, seconds on the monotonic clock (it stands still while the host sleeps)."""
        self._seen = self._signature()
        self._since = now

    def age(self, now: float) -> float:
        """Seconds since the lease was last seen to change."""
        current = self._signature()
        if current is not None and current != self._seen:
            self._seen = current
            self._since = now
        return now - self._since

    @staticmethod
    def _signature() -> tuple[int, int, int] | None:
        try:
            status = os.lstat("lease")
        except OSError:
            return None
        return status.st_ino, status.st_size, status.st_mtime_ns
