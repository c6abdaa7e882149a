"""One-shot answers of the journal: it takes an order at once, and its receipt tells the end when there is one."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Generic, TypeVar

import anyio

from caloron_actors.ports.errors import PortError

T = TypeVar("T")
Pause = Callable[[timedelta], Awaitable[None]]
"""Waits on the service's clock."""


class Receipt(Generic[T]):
    """The end of one order, told once; whatever is told later is ignored. Anybody may wait for it, or nobody."""

    def __init__(self) -> None:
        self._ended = anyio.Event()
        self._values: list[T] = []
        self._error: PortError | None = None

    @property
    def open(self) -> bool:
        """Whether the end is not yet known."""
        return not self._ended.is_set()

    def give(self, value: T) -> None:
        """The order was carried out."""
        if self.open:
            self._values.append(value)
            self._ended.set()

    def fail(self, error: PortError) -> None:
        """The order was not carried out, or it is not known whether it was."""
        if self.open:
            self._error = error
            self._ended.set()

    async def ended(self) -> None:
        """Wait for the end, whatever it is."""
        await self._ended.wait()

    async def value(self) -> T:
        """Wait for the end and give what came of it. Raises the port's error."""
        await self._ended.wait()
        if self._error is not None:
            raise self._error
        return self._values[0]


async def within(limit: timedelta, pause: Pause, work: Callable[[], Awaitable[T]]) -> T:
    """Do `work` for at most `limit` of the service's clock. Raises TimeoutError, and what `work` raises."""
    results: list[T] = []
    raised: Exception = TimeoutError(f"no answer within {limit.total_seconds()} s")
    async with anyio.create_task_group() as group:

        async def give_up() -> None:
            await pause(limit)
            group.cancel_scope.cancel()

        group.start_soon(give_up)
        try:
            results.append(await work())
        except Exception as error:  # a task group would wrap it
            raised = error
        group.cancel_scope.cancel()
    if not results:
        raise raised
    return results[0]
