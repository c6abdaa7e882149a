"""A seeded event loop without selector and threads: virtual time, and one task step at a time by a scheduler's choice.

Tasks belong to a life. Ending a life drops its tasks where they stand, as SIGKILL does: no `finally` of theirs runs.
"""

import asyncio
import contextlib
import heapq
import math
import sys
import threading
import warnings
from asyncio import BaseEventLoop, Handle, TimerHandle
from bisect import insort
from collections import deque
from collections.abc import Callable, Coroutine, Generator
from contextvars import Context
from itertools import count
from types import CoroutineType
from typing import Any, NoReturn, TypeVar, TypeVarTuple, cast

from anyio._backends._asyncio import _task_states

from caloron_actors.runtime.alarms import stack_of
from tests.simulation.schedulers import NONE, PLAIN, Ready, Scheduler

T = TypeVar("T")
Ts = TypeVarTuple("Ts")
WORLD = 0
"""The life that nothing ends: the forge, the agents, the people, and who watches over the service."""
_MASK = (1 << 64) - 1
_PRIME = 1_099_511_628_211


class Deadlock(Exception):
    """Nothing is ready, no timer is set, and the work is not done."""


class Livelock(Exception):
    """The budget of steps is spent."""


class SimTask(asyncio.Task[Any]):
    """A task that knows its serial number and its life."""

    def __init__(self, coroutine: Coroutine[Any, Any, Any], serial: int, life: int, **options: Any) -> None:
        self.serial = serial
        self.life = life
        super().__init__(coroutine, **options)


