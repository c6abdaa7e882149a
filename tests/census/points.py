"""Crash points: every write of the journal and every external call passes one, by a name that concurrency cannot change."""

import os
import signal
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Literal, TypeVar

from tests.census.naming import Names
from tests.census.plans import Kill

T = TypeVar("T")
When = Literal["before", "after"]

VOLATILE = {
    "poll": "how often the poller looks at the forge, and what it finds first, depends on how long agents take",
    "lease": "how often a run's lease is renewed depends on how long it takes",
    "journal.commit:TaskObserved": "what a look at the forge tells first depends on its moment",
    "journal.commit:TimePassed": "a deadline is only met when something takes long",
}
"""Classes of points that are passed a varying number of times, and why. Each name in them is one point: its first pass."""


def volatile(name: str) -> bool:
    """Whether a point belongs to one of the classes."""
    return any(name == kind or name.startswith((f"{kind}.", f"{kind}:")) for kind in VOLATILE)


class Points:
    """Counts what one life of the service passes, writes it down, and ends the life at the point it is told to."""

    def __init__(self, record: Path, kill: Kill | None, monotonic: Callable[[], float]) -> None:
        self.names = Names()
        self._record = os.open(record, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        self._kill = kill
        self._monotonic = monotonic
        self._seen: Counter[str] = Counter()
        self._passed = 0

    async def through(self, name: str, work: Callable[[], Awaitable[T]]) -> T:
        """Do `work` as the call `name`."""
        if not volatile(name):
            self._seen[name] += 1
            name = f"{name}#{self._seen[name]}"
        self.passing(name, "before")
        result = await work()
        self.passing(name, "after")
        return result

    def passing(self, name: str, when: When) -> None:
        """Write the point down, whole and at once, and die here if that is the plan."""
        self._passed += 1
        os.write(self._record, f"{self._monotonic():.6f} {name}@{when}\n".encode())
        if self._kill is not None and self._kill.meant(f"{name}@{when}", self._passed):
            os.kill(os.getpid(), signal.SIGKILL)
