"""A driver, one task of the pool: what it steps, and how it carries on with an activation that has suspended."""

import asyncio
from collections.abc import Coroutine, Generator
from contextvars import Context
from typing import TYPE_CHECKING, Any, Protocol

from anyio import CancelScope

from .alarms import InWork

if TYPE_CHECKING:
    from .scheduler import Scheduler

Waiting = tuple["Runnable", Coroutine[Any, Any, None], object]
"""A suspended activation: whose, the rest of it, and what it awaits."""


class Step(Protocol):
    """Makes the next activation of what it is given."""

    def __call__(self, one: Any, /) -> Coroutine[Any, Any, None]: ...  # noqa: ANN401  each knows its own kind


class Runnable(InWork, Protocol):
    """What the queue holds: something with a context of its own that makes the coroutine of its next activation."""

    context: Context
    driver: "Driver | None"
    turn: Step

    @property
    def busy(self) -> bool:
        """It is with a message."""
        ...

    @property
    def patience(self) -> int:
        """Above 0 when it may take its time."""
        ...

    def waits(self, driver: "Driver") -> None:
        """Its activation has suspended in this driver; called each time."""
        ...


class Driver:
    """One task of the pool. While `one` is set it is stuck with that actor's handler, which waits.

    `taken` is an activation that was begun in its name and has suspended before it knew of it.
    """

    __slots__ = ("one", "scope", "step", "taken", "task", "wake")

    def __init__(self) -> None:
        self.scope = CancelScope()
        self.task: asyncio.Task[None] | None = None
        self.one: Runnable | None = None
        self.step: Coroutine[Any, Any, None] | None = None
        self.taken: Waiting | None = None
        self.wake: asyncio.Future[None] | None = None

    def give(self, taken: Waiting) -> None:
        """Leave it what was begun in its name. Meanwhile other tasks may begin to wait for the same future."""
        _mark(taken, awaited=False)
        self.taken = taken

    def take(self) -> Waiting | None:
        """What was begun in its name, for it to go on with at once."""
        taken, self.taken = self.taken, None
        if taken is not None:
            _mark(taken, awaited=True)
        return taken

    def call(self) -> None:
        """It is parked: let it see what there is to do."""
        if self.wake is not None and not self.wake.done():
            self.wake.set_result(None)


class Turn:
    """Lets the event loop have its turn."""

    def __await__(self) -> Generator[None, None, None]:
        yield


class Rest:
    """The rest of an activation that has suspended: passes on what it awaits, and everything that comes back."""

    __slots__ = ("_awaited", "_driver", "_one", "_scheduler", "_step")

    def __init__(
        self,
        scheduler: "Scheduler",
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


def _mark(waiting: Waiting, *, awaited: bool) -> None:
    """What tasks and futures have agreed on: set by who is going to yield the future, unset by the task it reaches."""
    if asyncio.isfuture(waiting[2]):
        waiting[2]._asyncio_future_blocking = awaited  # noqa: SLF001
