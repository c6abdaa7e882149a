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
from asyncio import CancelledError, current_task
from asyncio.tasks import _enter_task, _leave_task
from collections import deque
from collections.abc import Iterator
from sys import exception
from typing import TYPE_CHECKING, Any

from .driver import Driver, Rest, Runnable, Turn, Waiting

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

LOANS = 256
"""Activations in the stacks of askers before the event loop gets its turn; the time limit is that of a slice."""


class Scheduler:
    """The run queue of one kernel. At most one driver owns it, running or about to."""

    __slots__ = (
        "_changes",
        "_closed",
        "_drivers",
        "_idle",
        "_kernel",
        "_loans",
        "_owner",
        "_queue",
        "_until",
    )

    def __init__(self, kernel: "Kernel") -> None:
        self._kernel = kernel
        self._queue: deque[Runnable] = deque()
        self._changes: deque[Runnable] = deque()
        self._owner: Driver | None = None
        self._idle: list[Driver] = []
        self._drivers: set[Driver] = set()
        self._closed = False
        self._loans = 0
        self._until = 0.0

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

    def run_now(self, one: Runnable) -> "asyncio.Task[Any] | None":
        """Activate `one` at once, in the stack of a task that is going to wait for it; None when it must wait.

        Gives back that task. When it has been cancelled meanwhile, it must let the event loop have its turn.

        It is a driver's activation all the same: the driver's task is the current one meanwhile, by the calls that
        asyncio documents for this, and has the rest if it suspends. So the asker gets its reply without a turn of
        the event loop, as long as nobody else is to be run.
        """
        if self._owner is not None or self._loans <= 0 or not self._idle:
            return None
        loop = self._kernel.loop
        asker, driver = current_task(loop), self._idle[-1]
        if asker is None or driver.task is None or driver.wake is None or driver.wake.done():
            return None
        if exception() is not None:
            return None  # it would be the context of whatever the handler raises
        self._owner = self._idle.pop()
        step = one.turn(one)
        _leave_task(loop, asker)
        _enter_task(loop, driver.task)
        try:
            driver.give((one, step, one.context.run(step.send, None)))
        except (StopIteration, CancelledError):
            pass  # a cancellation is the driver's own, which hears of it by itself
        finally:
            _leave_task(loop, driver.task)
            _enter_task(loop, asker)
            self._hand_back(driver)
        return asker

    def _hand_back(self, driver: Driver) -> None:
        """After an activation in its name the driver sees to the rest, if there is any."""
        self._loans -= 1
        if not self._loans & 3:
            now = self._kernel.loop.time()
            if not self._until:
                self._until = now + SLICE
            elif now >= self._until:
                self._loans = 0
        if driver.taken is not None:
            driver.one, driver.step, _ = driver.taken
            driver.call()  # first, for a driver that is called cannot be cancelled before it sees to the rest
            self.suspended(driver, driver.one)
        elif self._queue or self._changes:
            driver.call()
        else:
            self._owner = None
            if driver.wake is not None and not driver.wake.done():
                self._idle.append(driver)

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
            driver.call()
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
            driver.call()
            return
        driver = self._owner = Driver()
        self._drivers.add(driver)
        driver.task = self._kernel.spawn(self._drive(driver), "driver")

    async def _drive(self, driver: Driver) -> None:
        try:
            if driver.task is None:
                await Turn()  # an eager task factory begins it in the stack of who has something to be done
            task = driver.task
            if task is None:
                raise RuntimeError("a driver runs in its task")
            with driver.scope:
                while True:
                    busy = self._owner is driver and (self._queue or self._changes)
                    if (not busy or self._closed) and not await self._park(driver, task):
                        return
                    waiting = driver.take() or self._slice(driver)
                    if waiting is None:
                        if task.cancelling():
                            return  # a handler has cancelled the task it ran in: it is not used any more
                        if self._queue or self._changes:
                            await Turn()
                        continue
                    one, step, awaited = waiting
                    await Rest(self, driver, one, step, awaited)
                    one.driver = driver.one = driver.step = None
                    if driver.scope.cancel_called or task.cancelling():
                        return
        finally:
            self._leave(driver)

    def _slice(self, driver: Driver) -> Waiting | None:
        """Step one after another, until one waits, the slice is over, or there is nothing left."""
        queue, changes = self._queue, self._changes
        until, turns = None, TURNS
        self._loans, self._until = LOANS, 0.0
        while queue or changes:
            one = changes.popleft() if changes and (not queue or not turns & CHANGES) else queue.popleft()
            step = one.turn(one)
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
            driver.one, driver.step = one, step
            self.suspended(driver, one)
            return one, step, awaited
        return None

    async def _park(self, driver: Driver, task: "asyncio.Task[None]") -> bool:
        """Wait until there is something to do for this driver; False when it is not needed any more."""
        if self._owner is driver:
            self._owner = None
        if self._closed or len(self._idle) >= IDLE_DRIVERS:
            return False
        driver.wake = self._kernel.loop.create_future()
        self._idle.append(driver)
        try:
            await driver.wake
        except CancelledError as error:
            if driver.taken is None:
                raise
            task.uncancel()  # it is for the handler, which will wait next
            task.cancel(*error.args)
        return self._owner is driver or driver.taken is not None

    def _leave(self, driver: Driver) -> None:
        self._drivers.discard(driver)
        if driver in self._idle:
            self._idle.remove(driver)
        if self._owner is driver:
            self._owner = None
            if self._queue or self._changes:
                self._call_driver()
