"""A whole service in memory: the real tree on the real kernel, with memory adapters, agents as coroutines and own time.

The forge, the journal, the agents and their working copies outlive the tree, as the real ones do.
"""

from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

import anyio
import anyio.lowlevel
from anyio.abc import TaskGroup, TaskStatus

from caloron_actors.actors.perform.world import World
from caloron_actors.actors.tree import SprintPorts, Surroundings, Tree
from caloron_actors.adapters.memory.clock import ManualClock
from caloron_actors.adapters.memory.forge import MemoryForge
from caloron_actors.adapters.memory.journal import MemoryJournal
from caloron_actors.adapters.memory.launcher import CannotStart, Finished, MemoryLauncher
from caloron_actors.adapters.memory.workspace import MemoryRepository, MemoryWorkspace
from caloron_actors.domain.dag import Dag
from caloron_actors.domain.events import Event, Limits
from caloron_actors.domain.ids import TaskId
from caloron_actors.domain.sprint.schedule import condition
from caloron_actors.domain.sprint.state import Sprint, SprintPlan
from caloron_actors.domain.task import Task
from caloron_actors.ports.commands import Commands
from caloron_actors.ports.errors import PortError
from caloron_actors.ports.journal import Journal
from caloron_actors.ports.launcher import LaunchOrder
from caloron_actors.runtime import Actor, CrashReport, Exit, Ref, Report, StartFailed, System
from tests.actors.cast import Cast, Stage
from tests.actors.doors import OpenDoor
from tests.actors.faults import Faults, FaultyForge, FaultyJournal, FaultyLauncher, FaultyWorkspace
from tests.actors.rest import settle

REPOSITORY = "local/repo"
AUTHOR = "caloron"
SECRET = b"the secret of this state"
PATIENCE = timedelta(hours=12)
"""How much of the clock's time a sprint may take before it counts as stuck."""
SIDE_OF_LISTENER = "root/listener#1."
"""The task that keeps the doors open. It has a task group of its own, so it is not cancelled but ends with its doors."""