class SimLoop(BaseEventLoop):
    """Runs tasks in an order that follows from the scheduler alone. `steps` counts, `digest` sums up every choice."""

    def __init__(self, scheduler: Scheduler, *, budget: int) -> None:
        super().__init__()
        self.steps = 0
        self.digest = 14_695_981_039_346_656_037
        self.micros = 0
        self.errors: list[str] = []
        self.trace: deque[tuple[int, int, str]] | None = None
        self._choose = scheduler.choose
        self._budget = budget
        self._serials = count(1)
        self._orders = count()
        self._tasks: dict[int, SimTask] = {}
        self._crowd = 64
        self._steps_ready: list[Ready] = []
        self._plain: deque[tuple[int, int, Handle]] = deque()
        self._timers: list[tuple[int, int, int, TimerHandle]] = []
        self._at_step: list[tuple[int, int, Callable[[], None]]] = []
        self._life = WORLD
        self._dead: set[int] = set()
        self.set_exception_handler(self._note)

    # What asyncio asks of a loop.

    def time(self) -> float:
        """Virtual seconds, a whole number of microseconds."""
        return self.micros / 1e6

    def create_task(  # type: ignore[override]  # every task here is ours
        self,
        coro: Coroutine[Any, Any, T],
        *,
        name: object = None,
        context: Context | None = None,
    ) -> SimTask:
        """Make a task of the life that is at work."""
        options = {"name": name} if name is not None else {}
        task = SimTask(coro, next(self._serials), self._life, loop=self, context=context, **options)
        self._tasks[task.serial] = task
        if len(self._tasks) > self._crowd:
            self._tasks = {serial: task for serial, task in self._tasks.items() if not task.done()}
            self._crowd = max(64, 2 * len(self._tasks))
        return task

    def call_soon(
        self, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> Handle:
        """Queue a step of a task by its serial number, anything else first in, first out."""
        handle = Handle(callback, args, self, context)
        owner = getattr(callback, "__self__", None)
        if type(owner) is SimTask:
            if owner.life not in self._dead:
                insort(self._steps_ready, (owner.serial, self.steps, next(self._orders), handle, owner))
        elif self._life not in self._dead and not self.is_closed():
            self._plain.append((self.steps, self._life, handle))
        return handle

    def call_at(
        self, when: float, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> TimerHandle:
        """Queue a timer; those of one moment fire in the order of their making."""
        timer = TimerHandle(when, callback, args, self, context)
        if when == math.inf:
            return timer
        due = math.ceil(when * 1e6 - 0.001)  # `when` is a microsecond, but for what a float cannot hold
        if due <= self.micros and when > self.time():
            due = (
                self.micros + 1
            )  # anyio sets a timer that came a rounding too early once more: time has to move on
        heapq.heappush(self._timers, (due, next(self._orders), self._life, timer))
        return timer

    def call_soon_threadsafe(
        self, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> Handle:
        """Refused from any other thread."""
        if self._thread_id not in (None, threading.get_ident()):  # type: ignore[attr-defined]
            raise RuntimeError("a simulation has no threads")
        return self.call_soon(callback, *args, context=context)

    def run_in_executor(self, executor: object, func: object, *args: object) -> NoReturn:
        """Refused."""
        raise RuntimeError("a simulation has no threads")

    def _timer_handle_cancelled(self, handle: TimerHandle) -> None:
        """Cancelled timers are dropped when their time comes."""

    def _run_once(self) -> None:
        while not self._stopping:  # type: ignore[attr-defined]  # pinned by a test
            self._step()

    # Lives.

    @contextlib.contextmanager
    def living(self, life: int) -> Generator[None, None, None]:
        """What is started inside belongs to `life`."""
        before, self._life = self._life, life
        try:
            yield
        finally:
            self._life = before

    def kill(self, life: int) -> None:
        """End a life between two steps: nothing of it ever runs again."""
        self._dead.add(life)
        self._steps_ready = [ready for ready in self._steps_ready if ready[4].life != life]
        self._plain = deque(entry for entry in self._plain if entry[1] != life)
        self._timers = [entry for entry in self._timers if entry[2] != life]
        heapq.heapify(self._timers)

    def dead(self, life: int) -> bool:
        return life in self._dead

    def at_step(self, step: int, call: Callable[[], None]) -> None:
        """Call after that many steps from now, between two steps, in the world's life."""
        heapq.heappush(self._at_step, (self.steps + step, next(self._orders), call))

    def alive(self, life: int) -> list[str]:
        """The names of the tasks of a life."""
        return [task.get_name() for task in self._tasks.values() if task.life == life and not task.done()]

    def finish(self) -> None:
        """Close the loop, and then every coroutine that was dropped."""
        self.close()
        with unheard():
            self._bury()

    def _bury(self) -> None:
        asyncio._set_running_loop(self)
        left = [task for task in self._tasks.values() if not task.done()]
        for task in left:
            cast("Any", task)._log_destroy_pending = False
            asyncio.tasks._enter_task(self, task)
            for coroutine in reversed(_chain(task.get_coro())):
                for _ in range(8):  # one that waits in its `finally` has to be closed again
                    with contextlib.suppress(BaseException):
                        coroutine.close()
                        break
            asyncio.tasks._leave_task(self, task)
        asyncio._set_running_loop(None)
        # anyio's states hold the very tasks that are their weak keys, so those of dropped tasks would stay for ever.
        for dropped in [task for task in _task_states if task.get_loop() is self]:
            del _task_states[dropped]
        self._tasks.clear()
        self._steps_ready.clear()
        self._plain.clear()
        self._timers.clear()

    # One step.

    def _step(self) -> None:
        self.steps += 1
        if self.steps > self._budget:
            raise Livelock(f"{self.steps} steps at {self.time()} s: {[t.get_name() for t in self._living()]}")
        if self._at_step and self._at_step[0][0] <= self.steps:
            self._life = WORLD
            heapq.heappop(self._at_step)[2]()
            return
        if self._timers and self._timers[0][0] <= self.micros:
            self._fire()
        ready, plain = self._steps_ready, self._plain
        if plain:
            index = self._choose(ready, plain[0][0]) if ready else PLAIN
        elif ready:
            index = self._choose(ready, NONE) if len(ready) > 1 else 0
        else:
            self._jump()
            return
        self._run_one(index)

    def _run_one(self, index: int) -> None:
        if index == PLAIN:
            _, self._life, handle = self._plain.popleft()
            serial = 0
        else:
            serial, _, _, handle, task = self._steps_ready.pop(index)
            self._life = task.life
        self.digest = ((self.digest ^ (serial << 44) ^ self.micros) * _PRIME) & _MASK
        if self.trace is not None:
            self.trace.append((self.steps, self.micros, _name(handle)))
        if not handle._cancelled:
            handle._run()

    def _fire(self) -> None:
        timers = self._timers
        while timers and timers[0][0] <= self.micros:
            _, _, life, timer = heapq.heappop(timers)
            if not timer._cancelled:
                self._plain.append((self.steps, life, timer))

    def _jump(self) -> None:
        while self._timers and self._timers[0][3]._cancelled:
            heapq.heappop(self._timers)
        if not self._timers:
            stacks = "\n".join(f"{task.get_name()}\n{stack_of(task.get_coro())}" for task in self._living())
            raise Deadlock(f"nothing can happen any more:\n{stacks}")
        self.micros = self._timers[0][0]

    def _living(self) -> list[SimTask]:
        return [task for task in self._tasks.values() if task.life not in self._dead and not task.done()]

    def _note(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        self.errors.append(f"{context.get('message')}: {context.get('exception')!r}")


@contextlib.contextmanager
def unheard() -> Generator[None, None, None]:
    """What dropped coroutines say when they are closed or freed is nobody's business."""
    said, sys.unraisablehook = sys.unraisablehook, lambda unraisable: None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        sys.unraisablehook = said


def _name(handle: Handle) -> str:
    callback: object = handle._callback  # type: ignore[attr-defined]
    owner = getattr(callback, "__self__", None)
    if isinstance(owner, SimTask):
        return owner.get_name()
    return str(getattr(callback, "__qualname__", callback))


def _chain(outermost: object) -> list[Any]:
    """A suspended coroutine and those it waits in, from the outside in."""
    found: list[Any] = []
    while isinstance(outermost, CoroutineType):
        found.append(outermost)
        outermost = outermost.cr_await
    return found
