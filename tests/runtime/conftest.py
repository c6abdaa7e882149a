"""A running tree on a clock that the test moves, with an actor that does what a message's function says."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any, TypeVar

import anyio
import anyio.abc
import anyio.lowlevel

from caloron_actors.adapters.memory.clock import ManualClock
from caloron_actors.runtime import (
    Actor,
    ActorGone,
    Ask,
    ChildSpec,
    Ctx,
    Down,
    Exit,
    Factory,
    FactorySpec,
    Node,
    Ref,
    Report,
    SupervisorReport,
    SupervisorSpec,
    System,
    Tell,
    child,
    supervisor,
)

R = TypeVar("R")
TURNS = 200
"""Loop turns after which everything that does not wait for the clock or the test has come to rest."""


class Log:
    """What has happened, in order; the world is at rest again after each of the test's own steps."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def add(self, line: str) -> None:
        self.lines.append(line)

    def take(self) -> list[str]:
        """The lines since the last call."""
        lines, self.lines = self.lines, []
        return lines


class Role:
    """What one test actor is called, where it writes, and what it does at its start and end."""

    def __init__(
        self,
        name: str,
        log: Log,
        *,
        init: "Callable[[Worker, Ctx[Worker]], Awaitable[None]] | None" = None,
        terminate: Callable[[Exit], Awaitable[None]] | None = None,
    ) -> None:
        self.name = name
        self.log = log
        self.init = init
        self.terminate = terminate


class Worker(Actor[Role, None]):
    """Writes its start, its end and every Down to its role's log."""

    role: Role

    async def init(self, ctx: Ctx["Worker"], arg: Role, restored: None) -> None:
        self.role = arg
        if arg.init is not None:
            await arg.init(self, ctx)
        arg.log.add(f"start {arg.name}")

    async def on_down(self, ctx: Ctx["Worker"], down: Down) -> None:
        self.role.log.add(
            f"{self.role.name} sees {down.path} {type(down.reason).__name__} #{down.incarnation}"
        )

    async def terminate(self, reason: Exit) -> None:
        if self.role.terminate is not None:
            await self.role.terminate(reason)
        self.role.log.add(f"stop {self.role.name}")


class Do(Tell[Worker], frozen=True):
    """Runs a function as the handling of a message."""

    work: Callable[[Worker, Ctx[Worker]], Awaitable[object]]

    async def run(self, actor: Worker, ctx: Ctx[Worker]) -> None:
        await self.work(actor, ctx)


class Say(Tell[Worker], frozen=True):
    """Writes a line."""

    line: str

    async def run(self, actor: Worker, ctx: Ctx[Worker]) -> None:
        actor.role.log.add(self.line)


class Crash(Tell[Worker], frozen=True):
    """Raises."""

    error: str = "boom"

    async def run(self, actor: Worker, ctx: Ctx[Worker]) -> None:
        raise ValueError(self.error)


class Stop(Tell[Worker], frozen=True):
    """Ends the actor with the reason given."""

    reason: Exit

    async def run(self, actor: Worker, ctx: Ctx[Worker]) -> None:
        ctx.stop(self.reason)


class Number(Ask[Worker, int], frozen=True):
    """Replies with the incarnation's number."""

    async def run(self, actor: Worker, ctx: Ctx[Worker]) -> int:
        return ctx.incarnation


class Compute(Ask[Worker, Any], frozen=True):
    """Replies with what a function gives."""

    work: Callable[[Worker, Ctx[Worker]], Awaitable[Any]]

    async def run(self, actor: Worker, ctx: Ctx[Worker]) -> Any:  # noqa: ANN401
        return await self.work(actor, ctx)


class World:
    """One system, its clock, its reports and the log of its actors."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.log = Log()
        self.reports: list[Report] = []
        self.system = System(clock=self.clock, observer=self)
        self.exit: Exit | None = None

    def report(self, report: Report) -> None:
        self.reports.append(report)

    def ref(self, path: str) -> Ref[Worker]:
        return self.system.ref(Worker, path)

    def worker(self, name: str, **options: Any) -> ChildSpec:
        """A child with that name; init and terminate go to its role, the rest to its specification."""
        role = Role(name, self.log, init=options.pop("init", None), terminate=options.pop("terminate", None))
        return child(Worker, role, id=name, **options)

    def factory(self, spec: FactorySpec[Role, Worker]) -> Factory[Role, Worker]:
        return self.system.factory(spec, f"root/{spec.id}")

    def problems(self) -> list[tuple[str, str]]:
        """Context and offender of every supervisor report since the last call."""
        found: list[tuple[str, str]] = [
            (r.context, r.offender.path) for r in self.reports if isinstance(r, SupervisorReport)
        ]
        self.reports.clear()
        return found

    def node(self, path: str) -> Node:
        return next(node for node in _walk(self.system.tree()) if node.path == path)

    async def settle(self) -> None:
        """Let everything run until it waits for the clock or for the test."""
        for _ in range(TURNS):
            await anyio.lowlevel.checkpoint()

    async def advance(self, seconds: float) -> None:
        """Move the clock, and let everything that was due happen."""
        await self.settle()
        self.clock.advance(timedelta(seconds=seconds))
        await self.settle()

    async def crash(self, path: str) -> None:
        """Crash the actor there and let everything that follows happen."""
        assert self.ref(path).tell(Crash())
        await self.settle()

    async def run(self, root: SupervisorSpec, task_status: anyio.abc.TaskStatus[None]) -> None:
        self.exit = await self.system.run(root, task_status=task_status)

    @asynccontextmanager
    async def running(self, *children: Any, **options: Any) -> AsyncIterator[None]:
        """Run a root supervisor with these children around a block; nothing of it may be left behind."""
        async with anyio.create_task_group() as group:
            await group.start(self.run, supervisor(*children, id="root", **options))
            yield
            await self.system.stop()
        assert self.system._kernel.tasks == ()


def _walk(node: Node) -> Iterator[Node]:
    yield node
    for inner in node.children:
        yield from _walk(inner)


async def refused(ref: Ref[Worker]) -> bool:
    """True when nobody is there to answer."""
    try:
        await ref.ask(Number())
    except ActorGone:
        return True
    return False
