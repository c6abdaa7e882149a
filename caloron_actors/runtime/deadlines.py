"""When asks run out of time. Long deadlines share a timer, for nearly all asks are replied to long before."""

from collections.abc import Callable
from math import ceil
from typing import cast

from .clock import Clock, Timer, Timers
from .mailbox import Call

TICK = 0.1
"""Seconds. A deadline of a second or more may pass this much late, a shorter one does not."""


class Overdue(Exception):
    """The reply did not come in time; the asker turns it into an AskTimeout."""


class OneDeadline(set[Call]):
    """One ask with a timer of its own."""

    timer: Timer | None = None

    def discard(self, call: object, /) -> None:
        super().discard(cast("Call", call))
        if self.timer is not None:
            self.timer.cancel()


class Deadlines:
    """The open asks of one kernel by the tick in which they run out."""

    def __init__(self, clock: Clock, timers: Timers, on_overdue: Callable[[], None]) -> None:
        self._now = clock.monotonic
        self._timers = timers
        self._on_overdue = on_overdue
        self._ticks: dict[int, set[Call]] = {}

    def add(self, call: Call, seconds: float) -> "set[Call]":
        """Fail `call` after so many seconds, unless it is taken out of the set given back."""
        if seconds < 1.0:
            return self._alone(call, seconds)
        tick = ceil((self._now() + seconds) / TICK - 1e-6)
        calls = self._ticks.get(tick)
        if calls is None:
            calls = self._ticks[tick] = set()
            self._timers.after(tick * TICK - self._now(), lambda: self._pass(tick))
        calls.add(call)
        return calls

    def _alone(self, call: Call, seconds: float) -> "set[Call]":
        calls = OneDeadline((call,))
        calls.timer = self._timers.after(seconds, lambda: self._fail(calls))
        return calls

    def _pass(self, tick: int) -> None:
        self._fail(self._ticks.pop(tick, set()))

    def _fail(self, calls: "set[Call]") -> None:
        for call in tuple(calls):
            self._on_overdue()
            call.fail(Overdue())
