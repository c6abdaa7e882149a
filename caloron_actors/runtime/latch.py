"""A value that is set once and may be awaited by many, with or without a time limit on the kernel's clock."""

import asyncio
from collections.abc import Callable
from typing import Generic, TypeVar

from .clock import Timers

T = TypeVar("T")


class Latch(Generic[T]):
    """Set once; later sets are ignored."""

    __slots__ = ("_calls", "_value", "is_set")

    def __init__(self) -> None:
        self.is_set = False
        self._value: T | None = None
        self._calls: list[Callable[[], None]] | None = None

    @property
    def value(self) -> T | None:
        return self._value

    def set(self, value: T) -> None:
        if self.is_set:
            return
        self.is_set, self._value = True, value
        calls, self._calls = self._calls, None
        for call in calls or ():
            call()

    def amend(self, value: T) -> None:
        """Keep `value` in place of the one that was set; nobody is told."""
        self._value = value

    def on_set(self, call: Callable[[], None]) -> None:
        """Run `call` when the value is there; at once when it already is."""
        if self.is_set:
            call()
        elif self._calls is None:
            self._calls = [call]
        else:
            self._calls.append(call)

    async def wait(self) -> None:
        """Wait without limit."""
        if self.is_set:
            return
        waiter = asyncio.get_running_loop().create_future()
        self.on_set(lambda: _settle(waiter))
        await waiter

    async def wait_for(self, limit: float | None, timers: Timers) -> bool:
        """Wait at most `limit` seconds (None: no limit); False when the time was over first."""
        if self.is_set or limit is None:
            await self.wait()
            return True
        waiter = asyncio.get_running_loop().create_future()
        self.on_set(lambda: _settle(waiter))
        timer = timers.after(limit, lambda: _settle(waiter))
        try:
            await waiter
        finally:
            timer.cancel()
        return self.is_set


def _settle(waiter: "asyncio.Future[None]") -> None:
    if not waiter.done():
        waiter.set_result(None)
