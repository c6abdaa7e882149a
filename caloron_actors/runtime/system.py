"""One running tree: the front door of the kernel. Starts the root, stops it in order, and gives out addresses."""

import asyncio
import os
import sys
from collections.abc import Callable
from typing import Any, Literal, NoReturn, TypeVar

from anyio import TASK_STATUS_IGNORED, CancelScope
from anyio.abc import TaskStatus

from .alarms import AlarmPolicy, FrozenSearch, LoopWatch
from .children import Child
from .clock import Clock
from .dynamic import DynamicSupervisor
from .errors import StartFailed
from .exits import Exit, Shutdown
from .factories import Factory
from .handles import Supervisor
from .kernel import Kernel
from .latch import Latch
from .ref import Ref
from .running import Running
from .spec import FactorySpec, SupervisorSpec
from .static import StaticSupervisor
from .telemetry import Counters, Node, Observer, Poison, Undelivered

A = TypeVar("A")
Arg = TypeVar("Arg")


UNKILLABLE_EXIT = 70
"""The exit code of a process that had to be ended because something in it could not be killed (EX_SOFTWARE)."""


def end_process() -> NoReturn:
    """End without waiting for any task: asyncio itself would wait for the one that will not go."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(UNKILLABLE_EXIT)


def no_jitter() -> float:
    """Draws that leave every delay as it is."""
    return 0.0


class System:
    """One kernel instance. Runs once.

    `draw` gives a random number of [0, 1) for the jitter of backoffs. What cannot be killed is reported, fenced and
    left behind; with `on_unkillable="exit"` the tree is then stopped in order and the process ends with code 70.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        observer: Observer,
        draw: Callable[[], float] = no_jitter,
        on_undelivered: Callable[[Undelivered], None] | None = None,
        alarms: AlarmPolicy | None = None,
        on_unkillable: Literal["leave", "exit"] = "leave",
    ) -> None:
        self._kernel = Kernel(clock, observer, draw, on_undelivered, self._abandoned)
        self._alarms = alarms
        self._on_unkillable = on_unkillable
        self._root: Child | None = None
        self._over: Latch[None] = Latch()
        self._asked_to_stop = False

    def ref(self, actor: type[A], path: str) -> Ref[A]:
        """The address of the actor at `path`, whether it runs or not."""
        return Ref(self._kernel.registry.cell(path))

    def factory(self, spec: FactorySpec[Arg, A], path: str) -> Factory[Arg, A]:
        """A handle to the factory at `path`, whether it runs or not."""
        return Factory(self._kernel, spec, path)

    def supervisor(self, path: str) -> Supervisor:
        """A handle to the supervisor or factory at `path`, whether it runs or not."""
        return Supervisor(self._kernel, path)

    @property
    def abandoned(self) -> tuple[str, ...]:
        """Names of tasks that could not be killed and were left behind; the process should exit non-zero."""
        return self._kernel.abandoned

    def counters(self) -> Counters:
        """What the kernel has done so far."""
        kernel = self._kernel
        return Counters(
            kernel.started, kernel.ended, kernel.crashed, kernel.timed_out, kernel.lost, len(kernel.tasks)
        )

    def poison(self, path: str) -> tuple[Poison, ...]:
        """The messages that crashed the actor at `path`, as long as its address is held; the latest comes last."""
        return tuple(self._kernel.registry.cell(path).poison or ())

    def tree(self) -> Node:
        """The tree as it is now; a nameless node before it is started."""
        return Node("", "", "supervisor", "waiting") if self._root is None else self._root.node()

    async def run(self, root: SupervisorSpec, *, task_status: TaskStatus[None] = TASK_STATUS_IGNORED) -> Exit:
        """Start `root`, report it started, and return why it ended.

        Raises StartFailed when it does not get up. Cancelling this stops the tree in order first.
        """
        if self._root is not None:
            raise RuntimeError("a System runs once")
        kernel = self._kernel
        timers = CancelScope()
        kernel.spawn(self._run_timers(timers), "timers")
        watch = self._start_alarms()
        child = self._root = Child(kernel, root, "", _subtree, _nothing)
        try:
            return await self._watch(child, task_status)
        finally:
            timers.cancel()
            kernel.scheduler.close()
            child.close()
            with CancelScope(shield=True):
                await kernel.drained()
            self._over.set(None)
            if watch is not None:
                watch.stop()
            if kernel.abandoned and self._on_unkillable == "exit":
                end_process()

    async def stop(self) -> None:
        """Stop the tree in reverse start order, each child within its limit, and wait for its end.

        Not for an actor's own handler, which would wait for itself until its shutdown limit.
        """
        if self._root is None:
            return
        self._asked_to_stop = True
        if self._root.running is not None:
            self._root.running.request_stop(Shutdown())
        await self._over.wait()

    async def _watch(self, child: Child, task_status: TaskStatus[None]) -> Exit:
        running = child.launch()
        try:
            await running.acknowledged.wait()
            failure = child.settle_start(running)
            if failure is not None and not self._asked_to_stop:
                raise StartFailed(child.path, failure)
            task_status.started()
            await running.ended.wait()
        except asyncio.CancelledError:
            running.request_stop(Shutdown("cancelled"))
            with CancelScope(shield=True):
                await running.ended.wait()
            raise
        finally:
            child.forget("down")
        return running.ended.value or Shutdown()

    def _start_alarms(self) -> LoopWatch | None:
        policy = self._alarms
        if policy is None:
            return None
        if policy.frozen_after is not None:
            self._sweep(FrozenSearch(self._kernel.clock, policy.frozen_after), policy.frozen_after / 4)
        if policy.stall_after is None:
            return None
        watch = LoopWatch(policy.stall_after, policy.on_alarm)
        watch.start(asyncio.get_running_loop())
        return watch

    def _sweep(self, search: FrozenSearch, pause: float) -> None:
        kernel = self._kernel
        in_work = [one for one in kernel.scheduler.waiting if one.busy and not one.patience]
        if self._alarms is not None:
            for alarm in search.sweep(in_work):
                kernel.call_out(self._alarms.on_alarm, alarm)
        kernel.timers.after(pause, lambda: self._sweep(search, pause))

    def _abandoned(self) -> None:
        """Something could not be killed: by policy the tree is stopped in order, and then the process ends."""
        root = self._root
        if self._on_unkillable == "exit" and root is not None and root.running is not None:
            root.running.request_stop(Shutdown("unkillable"))

    async def _run_timers(self, scope: CancelScope) -> None:
        """Until the end. Cancelled by anybody else it says that the loop is closing, with every task on it."""
        try:
            with scope:
                await self._kernel.timers.run()
        finally:
            self._kernel.scheduler.close()


def _nothing(child: Child, running: Running) -> None:
    """The root has no supervisor: `run` itself waits for its end."""


def _subtree(
    kernel: Kernel,
    spec: SupervisorSpec | FactorySpec[Any, Any],
    path: str,
    number: int,
    on_end: Callable[[Running], None],
) -> Running:
    if isinstance(spec, SupervisorSpec):
        return StaticSupervisor(kernel, spec, path=path, number=number, make_subtree=_subtree, on_end=on_end)
    return DynamicSupervisor(kernel, spec, path=path, number=number, make_subtree=_subtree, on_end=on_end)
