"""What goes wrong in a seed: how often each kind of fault comes, and the calls that it comes to."""

from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import TypeVar

import anyio
import anyio.lowlevel

from caloron_actors.ports.errors import RateLimited, Unavailable
from tests.actors.faults import FORGE_WRITES, HOST_WRITES
from tests.simulation.chance import Chance
from tests.simulation.clock import SimClock
from tests.simulation.loop import SimLoop

T = TypeVar("T")
RATES = (0.0, 0.0, 0.0, 0.01, 0.03, 0.1)
LAGS = (0.0, 0.0, 0.5, 3.0, 9.0)
"""Seconds for which a forge's lists do not show what was made. The service allows for ten (perform.world.SETTLING)."""
KINDS = (
    "error_before",
    "error_after",
    "refused_connection",
    "rate_limit",
    "timeout",
    "connection_lost",
    "host_trouble",
    "launch_refused",
    "broken_code",
    "journal_locked",
    "journal_io_error",
    "journal_full",
    "commit_unknown",
    "death_in_commit",
    "journal_slow",
)


class Injected(Exception):
    """A crash of whoever called: code is never free of bugs, so any call may raise what nobody expects."""


class Trouble:
    """Decides about every call of the service to the world. Silent once it is over; `counted` tells what it did."""

    def __init__(self, chance: Chance, loop: SimLoop, clock: SimClock, *, quiet: bool) -> None:
        self.counted: Counter[str] = Counter()
        self.over = quiet
        self.loop = loop
        self._clock = clock
        self._chance = chance
        self._quiet = quiet
        weather = chance.stream("weather")
        self._rates = {kind: 0.0 if quiet else weather.pick(RATES) for kind in KINDS}
        self.lag = timedelta(seconds=0.0 if quiet else weather.pick(LAGS))
        if self.lag:
            self.note("lagging_lists")
        self._delay = 0.0 if quiet else weather.spread(0.001, 2.0)

    def strikes(self, kind: str) -> bool:
        """Whether a fault of that kind comes now; counted when it does."""
        rate = self._rates[kind]
        if self.over or rate == 0.0 or self._chance.unit() >= rate:
            return False
        self.note(kind)
        return True

    def note(self, kind: str) -> None:
        """Count a fault."""
        self.counted[kind] += 1
        if self.loop.trace is not None:
            self.loop.trace.append((self.loop.steps, self.loop.micros, f"!! {kind}"))

    def below(self, limit: int) -> int:
        """A draw for what kind of fault it is."""
        return self._chance.below(limit)

    def wall(self) -> datetime:
        """The forge's clock."""
        return self._clock.true_wall()

    async def wait(self, longest: float | None = None) -> None:
        """Let a call take its time: virtual, and of the seed."""
        if self._quiet:
            return
        limit = self._delay if longest is None else longest
        await anyio.sleep(self._chance.unit() * limit)

    async def through(self, name: str, work: Callable[[], Awaitable[T]]) -> T:
        """Make the call `name`, perhaps late, perhaps in vain, perhaps without being told that it worked."""
        if self._quiet:
            return await work()
        if self.loop.trace is not None:
            self.loop.trace.append((self.loop.steps, self.loop.micros, f"-> {name}"))
        await self.wait()
        if self.strikes("broken_code"):
            raise Injected(name)
        if name in HOST_WRITES or name in ("look", "wait", "output", "renew_lease"):
            return await self._on_host(name, work)
        return await self._on_forge(name, work)

    async def _on_host(self, name: str, work: Callable[[], Awaitable[T]]) -> T:
        if name in HOST_WRITES and self.strikes("host_trouble"):
            done = self._chance.happens(0.5)
            if done:
                await work()
            # A launch that was surely not done leaves a tombstone, which is the launcher's to set.
            unsure = done or name == "launch" or self._chance.happens(0.5)
            raise Unavailable(f"{name}: the host is in trouble", ambiguous=unsure)
        return await work()

    async def _on_forge(self, name: str, work: Callable[[], Awaitable[T]]) -> T:
        write = name in FORGE_WRITES
        if self.strikes("refused_connection"):
            raise Unavailable(f"{name}: no connection", ambiguous=False)
        if self.strikes("rate_limit"):
            wait = timedelta(seconds=self._chance.between(1, 90))
            raise RateLimited(f"{name}: limited", retry_after=self._clock.wall() + wait)
        if self.strikes("error_before"):
            raise Unavailable(f"{name}: 502", ambiguous=write)
        result = await work()
        if self.strikes("error_after"):
            raise Unavailable(f"{name}: 500 after it was done", ambiguous=write)
        if self.strikes("connection_lost"):
            raise Unavailable(f"{name}: the connection was lost", ambiguous=write)
        if self.strikes("timeout"):
            await anyio.sleep(60)
            raise Unavailable(f"{name}: no answer after 60 s", ambiguous=write)
        await self.wait()
        return result
