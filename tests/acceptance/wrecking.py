"""The real service in the test's own process, so that its actors can be looked at and crashed on purpose."""

import dataclasses
import os
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from typing import Any

import anyio

from caloron_actors.app.commands import split
from caloron_actors.app.host import Host
from caloron_actors.app.options import HostOptions
from caloron_actors.app.real import RealAdapters
from caloron_actors.app.run import RunOptions, run
from caloron_actors.cli.reading import load_dag
from caloron_actors.domain.events import Event, Limits
from caloron_actors.domain.sprint.state import Sprint
from caloron_actors.git import Git
from caloron_actors.runtime import Actor, CrashReport, Ctx, Node, Observer, Progress, Report, System, Tell
from caloron_actors.views.result import RunResult
from tests.acceptance.agents import PATIENCE
from tests.acceptance.conftest import Bench


class Bomb(Tell[Any], frozen=True):
    """A message whose handling crashes whoever gets it."""

    async def run(self, actor: object, ctx: Ctx[Any]) -> None:
        raise ValueError("boom")


class Wreck:
    """One run of a bench's plan, and every report of its kernel."""

    def __init__(self, bench: Bench) -> None:
        self.reports: list[Report] = []
        self._bench = bench
        self._news = anyio.Event()
        self._host: Host

    async def run(self) -> RunResult:
        """Run the plan as the command does."""
        environ = {**os.environ, **self._bench.env}
        agents = self._bench.agents.path
        options = RunOptions(
            dag=load_dag(self._bench.plan),
            repository=self._bench.repository,
            state=self._bench.state,
            author=split("author", str(agents / "author.sh"), environ),
            reviewer=split("reviewer", str(agents / "reviewer.sh"), environ),
            limits=Limits(),
            environ=environ,
        )
        return await run(options, self, anyio.Event(), self._open)

    def moved(self, sprint: Sprint, event: Event) -> None:
        """Nobody is shown anything."""

    def report(self, report: Report) -> None:
        """Keep it and wake whoever waits for one."""
        self.reports.append(report)
        self._news.set()
        self._news = anyio.Event()

    def actors(self) -> list[str]:
        """The paths of all actors that the tree has now."""
        return [node.path for node in leaves(self._host.system.tree())]

    def crashed(self, path: str) -> int:
        """How often an actor has crashed over a bomb."""
        return sum(
            isinstance(report, CrashReport) and report.path == path and isinstance(report.last_message, Bomb)
            for report in self.reports
        )

    async def crash(self, path: str) -> None:
        """Crash an actor, and wait until it runs again."""
        ref = self._host.system.ref(Actor, path)
        times = self.crashed(path) + 1
        await self.until(lambda: ref.tell(Bomb()))
        await self.until(lambda: self._started(path, times))

    async def until(self, done: Callable[[], bool]) -> None:
        """Wait for something that comes with a report."""
        with anyio.fail_after(PATIENCE):
            while not done():
                await self._news.wait()

    def _started(self, path: str, crashes: int) -> bool:
        """Whether an actor was started after so many crashes of its."""
        seen = 0
        for report in self.reports:
            match report:
                case CrashReport(path=where, last_message=Bomb()) if where == path:
                    seen += 1
                case Progress(started=started) if started.path == path and seen >= crashes:
                    return True
                case _:
                    pass
        return False

    @asynccontextmanager
    async def _open(self, options: HostOptions, git: Git) -> AsyncGenerator[Host, None]:
        async with AsyncExitStack() as stack:
            adapters = Overheard(dataclasses.replace(options, poll_active=timedelta(seconds=0.4)), git, stack)
            adapters.listener = self
            self._host = await stack.enter_async_context(Host.open(adapters.given, adapters))
            yield self._host


class Overheard(RealAdapters):
    """The real adapters, whose kernel reports to a listener as well."""

    listener: Observer

    def __init__(self, options: HostOptions, git: Git, stack: AsyncExitStack) -> None:
        super().__init__(options, git, stack)
        self.given = options

    def kernel(self, observer: Observer) -> System:
        """A kernel with two observers."""
        return super().kernel(_Both(observer, self.listener))


class _Both:
    def __init__(self, *observers: Observer) -> None:
        self._observers = observers

    def report(self, report: Report) -> None:
        for observer in self._observers:
            observer.report(report)


def leaves(node: Node) -> list[Node]:
    """The actors of a tree, without supervisors and factories."""
    if node.kind == "actor":
        return [node]
    return [leaf for child in node.children for leaf in leaves(child)]
