"""Who runs when: one run queue of actors that have something to do, and a pool of driver tasks that takes them off it.

An idle actor has no task. A driver steps one actor after another, each for a bounded batch; as long as no handler
waits, thousands of messages between thousands of actors cost one turn of the event loop. When a handler really waits,
its driver stays with it, and another driver takes over the queue. So a handler runs in one task from its first line to
its last, and scopes, time limits and `current_task()` inside it are as legal as in a task of its own. A task for each
actor would be simpler, but costs a turn of the loop for every message that finds its actor idle, ten times as much
memory, and a task for each start; what it would add, a cancel scope open across two messages, no actor may rely on.

Every actor has a context of its own, in which all its steps run. Drivers are never reused after a cancellation.
"""

import asyncio
from collections import deque
from collections.abc import Coroutine, Generator, Iterator
from contextvars import Context
from typing import TYPE_CHECKING, Any, Protocol

from anyio import CancelScope

from .alarms import InWork

if TYPE_CHECKING:
    from .kernel import Kernel

TURNS = 256
"""Activations before the event loop gets its turn, also when no time seems to pass."""

SLICE = 0.0003
"""Seconds from the fourth activation on before the event loop gets its turn; looked at every fourth."""

CHANGES = 31
"""Activations of messages for one start or end, when there are both; 2**n - 1."""

IDLE_DRIVERS = 64
"""Drivers that are kept for the next handler that waits."""


class Runnable(InWork, Protocol):
    """What the queue holds: something with a context of its own that makes the coroutine of its next activation."""

    context: Context
    driver: "Driver | None"

    @property
    def busy(self) -> bool:
        """It is with a message."""
        ...

    @property
    def patience(self) -> int:
        """Above 0 when it may take its time."""
        ...

    def activation(self) -> Coroutine[Any, Any, None]:
        """Its next step."""
        ...

    def waits(self, driver: "Driver") -> None:
        """Its activation has suspended in this driver; called each time."""
        ...


class Driver:
    """One task of the pool. While `one` is set it is stuck with that actor's handler, which waits."""

    __slots__ = ("one", "scope", "step", "task", "wake")

    def __init__(self) -> None:
        self.scope = CancelScope()
        self.task: asyncio.Task[None] | None = None
        self.one: Runnable | None = None
        self.step: Coroutine[Any, Any, None] | None = None
        self.wake: asyncio.Future[None] | None = None


