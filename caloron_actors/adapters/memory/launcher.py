"""Agents as coroutines: the launcher port in memory, for tests and simulation. Owns no process and reads no clock.

The object stands for the host: it may outlive the service that uses it, as real agents do.
"""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, Literal, Protocol

import anyio
import anyio.lowlevel
import msgspec

from caloron_actors.domain.ids import SprintId
from caloron_actors.ports.errors import Unavailable
from caloron_actors.ports.launcher import (
    Absent,
    Alive,
    Ended,
    GivenUp,
    LaunchOrder,
    Output,
    RunId,
    RunState,
)


class Finished(msgspec.Struct, frozen=True, kw_only=True):
    """What a scripted agent leaves when it ends by itself."""

    code: int | None = 0
    signal: int | None = None
    stdout: str = ""
    stderr: str = ""


class CannotStart(msgspec.Struct, frozen=True):
    """The scripted command could not be started."""

    detail: str


Script = Callable[[LaunchOrder], Awaitable[Finished | CannotStart]]
"""One agent's run. It is cancelled when the run is stopped; what it raises is an exit with code 1."""
Cause = Literal["wall_time", "stopped", "orphaned", "lost"]


class Tasks(Protocol):
    """Where the agents run: a task group, or what starts tasks in one."""

    def start_soon(self, func: Callable[..., Any], /, *args: Any, name: object = None) -> object: ...


class _Run:
    def __init__(self, pid: int, nonce: str) -> None:
        self.alive = Alive(pid=pid, nonce=nonce)
        self.scope = anyio.CancelScope()
        self.over = anyio.Event()
        self.cause: Cause = "stopped"
        self.renewals = 0
        self.end: Ended | None = None
        self.output = Finished()

    def finish(self, end: Ended) -> None:
        if self.end is None:
            self.end = end
            self.over.set()


class MemoryLauncher:
    """Implements `Launcher`. The agents run in the task group it is given and end with it."""

    def __init__(
        self,
        script: Script,
        tasks: Tasks,
        *,
        orphan_limit: timedelta | None = None,
        sleep: Callable[[float], Awaitable[None]] = anyio.sleep,
    ) -> None:
        """`script` is run for every launch; `sleep` measures wall times and leases, in seconds."""
        self.launched: list[RunId] = []
        self._script = script
        self._tasks = tasks
        self._orphan_limit = orphan_limit
        self._sleep = sleep
        self._slots: dict[RunId, _Run | GivenUp] = {}
        self._refusals: list[str] = []

    def refuse_next(self, reason: str) -> None:
        """Have the next launch of a free slot fail as if its harness had not claimed in time."""
        self._refusals.append(reason)

    def lose(self, run: RunId) -> None:
        """Kill a run together with its harness: it ends without a record."""
        self._cut(self._slots.get(run), "lost")

    async def launch(self, order: LaunchOrder) -> RunState:
        """See the port."""
        await anyio.lowlevel.checkpoint()
        if order.run not in self._slots:
            if self._refusals:
                self._slots[order.run] = GivenUp()
                raise Unavailable(self._refusals.pop(0), ambiguous=False)
            number = len(self.launched) + 1
            run = _Run(number, f"nonce-{number}")
            self._slots[order.run] = run
            self.launched.append(order.run)
            self._tasks.start_soon(self._live, order, run, name=f"agent {order.run}")
        return self._state(order.run)

    async def look(self, run: RunId) -> RunState:
        """See the port."""
        await anyio.lowlevel.checkpoint()
        return self._state(run)

    async def runs(self, sprint: SprintId) -> list[RunId]:
        """See the port."""
        await anyio.lowlevel.checkpoint()
        return sorted(run for run in self._slots if run.sprint == sprint)

    async def wait(self, run: RunId) -> Ended | GivenUp | Absent:
        """See the port."""
        await anyio.lowlevel.checkpoint()
        slot = self._slots.get(run)
        if isinstance(slot, _Run):
            await slot.over.wait()
        state = self._state(run)
        if isinstance(state, Alive):
            raise RuntimeError(f"{run} is over and alive")
        return state

    async def stop(self, run: RunId, grace: timedelta) -> RunState:
        """See the port. A cancelled coroutine needs no second word, so `grace` is of no account."""
        await anyio.lowlevel.checkpoint()
        slot = self._slots.setdefault(run, GivenUp())
        if isinstance(slot, _Run):
            self._cut(slot, "stopped")
            await slot.over.wait()
        return self._state(run)

    async def renew_lease(self, run: RunId) -> None:
        """See the port."""
        await anyio.lowlevel.checkpoint()
        slot = self._slots.get(run)
        if isinstance(slot, _Run):
            slot.renewals += 1

    async def output(self, run: RunId, limit: int) -> Output:
        """See the port."""
        await anyio.lowlevel.checkpoint()
        slot = self._slots.get(run)
        printed = slot.output if isinstance(slot, _Run) else Finished()
        return Output(stdout=_end(printed.stdout, limit), stderr=_end(printed.stderr, limit))

    def _state(self, run: RunId) -> RunState:
        match self._slots.get(run):
            case None:
                return Absent()
            case GivenUp() as given_up:
                return given_up
            case slot:
                return slot.end or slot.alive

    @staticmethod
    def _cut(slot: _Run | GivenUp | None, cause: Cause) -> None:
        if isinstance(slot, _Run) and not slot.scope.cancel_called:
            slot.cause = cause
            slot.scope.cancel()

    async def _live(self, order: LaunchOrder, run: _Run) -> None:
        try:
            async with anyio.create_task_group() as watchers:
                if order.wall_time is not None:
                    watchers.start_soon(self._limit, run, order.wall_time)
                if self._orphan_limit is not None:
                    watchers.start_soon(self._watch_lease, run, self._orphan_limit)
                with run.scope:
                    run.finish(_judge(run, await self._obey(order)))
                watchers.cancel_scope.cancel()
        finally:
            run.finish(Ended(cause=run.cause, started=True, signal=15 if run.cause != "lost" else None))

    async def _obey(self, order: LaunchOrder) -> Finished | CannotStart:
        try:
            return await self._script(order)
        except Exception as failure:  # an agent's fault is an exit like any other
            return Finished(code=1, stderr=f"{type(failure).__name__}: {failure}")

    async def _limit(self, run: _Run, wall_time: timedelta) -> None:
        await self._sleep(wall_time.total_seconds())
        self._cut(run, "wall_time")

    async def _watch_lease(self, run: _Run, limit: timedelta) -> None:
        seen = -1
        while run.renewals != seen:
            seen = run.renewals
            await self._sleep(limit.total_seconds())
        self._cut(run, "orphaned")


def _judge(run: _Run, result: Finished | CannotStart) -> Ended:
    match result:
        case Finished():
            run.output = result
            return Ended(cause="exited", started=True, code=result.code, signal=result.signal)
        case CannotStart(detail):
            return Ended(cause="not_started", started=False, detail=detail)


def _end(text: str, limit: int) -> str:
    return text.encode(errors="replace")[-limit:].decode(errors="ignore") if limit > 0 else ""
