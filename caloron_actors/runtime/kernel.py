"""What every part of one running system shares: time, tasks, addresses and the way to report."""

import asyncio
from collections.abc import Callable, Coroutine
from contextvars import Context
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from .cell import Registry
from .clock import Clock, Timers
from .deadlines import Deadlines
from .scheduler import Scheduler
from .telemetry import Observer, Report, Undelivered

if TYPE_CHECKING:
    from .dynamic import DynamicSupervisor
    from .supervising import Supervising

T = TypeVar("T")

KILL_GRACE = 1.0
"""Seconds a cancelled task has to go before it is reported as unkillable and left behind."""


class Kernel:
    """Shared by all parts of one System; knows no policy."""

    def __init__(
        self,
        clock: Clock,
        observer: Observer,
        draw: Callable[[], float],
        on_undelivered: Callable[[Undelivered], None] | None = None,
        on_abandoned: Callable[[], None] | None = None,
    ) -> None:
        self.clock = clock
        self.draw = draw
        self.started = self.ended = self.crashed = self.timed_out = self.lost = 0
        self.timers = Timers(clock)
        self.deadlines = Deadlines(clock, self.timers, self._count_timeout)
        self.scheduler = Scheduler(self)
        self.push = self.scheduler.push  # kept as one object, because every actor holds it
        self.lose = self.undelivered
        self.registry = Registry(self)
        self.factories: dict[str, DynamicSupervisor] = {}
        self.supervisors: dict[str, Supervising] = {}
        self._observer = observer
        self._on_undelivered = on_undelivered
        self._on_abandoned = on_abandoned
        self._tasks: dict[asyncio.Task[None], str] = {}
        self._abandoned: list[str] = []

    def spawn(
        self, work: Coroutine[Any, Any, None], name: str, context: Context | None = None
    ) -> asyncio.Task[None]:
        """Run `work` as a task in a clean context, so that nothing of whoever caused it is kept.

        Its owner must see to its end: each is an incarnation, a side task, a supervisor or the timers, with a
        cancel scope of its own. No task group is used, because one with a task that will not go cannot be left.
        """
        loop = asyncio.get_running_loop()
        task = loop.create_task(work, name=name, context=Context() if context is None else context)
        self._tasks[task] = name
        task.add_done_callback(self._reap)
        return task

    @cached_property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The loop that it runs on, for good."""
        return asyncio.get_running_loop()

    def abandon(self, name: str, task: asyncio.Task[None] | None = None) -> None:
        """The task, by default that of the name, would not go and is no longer waited for."""
        if task in self._tasks:
            self._tasks[task] = name
        self._abandoned.append(name)
        if self._on_abandoned is not None:
            self._on_abandoned()

    async def drained(self) -> None:
        """Wait until every task that can go has gone."""
        going = [task for task, name in self._tasks.items() if name not in self._abandoned]
        if going:
            await asyncio.wait(going)

    @property
    def abandoned(self) -> tuple[str, ...]:
        """Names of the tasks that could not be killed; the process should end with a non-zero code."""
        return tuple(self._abandoned)

    @property
    def tasks(self) -> tuple[str, ...]:
        """Names of the tasks that are going."""
        return tuple(self._tasks.values())

    def report(self, report: Report) -> None:
        """Hand a report to the observer; its own failure must not reach the tree."""
        try:
            self._observer.report(report)
        except Exception as error:
            _tell_loop(error)

    def undelivered(self, path: str, message: object, why: Literal["gone", "overflow"]) -> None:
        """A message that was taken is lost: count it, and tell whoever wants to know."""
        self.lost += 1
        if self._on_undelivered is not None:
            self.call_out(self._on_undelivered, Undelivered(path, message, why))

    def call_out(self, call: Callable[[T], None], value: T) -> None:
        """Call somebody who only looks on; whatever goes wrong there goes to the loop's exception handler."""
        try:
            call(value)
        except Exception as error:
            _tell_loop(error)

    def _count_timeout(self) -> None:
        self.timed_out += 1

    def _reap(self, task: asyncio.Task[None]) -> None:
        self._tasks.pop(task, None)
        error = None if task.cancelled() else task.exception()
        if isinstance(error, Exception):
            context = {"message": "a task of the kernel failed", "exception": error, "task": task}
            task.get_loop().call_exception_handler(context)


def _tell_loop(error: Exception) -> None:
    context = {"message": "an observer failed", "exception": error}
    asyncio.get_running_loop().call_exception_handler(context)