class Scheduler:
    """The run queue of one kernel. At most one driver owns it, running or about to."""

    __slots__ = ("_changes", "_closed", "_drivers", "_idle", "_kernel", "_owner", "_queue")

    def __init__(self, kernel: "Kernel") -> None:
        self._kernel = kernel
        self._queue: deque[Runnable] = deque()
        self._changes: deque[Runnable] = deque()
        self._owner: Driver | None = None
        self._idle: list[Driver] = []
        self._drivers: set[Driver] = set()
        self._closed = False

    def push(self, one: Runnable) -> None:
        """Have `one` activated; it must not be in the queue or active already."""
        self._queue.append(one)
        if self._owner is None:
            self._call_driver()

    def push_change(self, one: Runnable) -> None:
        """Have `one` started or ended. Changes take turns with messages, so that a storm of them delays nobody else."""
        self._changes.append(one)
        if self._owner is None:
            self._call_driver()

    @property
    def waiting(self) -> Iterator[Runnable]:
        """Those whose handlers wait."""
        return iter([driver.one for driver in self._drivers if driver.one is not None])

    def close(self) -> None:
        """Nobody is activated any more, because all is over or the loop is closing: let the drivers go."""
        self._closed = True
        self._queue.clear()
        self._changes.clear()
        for driver in self._idle:
            _wake(driver)
        self._idle.clear()

    def suspended(self, driver: Driver, one: Runnable) -> None:
        """A handler waits: its driver stays with it, and the queue goes to another."""
        if self._owner is driver:
            self._owner = None
            if self._queue or self._changes:
                self._call_driver()
        one.waits(driver)

    def resumed(self, driver: Driver) -> None:
        """A handler goes on. What it pushes, its driver can see to when nobody else does."""
        if self._owner is None:
            self._owner = driver

    def _call_driver(self) -> None:
        if self._closed:
            return
        if self._idle:
            driver = self._owner = self._idle.pop()
            _wake(driver)
            return
        driver = self._owner = Driver()
        self._drivers.add(driver)
        driver.task = self._kernel.spawn(self._drive(driver), "driver")

    async def _drive(self, driver: Driver) -> None:
        task = driver.task
        if task is None:
            raise RuntimeError("a driver runs in its task")
        try:
            with driver.scope:
                while True:
                    busy = self._owner is driver and (self._queue or self._changes)
                    if (not busy or self._closed) and not await self._park(driver):
                        return
                    waiting = self._slice()
                    if waiting is None:
                        if task.cancelling():
                            return  # a handler has cancelled the task it ran in: it is not used any more
                        if self._queue or self._changes:
                            await _Turn()
                        continue
                    driver.one, driver.step, awaited = waiting
                    self.suspended(driver, driver.one)
                    await _Rest(self, driver, driver.one, driver.step, awaited)
                    driver.one.driver = driver.one = driver.step = None
                    if driver.scope.cancel_called or task.cancelling():
                        return
        finally:
            self._leave(driver)

    def _slice(self) -> tuple[Runnable, Coroutine[Any, Any, None], object] | None:
        """Step one after another, until one waits, the slice is over, or there is nothing left."""
        queue, changes = self._queue, self._changes
        until, turns = None, TURNS
        while queue or changes:
            one = changes.popleft() if changes and (not queue or not turns & CHANGES) else queue.popleft()
            step = one.activation()
            try:
                awaited: object = one.context.run(step.send, None)
            except StopIteration:
                turns -= 1
                if not turns & 3:
                    now = self._kernel.loop.time()
                    until = until or now + SLICE
                    if not turns or now >= until:
                        return None
                continue
            return one, step, awaited
        return None

    async def _park(self, driver: Driver) -> bool:
        """Wait until the queue is this driver's; False when it is not needed any more."""
        if self._owner is driver:
            self._owner = None
        if self._closed or len(self._idle) >= IDLE_DRIVERS:
            return False
        driver.wake = self._kernel.loop.create_future()
        self._idle.append(driver)
        await driver.wake
        return self._owner is driver

    def _leave(self, driver: Driver) -> None:
        self._drivers.discard(driver)
        if driver in self._idle:
            self._idle.remove(driver)
        if self._owner is driver:
            self._owner = None
            if self._queue or self._changes:
                self._call_driver()


class _Turn:
    """Lets the event loop have its turn."""

    def __await__(self) -> Generator[None, None, None]:
        yield


class _Rest:
    """The rest of an activation that has suspended: passes on what it awaits, and everything that comes back."""

    __slots__ = ("_awaited", "_driver", "_one", "_scheduler", "_step")

    def __init__(
        self,
        scheduler: Scheduler,
        driver: Driver,
        one: Runnable,
        step: Coroutine[Any, Any, None],
        awaited: object,
    ) -> None:
        self._scheduler = scheduler
        self._driver = driver
        self._one = one
        self._step = step
        self._awaited = awaited

    def __await__(self) -> Generator[object, object, None]:
        scheduler, driver, one, step = self._scheduler, self._driver, self._one, self._step
        run, awaited = one.context.run, self._awaited
        while True:
            try:
                value = yield awaited
            except GeneratorExit:
                run(step.close)
                raise
            except BaseException as error:
                scheduler.resumed(driver)
                try:
                    awaited = run(step.throw, error)
                except StopIteration:
                    return
            else:
                scheduler.resumed(driver)
                try:
                    awaited = run(step.send, value)
                except StopIteration:
                    return
            scheduler.suspended(driver, one)


def _wake(driver: Driver) -> None:
    if driver.wake is not None and not driver.wake.done():
        driver.wake.set_result(None)
