"""A clock that moves only when told to: sleepers wake in the order of their deadlines, then of their call."""

import heapq
from datetime import UTC, datetime, timedelta
from itertools import count

import anyio
import anyio.lowlevel

from caloron_actors.domain.instant import Now

START = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)


class ManualClock:
    """Implements the wall clock port and the kernel's clock for tests and simulation."""

    def __init__(self, wall: datetime = START) -> None:
        self._wall = wall
        self._awake = timedelta(0)
        self._boots = 1
        self._order = count()
        self._sleepers: list[tuple[timedelta, int, anyio.Event]] = []
        self._changed = anyio.Event()

    def now(self) -> Now:
        """The present reading."""
        return Now(wall=self._wall, awake=self._awake, boot_id=f"boot-{self._boots}")

    def monotonic(self) -> float:
        """Seconds of the awake clock."""
        return self._awake.total_seconds()

    async def sleep(self, seconds: float) -> None:
        """Wait until the clock was advanced by `seconds`; zero or less only yields."""
        if seconds <= 0:
            await anyio.lowlevel.checkpoint()
            return
        sleeper = (self._awake + timedelta(seconds=seconds), next(self._order), anyio.Event())
        heapq.heappush(self._sleepers, sleeper)
        self._tell()
        try:
            await sleeper[2].wait()
        finally:
            if sleeper in self._sleepers:
                self._sleepers.remove(sleeper)
                heapq.heapify(self._sleepers)
                self._tell()

    def advance(self, by: timedelta) -> None:
        """Move both clocks on and wake everyone whose deadline is reached, earliest first."""
        if by < timedelta(0):
            raise ValueError("time does not run backwards")
        self._wall += by
        self._awake += by
        while self._sleepers and self._sleepers[0][0] <= self._awake:
            heapq.heappop(self._sleepers)[2].set()
        self._tell()

    def suspend(self, by: timedelta) -> None:
        """The host sleeps: the wall clock moves on, the awake clock and all sleepers stand still."""
        self._wall += by

    def reboot(self) -> None:
        """The awake clock starts again from zero under a new boot id. Refused while somebody sleeps on it."""
        if self._sleepers:
            raise ValueError("a reboot ends every process: nobody may be asleep on this clock")
        self._boots += 1
        self._awake = timedelta(0)

    @property
    def sleepers(self) -> int:
        """How many calls of `sleep` are waiting."""
        return len(self._sleepers)

    def next_due(self) -> timedelta | None:
        """How far the clock must be advanced to wake the next sleeper; None when nobody sleeps."""
        return self._sleepers[0][0] - self._awake if self._sleepers else None

    async def until_asleep(self, sleepers: int = 1) -> None:
        """Wait until at least that many calls of `sleep` are waiting."""
        while len(self._sleepers) < sleepers:
            await self._changed.wait()

    def _tell(self) -> None:
        self._changed.set()
        self._changed = anyio.Event()
