"""`run` as it is, with every write of its journal and every external call a crash point: one life of a census.

`python -m tests.census.service --bench DIR --record FILE [--kill POINT]`, from the root of the checkout.
"""

import argparse
import dataclasses
import os
import sys
from collections.abc import AsyncGenerator, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import anyio
import msgspec

from caloron_actors.actors.tree import SprintPorts
from caloron_actors.adapters.system import SystemClock
from caloron_actors.app.adapters import Adapters
from caloron_actors.app.commands import split
from caloron_actors.app.host import Host, OpenHost
from caloron_actors.app.options import HostOptions
from caloron_actors.app.real import RealAdapters
from caloron_actors.app.run import RunOptions, run
from caloron_actors.cli.exits import failures_of_a_run
from caloron_actors.cli.logs import configure_logs
from caloron_actors.cli.progress import Lines
from caloron_actors.cli.reading import load_dag
from caloron_actors.domain.events import Limits
from caloron_actors.domain.sprint.state import Sprint
from caloron_actors.git import Git
from caloron_actors.ports.forge import Forge
from caloron_actors.ports.journal import Journal
from caloron_actors.ports.launcher import Launcher
from caloron_actors.ports.workspace import Workspace
from tests.census.mutants import MUTANTS
from tests.census.naming import Passing
from tests.census.plans import read_kill
from tests.census.points import Points
from tests.census.trouble import OneTrouble

JOURNAL_READS = frozenset({"sprints", "load", "open_intents", "history"})
"""Calls of the journal that write nothing: a life that ends at one of them ends between two writes all the same."""
POLL = timedelta(seconds=0.4)
"""So short that every life of a fast sprint polls."""


class Pointed:
    """Implements `app.adapters.Adapters` on others, with crash points before all that writes or goes outside."""

    def __init__(self, inner: Adapters, points: Points, troubled: Path) -> None:
        self._inner = inner
        self._points = points
        self._troubled = troubled
        self.launcher = cast("Launcher", self._passing(inner.launcher, "launcher"))

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the port has
        """Clocks, chance, doors and the forge's own serving are as they are."""
        return getattr(self._inner, name)

    def _passing(self, port: object, name: str, unnamed: frozenset[str] = frozenset()) -> Passing:
        return Passing(port, name, self._points.names, self._points.through, unnamed=unnamed)

    @asynccontextmanager
    async def open_journal(self) -> AsyncGenerator[Journal, None]:
        """Opening is a point too: it makes the file."""
        async with AsyncExitStack() as stack:
            opening = stack.enter_async_context(self._inner.open_journal())
            journal = await self._points.through("journal.open", lambda: opening)
            yield cast("Journal", self._passing(journal, "journal", JOURNAL_READS))

    async def connect(self, sprint: Sprint) -> SprintPorts:
        """So is the making of accounts and repository on the forge."""
        ports = await self._points.through("forge.connect", lambda: self._inner.connect(sprint))
        troubled = OneTrouble(ports.world.forge, self._troubled)
        world = dataclasses.replace(
            ports.world,
            forge=cast("Forge", self._passing(troubled, "forge")),
            workspace=cast("Workspace", self._passing(ports.world.workspace, "workspace")),
            launcher=self.launcher,
        )
        return dataclasses.replace(ports, world=world)


def opener(points: Points, troubled: Path) -> OpenHost:
    """Opens the real service with crash points."""

    @asynccontextmanager
    async def open_host(options: HostOptions, git: Git) -> AsyncGenerator[Host, None]:
        options = dataclasses.replace(options, poll_active=POLL, poll_idle=2 * POLL)
        async with AsyncExitStack() as stack:
            adapters = Pointed(RealAdapters(options, git, stack), points, troubled)
            host: AbstractAsyncContextManager[Host] = Host.open(options, cast("Adapters", adapters))
            yield await stack.enter_async_context(host)

    return open_host


def live(bench: Path, record: Path, kill: str | None, mutant: str | None) -> int:
    """Run the bench's plan as the command would, and print the result as JSON."""
    if mutant is not None:
        MUTANTS[mutant].plant()
    points = Points(record, None if kill is None else read_kill(kill), SystemClock().monotonic)
    environ = dict(os.environ)
    options = RunOptions(
        dag=load_dag(bench / "plan.toml"),
        repository=bench / "project",
        state=bench / "state",
        author=split("author", str(bench / "agents" / "author.sh"), environ),
        reviewer=split("reviewer", str(bench / "agents" / "reviewer.sh"), environ),
        limits=Limits(),
        environ=environ,
    )
    configure_logs("warning", "json")

    async def main() -> int:
        result = await run(options, Lines(), anyio.Event(), opener(points, bench / "troubled"))
        sys.stdout.write(f"{msgspec.json.encode(result).decode()}\n")
        sys.stdout.flush()
        return 0 if result.outcome == "succeeded" else 1

    with failures_of_a_run():
        return anyio.run(main)


def main(argv: Sequence[str] | None = None) -> int:
    """Read the command line and live."""
    parser = argparse.ArgumentParser(prog="python -m tests.census.service", description=__doc__)
    parser.add_argument(
        "--bench", type=Path, required=True, help="directory with plan.toml, project and agents"
    )
    parser.add_argument(
        "--record", type=Path, required=True, help="file that the points passed are appended to"
    )
    parser.add_argument(
        "--kill", metavar="POINT", help="NAME@before, NAME@after or +NTH: where this life ends"
    )
    parser.add_argument("--mutant", choices=sorted(MUTANTS), help="a mistake to plant")
    given = parser.parse_args(argv)
    return live(given.bench.absolute(), given.record, given.kill, given.mutant)


if __name__ == "__main__":
    sys.exit(main())
