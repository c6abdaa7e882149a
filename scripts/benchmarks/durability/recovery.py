"""How soon a service with 1,000 running tasks does the right thing after its death.

Real journal, real run directories, the real tree; forge and working copies are the memory adapters. All runs but one
name the same living process as their harness; the one has ended meanwhile, and the first correct decision is the
commit that says so.
"""

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from pathlib import Path

import anyio
import structlog
from anyio.abc import TaskStatus

from caloron_actors.actors.perform.world import World
from caloron_actors.actors.tree import SprintPorts
from caloron_actors.adapters.memory.forge import MemoryForge
from caloron_actors.adapters.memory.workspace import MemoryRepository, MemoryWorkspace
from caloron_actors.adapters.process import ProcessLauncher, procfs
from caloron_actors.adapters.sqlite import SqliteJournal
from caloron_actors.adapters.system import SystemClock, nonce
from caloron_actors.app.host import Host
from caloron_actors.app.options import HostOptions
from caloron_actors.domain.events import AuthorEnded, Event, Limits
from caloron_actors.domain.ids import AgentId
from caloron_actors.domain.sprint.state import Sprint
from caloron_actors.ports.commands import Commands
from caloron_actors.ports.journal import Journal
from caloron_actors.ports.launcher import RunId
from caloron_actors.ports.listening import Addresses, Door
from caloron_actors.runtime import Observer, System
from durability.lines import show
from durability.played import entries, fill, plan, until_running

TASKS = 1000
ROUNDS = 3
GOAL = 2.0
LIMITS = Limits(max_agents=TASKS)
PATIENCE = 120.0


class FirstDecision:
    """Implements `ports.watching.Watcher`: set when the end of a run has been committed."""

    def __init__(self) -> None:
        self.made = anyio.Event()

    def moved(self, sprint: Sprint, event: Event) -> None:
        """Look at what was committed."""
        if isinstance(event, AuthorEnded):
            self.made.set()


class NoDoor:
    """Implements `ports.listening.Listening` for a service that nobody calls."""

    async def serve(self, door: Door, *, task_status: TaskStatus[Addresses]) -> None:
        """Stay open until cancelled."""
        task_status.started(Addresses(http=None, agents_socket="nowhere"))
        await anyio.sleep_forever()


class Around:
    """Implements `app.adapters.Adapters`: this host's clock, journal and processes, and a forge in memory."""

    def __init__(self, state: Path) -> None:
        self._state = state
        self.clock = SystemClock()
        self.draw: Callable[[], float] = lambda: 0.0
        self.launcher = ProcessLauncher(
            state / "runs", state / "agents.sock", nonce=nonce, boot_id=self.clock.now().boot_id
        )
        self.embedded = None
        self.listening = NoDoor()

    def kernel(self, observer: Observer) -> System:
        """A plain kernel."""
        return System(clock=self.clock, observer=observer)

    def open_journal(self) -> AbstractAsyncContextManager[Journal]:
        """The journal in the state directory."""
        return SqliteJournal.open(self._state / "caloron.db", wall=self.clock)

    async def connect(self, sprint: Sprint) -> SprintPorts:
        """A world without a network."""
        repository = MemoryRepository("main", {"README.md": b"start\n"})
        world = World(
            forge=MemoryForge(
                "local/bench", lambda: self.clock.now().wall, author_login="caloron", git=repository
            ),
            workspace=MemoryWorkspace(repository),
            launcher=self.launcher,
            commands=Commands(authors={}, reviewers={}, environ={}),
            secret=b"bench",
            wall_time=timedelta(hours=1),
            pause=lambda wait: self.clock.sleep(wait.total_seconds()),
        )
        return SprintPorts(world=world, limits=LIMITS, author_login="caloron")


def report() -> None:
    """Measure and print."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    taken = [anyio.run(_recover) for _ in range(ROUNDS)]
    what = f"recovery of {TASKS} running tasks to the first correct decision"
    show(what, f"{statistics.median(taken):.2f} s", "", f"at most {GOAL:.0f} s")


async def _recover() -> float:
    """Seconds from the opening of the service to the commit."""
    with tempfile.TemporaryDirectory(prefix="bench-") as directory:
        state = Path(directory)
        sleeper = _stand_in()
        try:
            around = Around(state)
            sprint = Sprint.new(plan("bench", TASKS), around.clock.now(), LIMITS)
            async with around.open_journal() as journal:
                sprint = await fill(
                    journal, sprint, entries(sprint, around.clock.now(), LIMITS, until_running)
                )
            _write_runs(state / "runs", sprint, sleeper.pid, around.clock.now().boot_id)
            return await _until_first(around, state)
        finally:
            sleeper.kill()
            sleeper.wait()


def _stand_in() -> "subprocess.Popen[bytes]":
    """The process that all harnesses are said to be."""
    return subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])


async def _until_first(around: Around, state: Path) -> float:
    decision = FirstDecision()
    options = HostOptions(
        state=state,
        limits=LIMITS,
        commands_of=lambda sprint: Commands(authors={}, reviewers={}, environ={}),
        watcher=decision,
    )
    began = time.perf_counter()
    async with Host.open(options, around):
        with anyio.fail_after(PATIENCE):
            await decision.made.wait()
        return time.perf_counter() - began


def _write_runs(runs: Path, sprint: Sprint, pid: int, boot: str) -> None:
    """The records that 1,000 harnesses have left: all live but the last."""
    process = procfs.look(pid)
    if process is None:
        raise RuntimeError("the stand-in for the harnesses has ended")
    ended = list(sprint.tasks.values())[-1].id
    for task in sprint.tasks.values():
        if task.author is None:
            raise RuntimeError(f"{task.id} does not run")
        run = RunId(sprint.head.id, task.id, AgentId(task.id), task.author.ordinal)
        directory = runs / run.sprint / run.task / run.agent / str(run.ordinal)
        directory.mkdir(mode=0o700, parents=True)
        start = process.start + 1 if task.id == ended else process.start
        (directory / "pid.json").write_text(
            f'{{"version":1,"pid":{pid},"start":{start},"boot":"{boot}","nonce":"0"}}'
        )
        (directory / "lease").write_text("1\n")
        if task.id == ended:
            (directory / "exit.json").write_text('{"version":1,"cause":"exited","started":true,"code":0}')
