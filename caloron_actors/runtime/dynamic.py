"""A supervisor of children that come and go by key. It waits for none of them, so that one slow start holds up none."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any, assert_never

from anyio import CancelScope

from .cell import Cell
from .children import Child, MakeSubtree
from .errors import ChildRefused, Refusal, StartFailed
from .exits import Exit, Normal, Shutdown, crashed
from .factories import Factory
from .kernel import KILL_GRACE, Kernel
from .latch import Latch
from .restarts import RestartWindow
from .running import Running
from .spec import FactorySpec
from .supervising import Acknowledged, Ended, Event, Failed, PauseOver, Request, Retry, Supervising
from .telemetry import CrashReport, Node


class DynamicSupervisor(Supervising):
    """Runs a FactorySpec. Starts empty, every time."""

    def __init__(
        self,
        kernel: Kernel,
        spec: FactorySpec[Any, Any],
        *,
        path: str,
        number: int,
        make_subtree: MakeSubtree,
        on_end: Callable[[Running], None],
    ) -> None:
        super().__init__(kernel, path, number, RestartWindow(spec.intensity, spec.period), on_end)
        self._spec = spec
        self._make_subtree = make_subtree
        self._children: dict[str, Child] = {}
        self._first: dict[Child, asyncio.Future[None]] = {}
        self._tell_end = self.child_ended  # kept as one object, because every child holds it
        self._tell_start = self._hear
        self._posted: deque[Event] = deque()
        self._over: Latch[Exit] = Latch()
        self._rebuilding = CancelScope()
        self._rebuilt: Latch[None] = Latch()

    @property
    def nodes(self) -> tuple[Node, ...]:
        return tuple(child.node() for child in self._children.values())

    @property
    def children(self) -> tuple[Child, ...]:
        return tuple(self._children.values())

    def find(self, id_: str) -> Child | None:
        return self._children.get(id_)

    @property
    def keys(self) -> tuple[str, ...]:
        return tuple(self._children)

    def has(self, key: str) -> bool:
        return key in self._children

    def start_child(self, key: str, arg: object) -> "tuple[Cell, asyncio.Future[None]]":
        """Start a child; what is given back resolves with its acknowledgement. Both raise StartFailed."""
        if self.stopping is not None:
            raise StartFailed(f"{self.path}/{key}", self.stopping)
        limit = self._spec.max_children
        if limit is not None and len(self._children) >= limit:
            raise StartFailed(f"{self.path}/{key}", Shutdown("max_children"))
        spec = self._spec.child(key, arg)
        child = Child(
            self.kernel, spec, self.path, self._make_subtree, self._tell_end, on_heard=self._tell_start
        )
        self._children[key] = child
        started = self._first[child] = self.kernel.loop.create_future()
        child.launch()
        return child.cell, started

    async def terminate_child(self, key: str) -> None:
        """Stop a child and drop it; one that is not there is as good as stopped."""
        child = self._children.get(key)
        if child is None:
            return
        stopped: Latch[None] = Latch()
        self.kernel.spawn(self._stop_one(child, stopped), f"{child.path} stop")
        await stopped.wait()

    async def live(self) -> Exit:
        self.kernel.factories[self.path] = self
        self.acknowledged.set(None)
        if self._spec.rebuilt is not None:
            self.kernel.spawn(self._rebuild(self._spec.rebuilt), f"{self.path} rebuilt")
        await self._over.wait()
        return self._over.value or Shutdown()

    def post(self, event: Event) -> None:
        """Act on an event at once; what comes up while it does so is next."""
        self._posted.append(event)
        if len(self._posted) > 1:
            return
        while self._posted:
            over = None if self._over.is_set else self._handle(self._posted[0])
            self._posted.popleft()
            if over is not None:
                self._over.set(over)

    async def stop_children(self) -> None:
        """All at once: each has its own limit, and the whole takes as long as the slowest."""
        self._rebuilding.cancel()
        begun = self._spec.rebuilt is not None and self.acknowledged.is_set
        if begun and not await self._rebuilt.wait_for(KILL_GRACE, self.kernel.timers):
            self.kernel.abandon(f"{self.path} rebuilt")
        waiting: list[Latch[None]] = []
        for child in list(self._children.values()):
            stopped: Latch[None] = Latch()
            waiting.append(stopped)
            self.kernel.spawn(self._stop_one(child, stopped), f"{child.path} stop")
        for stopped in waiting:
            await stopped.wait()
        if self.kernel.factories.get(self.path) is self:
            del self.kernel.factories[self.path]

    def _handle(self, event: Event) -> Exit | None:
        """Act on an event, unless it is stale or the child is being stopped, which sees to the rest itself."""
        match event:
            case Acknowledged(child, running):
                self._acknowledged(child, running)
            case Ended(child, running):
                return self._child_ended(child, running)
            case Retry(child):
                return self._restart(child) if child.state == "restarting" else None
            case PauseOver(child):
                if child.state == "restarting":
                    child.launch()
            case Request():
                self._serve(event)
            case Failed(reason):
                return reason
            case _:
                assert_never(event)
        return None

    def _serve(self, request: Request) -> None:
        """A factory keeps only children that run, are to run, or are parked, so only a parked one can be changed."""
        key = request.subject
        child = self._children.get(key) if isinstance(key, str) else None
        if child is None:
            request.refuse(ChildRefused(f"{self.path}/{key}", "not_found"))
        elif request.kind == "terminate":
            stopped: Latch[None] = Latch()
            stopped.on_set(request.succeed)
            self.kernel.spawn(self._stop_one(child, stopped), f"{child.path} stop")
        elif child.state != "parked":
            why: Refusal = "restarting" if child.state == "restarting" else "running"
            request.refuse(ChildRefused(child.path, why))
        elif request.kind == "restart":
            child.renew()
            self._first[child] = request.done
            child.launch()
        else:
            self._drop(child, Shutdown())
            request.succeed()

    def _acknowledged(self, child: Child, running: Running) -> None:
        if child.running is not running or child.state == "stopping":
            return
        failure = child.settle_start(running)
        if failure is None:
            self._settle_first(child, None)
            return
        child.report("start_error", failure, self.restarts)
        if child in self._first and child.number > 1:  # by hand, from being parked
            child.park(failure, self.restarts)
            self._settle_first(child, failure)
        elif child in self._first:
            self._drop(child, failure)
        else:
            child.state = "restarting"
            self.post(Retry(child))

    def _child_ended(self, child: Child, running: Running) -> Exit | None:
        if child.running is not running or child.state == "stopping":
            return None
        reason = running.ended.value or Normal()
        child.forget("down")
        if self.wants_restart(child, reason):
            return self._restart(child)
        self._drop(child, reason)
        return None

    def _restart(self, child: Child) -> Exit | None:
        child.state = "restarting"
        verdict = self.spend(child)
        if verdict == "parked":
            return None
        if verdict != "restart":
            return verdict
        pause = child.pause()
        if pause > 0:
            child.after_pause(pause, lambda: self.post(PauseOver(child)))
        else:
            child.launch()
        return None

    def child_ended(self, child: Child, running: Running) -> None:
        if self._posted or self._over.is_set:
            self.post(Ended(child, running))
            return
        over = self._child_ended(child, running)
        if over is not None:
            self._over.set(over)

    def _hear(self, child: Child, running: Running) -> None:
        if self._posted:
            self._posted.append(Acknowledged(child, running))
        elif not self._over.is_set:
            self._acknowledged(child, running)

    async def _stop_one(self, child: Child, stopped: Latch[None]) -> None:
        await child.stop(self.restarts)
        self._drop(child, Shutdown())
        stopped.set(None)

    def _drop(self, child: Child, reason: Exit) -> None:
        child.close()
        if self._children.get(child.spec.id) is child:
            del self._children[child.spec.id]
        self._settle_first(child, reason)

    def _settle_first(self, child: Child, failure: Exit | None) -> None:
        started = self._first.pop(child, None)
        if started is None or started.done():
            return
        if failure is None:
            started.set_result(None)
        else:
            started.set_exception(StartFailed(child.path, failure))

    async def _rebuild(self, rebuilt: Callable[[Any], Awaitable[None]]) -> None:
        with self._rebuilding:
            try:
                await rebuilt(Factory(self.kernel, self._spec, self.path))
            except Exception as error:
                reason = crashed(error)
                self.kernel.report(CrashReport(self.path, self._number, reason, "rebuilt", None, 0, 0))
                self.post(Failed(reason))
        self._rebuilt.set(None)
