"""The clocks of the simulated host and of the forge, read from the loop's virtual time."""

from datetime import UTC, datetime, timedelta

import anyio
import anyio.lowlevel

from caloron_actors.domain.instant import Now
from tests.simulation.loop import SimLoop

START = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)


class SimClock:
    """Implements `app.adapters.HostClock`: the awake clock is the loop's, the wall clock may be set, the host may sleep."""

    def __init__(self, loop: SimLoop) -> None:
        self._loop = loop
        self._boots = 1
        self._booted = 0
        self._slept = timedelta(0)
        self._set = timedelta(0)

    def now(self) -> Now:
        """All clocks of the host."""
        wall = self.true_wall() + self._set
        return Now(
            wall=wall,
            awake=timedelta(microseconds=self._loop.micros - self._booted),
            boot_id=f"boot-{self._boots}",
        )

    def wall(self) -> datetime:
        """The host's wall clock."""
        return self.true_wall() + self._set

    def true_wall(self) -> datetime:
        """The forge's clock: it counts the time the host sleeps, and nobody sets it."""
        return START + timedelta(microseconds=self._loop.micros) + self._slept

    def monotonic(self) -> float:
        """Seconds of the awake clock."""
        return (self._loop.micros - self._booted) / 1e6

    async def sleep(self, seconds: float) -> None:
        """Wait on the awake clock."""
        if seconds <= 0:
            await anyio.lowlevel.checkpoint()
        else:
            await anyio.sleep(seconds)

    def suspend(self, by: timedelta) -> None:
        """The host sleeps: the rest of the world grows older, the awake clock and all that waits on it stand still."""
        self._slept += by

    def set_wall(self, by: timedelta) -> None:
        """Somebody, or NTP, sets the host's wall clock."""
        self._set += by

    def reboot(self) -> None:
        """The awake clock starts again from zero under a new boot id. No process of the host may live."""
        self._boots += 1
        self._booted = self._loop.micros
