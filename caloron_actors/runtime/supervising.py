"""What all supervisors share: one task that takes one thing at a time, a stop that pre-empts it, and giving up."""

import asyncio
from abc import abstractmethod
from collections.abc import Callable
from typing import Literal

import msgspec
from anyio import CancelScope

from .children import Child, restart_of
from .errors import ActorGone
from .exits import Exit, GaveUp, Killed, Shutdown, crashed, is_clean
from .kernel import Kernel
from .restarts import RestartWindow
from .running import Running
from .spec import AnySpec
from .telemetry import CrashReport, Stopped


class Ended(msgspec.Struct, frozen=True):
    """What ran at `child` is over."""

    child: Child
    running: Running


class Retry(msgspec.Struct, frozen=True):
    """A restart failed to start and is to be tried again."""

    child: Child


class PauseOver(msgspec.Struct, frozen=True):
    """The delay before a restart that is already counted is over."""

    child: Child


class Acknowledged(msgspec.Struct, frozen=True):
    """A start that nobody waits for went through or failed."""

    child: Child
    running: Running


class Failed(msgspec.Struct, frozen=True):
    """Something of the supervisor's own has failed, and it with it."""

    reason: Exit


class Request(msgspec.Struct, frozen=True):
    """Somebody asks for a change of the list of children, and waits for `done`."""

    kind: Literal["start", "terminate", "restart", "delete"]
    subject: str | AnySpec
    done: "asyncio.Future[None]"

    def succeed(self) -> None:
        if not self.done.done():
            self.done.set_result(None)

    def refuse(self, error: Exception) -> None:
        if not self.done.done():
            self.done.set_exception(error)


Event = Ended | Retry | PauseOver | Acknowledged | Failed | Request


class Supervising(Running):
    """Its task handles events in order. Questions are answered from the records and never wait for it."""

    def __init__(
        self, kernel: Kernel, path: str, number: int, window: RestartWindow, on_end: Callable[[Running], None]
    ) -> None:
        super().__init__()
        self.kernel = kernel
        self.path = path
        self.window = window
        self._number = number
        self.stopping: Exit | None = None
        self._on_end = on_end
        self._events: asyncio.Queue[Event] = asyncio.Queue()
        self._scope = CancelScope()

    def launch(self) -> None:
        self.kernel.supervisors[self.path] = self
        self.kernel.spawn(self._run(), self.path)

    def request_stop(self, reason: Exit) -> None:
        if self.stopping is None:
            self.stopping = reason
            self._scope.cancel()

    def kill(self) -> None:
        """A supervisor is never cut off from its children: killing one is stopping it."""
        self.request_stop(Killed())

    @property
    def restarts(self) -> int:
        return self.window.count(self.kernel.clock.monotonic())

    @property
    @abstractmethod
    def children(self) -> tuple[Child, ...]:
        """The records of its children, in the order of their first start."""

    def find(self, id_: str) -> Child | None:
        """The record of the child of that id or key."""
        return next((child for child in self.children if child.spec.id == id_), None)

    def post(self, event: Event) -> None:
        self._events.put_nowait(event)

    async def request(
        self, kind: Literal["start", "terminate", "restart", "delete"], subject: str | AnySpec
    ) -> None:
        """Have the list of children changed. Raises what `Supervisor` says, and ActorGone when it ends meanwhile."""
        if self.ended.is_set or self.stopping is not None:
            raise ActorGone(self.path, self.stopping)
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.post(Request(kind, subject, done))
        await done

    def child_ended(self, child: Child, running: Running) -> None:
        self.post(Ended(child, running))

    async def next_event(self) -> Event:
        return await self._events.get()

    @abstractmethod
    async def live(self) -> Exit:
        """Start and serve until this supervisor is to end; cancelled by a stop."""

    @abstractmethod
    async def stop_children(self) -> None:
        """Stop all that runs, in this supervisor's order."""

    def spend(self, child: Child) -> GaveUp | Literal["restart", "parked"]:
        """Count one restart, on the child's own budget if it has one; say what follows."""
        budget, window = child.spec.budget, child.window or self.window
        if window.add(self.kernel.clock.monotonic()):
            return "restart"
        over = GaveUp(child.path, window.intensity, window.period)
        if budget is not None and budget.on_exhausted == "park":
            child.park(over, self.restarts)
            return "parked"
        child.report("shutdown", over, self.restarts)
        return over

    def wants_restart(self, child: Child, reason: Exit) -> bool:
        """OTP's table: permanent always, transient after an abnormal end, temporary never. Reports the end."""
        rule, clean = restart_of(child.spec), is_clean(reason)
        if rule == "permanent" or not clean:
            child.report("child_terminated", reason, self.restarts)
        return rule == "permanent" or (rule == "transient" and not clean)

    async def _run(self) -> None:
        reason: Exit = Shutdown()
        try:
            with self._scope:
                reason = await self.live()
        except Exception as error:
            reason = crashed(error)
            self.kernel.report(CrashReport(self.path, self._number, reason, "supervisor", None, 0, 0))
        except BaseException:
            self._finish(Killed("the loop is closing"))
            raise
        if self.stopping is not None:
            reason = self.stopping
        self.stopping = reason
        try:
            await self.stop_children()
        finally:
            self._finish(reason)

    def _finish(self, reason: Exit) -> None:
        if self.kernel.supervisors.get(self.path) is self:
            del self.kernel.supervisors[self.path]
        self.kernel.report(Stopped(self.path, self._number, reason))
        self.acknowledged.set(reason)
        self.ended.set(reason)
        self._refuse_requests(reason)
        self._on_end(self)

    def _refuse_requests(self, reason: Exit) -> None:
        while not self._events.empty():
            event = self._events.get_nowait()
            if isinstance(event, Request):
                event.refuse(ActorGone(self.path, reason))