class Service:
    """A tree and the world around it. `start` it, let it go on with `finish` or `until`, `kill` it, `start` it again."""

    def __init__(
        self,
        group: TaskGroup,
        dag: Dag,
        *,
        cast: Cast | None = None,
        limits: Limits | None = None,
        jitter: float = 0.0,
        orphan_limit: timedelta | None = None,
        settling: timedelta = timedelta(0),
    ) -> None:
        self.plan = SprintPlan(dag=dag, source="/repo", repository=REPOSITORY, base_branch="main")
        self.id = dag.id
        self.cast = cast or Cast()
        self.limits = limits or Limits()
        self.clock = ManualClock()
        self.faults = Faults()
        self.faults.monotonic = self.clock.monotonic
        self.repository = MemoryRepository("main", {"README.md": b"start\n"})
        reviewers = {agent: f"{AUTHOR}-{agent}" for agent in dag.needed_reviewers()}
        self.forge = MemoryForge(
            REPOSITORY, self.wall, author_login=AUTHOR, reviewer_logins=reviewers, git=self.repository
        )
        self.workspace = MemoryWorkspace(self.repository)
        self.launcher = MemoryLauncher(self._play, group, sleep=self.clock.sleep, orphan_limit=orphan_limit)
        self.journal = MemoryJournal()
        self.doors = OpenDoor()
        self.reports: list[Report] = []
        self.events: list[Event] = []
        self.sprint: Sprint | None = None
        self.system: System
        self.tree: Tree
        self.given_up: Exit | None = None
        self.failures: list[PortError] = []
        self.lives = 0
        self._jitter = jitter
        self._settling = settling
        self._group = group
        self._dead = False

    def wall(self) -> datetime:
        return self.clock.now().wall

    async def start(self, *, take_up: bool = True) -> None:
        """Start a tree. With `take_up` as `run` does, else as `serve` does: it finds the stored sprints by itself."""
        await settle()  # an earlier life may have been killed just now
        self._dead = False
        self.given_up = None
        self.sprint = None
        self.lives += 1
        self.system = System(clock=self.clock, observer=self)
        self.tree = Tree(self.system, self._surroundings())
        self._group.start_soon(self._live, self.system, self.tree, take_up)
        await anyio.lowlevel.checkpoint()

    def kill(self) -> None:
        """End the service where it stands, as SIGKILL would: nothing is told, nothing is tidied up."""
        self._dead = True
        self.doors.shut()
        for task, name in self.system._kernel._tasks.items():
            if not name.startswith(SIDE_OF_LISTENER):
                task.cancel()

    @property
    def dead(self) -> bool:
        """Whether it was killed and not started again."""
        return self._dead

    async def stop(self) -> None:
        """End the service in order, moving the clock where that takes time."""
        self._dead = True
        async with anyio.create_task_group() as stopping:
            stopped = anyio.Event()

            async def stop() -> None:
                await self.system.stop()
                stopped.set()

            stopping.start_soon(stop)
            await self.until(stopped.is_set)

    async def finish(self) -> Sprint:
        """Let time pass until the sprint has ended, or only humans can move it, and nothing is owed."""
        began = self.clock.now().awake
        while True:
            await settle()
            self._check(began)
            if self.sprint is not None and condition(self.sprint) != "running":
                if not await self.journal.open_intents(self.id):
                    return self.sprint
                await settle()
            self._advance()

    async def end(self) -> Sprint:
        """Let time pass until the sprint has ended, whoever has to move it, and nothing is owed."""
        await self.until(lambda: self.sprint is not None and self.sprint.head.outcome is not None)
        return await self.finish()

    async def until(self, done: Callable[[], bool]) -> None:
        """Let time pass until `done`."""
        began = self.clock.now().awake
        await settle()
        while not done():
            self._check(began)
            self._advance()
            await settle()

    async def let(self, time: timedelta) -> None:
        """Let that much time pass, and all happen that is due in it."""
        end = self.clock.now().awake + time
        await settle()
        while (left := end - self.clock.now().awake) > timedelta(0):
            due = self.clock.next_due()
            self.clock.advance(left if due is None else min(due, left))
            await settle()

    def beside(self, work: Callable[[], Coroutine[object, object, None]]) -> None:
        """Do something while time passes."""
        self._group.start_soon(work)

    def row(self, task: str) -> Task:
        """A task's row as last told."""
        assert self.sprint is not None
        return self.sprint.tasks[TaskId(task)]

    def crashes(self) -> list[str]:
        """Which actors have crashed, in order."""
        return [report.path for report in self.reports if isinstance(report, CrashReport)]

    def actor(self, path: str) -> Ref[Any]:
        """The address of any actor of the tree."""
        return self.system.ref(Actor, path)

    def report(self, report: Report) -> None:
        """The kernel's observer."""
        self.reports.append(report)

    def moved(self, sprint: Sprint, event: Event) -> None:
        """The watcher of all sprints."""
        if sprint.head.id == self.id and not self._dead:
            self.sprint = sprint
            self.events.append(event)

    async def _live(self, system: System, tree: Tree, take_up: bool) -> None:
        try:
            async with anyio.create_task_group() as inner:
                await inner.start(self._run_tree, system, tree)
                # Beside the tree, so that a kill ends it at the same moment.
                system._kernel.spawn(self._begin(tree, take_up=take_up), "take up")
        except* StartFailed:
            if not self._dead:
                raise

    async def _run_tree(self, system: System, tree: Tree, *, task_status: TaskStatus[None]) -> None:
        ended = await system.run(tree.root, task_status=task_status)
        if not self._dead:
            self.given_up = ended

    async def _begin(self, tree: Tree, *, take_up: bool) -> None:
        stored = await self.journal.load(self.id)
        if stored is None:
            stored = Sprint.new(self.plan, self.clock.now(), self.limits)
            rows = tuple(stored.tasks.values())
            await tree.storage.create(self.plan, stored.head, rows)
            take_up = True
        if take_up:
            await tree.take_up(stored)

    async def _play(self, order: LaunchOrder) -> Finished | CannotStart:
        stage = Stage(order, self.workspace, self.clock)
        authors = self.plan.dag.authors()
        return await (self.cast.author if order.run.agent in authors else self.cast.reviewer)(stage)

    def _surroundings(self) -> Surroundings:
        return Surroundings(
            clock=self.clock,
            pause=lambda wait: self.clock.sleep(wait.total_seconds()),
            jitter=lambda: self._jitter,
            watcher=self,
            open_journal=self._open_journal,
            failed=self.failures.append,
            embedded=None,
            launcher=FaultyLauncher(self.launcher, self.faults),
            lease=timedelta(minutes=3),
            listening=self.doors,
            opened=lambda addresses: None,
            poll_active=timedelta(seconds=2),
            poll_idle=timedelta(seconds=60),
            ports_of=self._ports_of,
        )

    @asynccontextmanager
    async def _open_journal(self) -> AsyncIterator[Journal]:
        await self.faults.through("open", anyio.lowlevel.checkpoint)
        yield FaultyJournal(self.journal, self.faults)

    async def _ports_of(self, sprint: Sprint) -> SprintPorts:
        dag = self.plan.dag
        world = World(
            settling=self._settling,
            forge=FaultyForge(self.forge, self.faults),
            workspace=FaultyWorkspace(self.workspace, self.faults),
            launcher=FaultyLauncher(self.launcher, self.faults),
            commands=Commands(
                authors=dict.fromkeys(dag.authors(), ("/bin/author",)),
                reviewers=dict.fromkeys(dag.needed_reviewers(), ("/bin/reviewer",)),
                environ={"PATH": "/bin"},
            ),
            secret=SECRET,
            wall_time=timedelta(hours=6),
            pause=lambda wait: self.clock.sleep(wait.total_seconds()),
        )
        return SprintPorts(world=world, limits=self.limits, author_login=AUTHOR)

    def _check(self, began: timedelta) -> None:
        assert self.given_up is None, f"the tree has given up: {self.given_up}"
        if self.clock.now().awake - began > PATIENCE:
            raise AssertionError(f"stuck: {self._where()}")

    def _where(self) -> list[tuple[TaskId, str, str | None]]:
        rows = [] if self.sprint is None else self.sprint.tasks.values()
        return [(row.id, row.status, row.reason) for row in rows]

    def _advance(self) -> None:
        due = self.clock.next_due()
        assert due is not None, f"nothing is due any more: {self._where()}"
        self.clock.advance(due)


@asynccontextmanager
async def running(dag: Dag, **options: Any) -> AsyncIterator[Service]:
    """A started service, ended with all of its agents at the end of the block."""
    async with anyio.create_task_group() as group:
        service = Service(group, dag, **options)
        await service.start()
        try:
            yield service
        finally:
            service.kill()
            with anyio.CancelScope(shield=True):
                await settle()
            group.cancel_scope.cancel()
        assert not service.system._kernel.tasks
