"""The kernel's time: the clock it is given, and one heap of timers on it. Nothing here reads a clock itself."""

import asyncio
import heapq
from collections.abc import Callable
from typing import Protocol

from anyio import CancelScope

_COMPACT_ABOVE = 1024
"""Cancelled timers are swept out of the heap when they outnumber the live ones and this number."""

RESOLUTION = 1e-6
"""Seconds. A clock that counts in microseconds may wake a sleeper this much before a deadline kept as a float."""


class Clock(Protocol):
    """Time as the kernel needs it, in seconds."""

    def monotonic(self) -> float: ...

    async def sleep(self, seconds: float) -> None: ...


class Timer:
    """A call that is due later. `cancel` is idempotent, and too late once the timer has fired."""

    __slots__ = ("_call", "_timers")

    def __init__(self, timers: "Timers", call: Callable[[], None]) -> None:
        self._timers = timers
        self._call: Callable[[], None] | None = call

    @property
    def pending(self) -> bool:
        return self._call is not None

    def cancel(self) -> None:
        if self._call is not None:
            self._call = None
            self._timers.note_cancelled()

    def fire(self) -> None:
        call, self._call = self._call, None
        if call is not None:
            call()


class Timers:
    """Every timer of one kernel. `run` must be going for them to fire."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._heap: list[tuple[float, int, Timer]] = []
        self._serial = 0
        self._cancelled = 0
        self._sleep: CancelScope | None = None
        self._idle: asyncio.Future[None] | None = None

    def after(self, seconds: float, call: Callable[[], None]) -> Timer:
        """Run `call` once `seconds` have passed; it must neither raise nor wait."""
        timer = Timer(self, call)
        at = self._clock.monotonic() + seconds
        self._serial += 1
        entry = (at, self._serial, timer)
        heapq.heappush(self._heap, entry)
        if self._heap[0] is entry:
            self._wake()
        return timer

    def note_cancelled(self) -> None:
        self._cancelled += 1
        if self._cancelled > _COMPACT_ABOVE and self._cancelled * 2 > len(self._heap):
            self._heap = [entry for entry in self._heap if entry[2].pending]
            heapq.heapify(self._heap)
            self._cancelled = 0

    async def run(self) -> None:
        """Fire timers as they fall due, until cancelled."""
        while True:
            self._fire_due()
            if not self._heap:
                self._idle = asyncio.get_running_loop().create_future()
                await self._idle
                continue
            with CancelScope() as self._sleep:
                await self._clock.sleep(max(0.0, self._heap[0][0] - self._clock.monotonic()))
            self._sleep = None

    def _fire_due(self) -> None:
        now = self._clock.monotonic() + RESOLUTION
        while self._heap and (self._heap[0][0] <= now or not self._heap[0][2].pending):
            timer = heapq.heappop(self._heap)[2]
            if timer.pending:
                timer.fire()
            else:
                self._cancelled = max(0, self._cancelled - 1)

    def _wake(self) -> None:
        if self._idle is not None and not self._idle.done():
            self._idle.set_result(None)
        if self._sleep is not None:
            self._sleep.cancel()
