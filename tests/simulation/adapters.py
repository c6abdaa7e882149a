"""The adapters of one life of the service: the simulated world behind the ports, and the kernel on its clock."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import timedelta

from caloron_actors.actors.perform.world import SETTLING
from caloron_actors.actors.perform.world import World as Surroundings
from caloron_actors.actors.tree import SprintPorts
from caloron_actors.domain.sprint.state import Sprint
from caloron_actors.ports.commands import Commands
from caloron_actors.ports.embedded import EmbeddedForge
from caloron_actors.ports.journal import Journal
from caloron_actors.ports.launcher import Launcher
from caloron_actors.ports.listening import Listening
from caloron_actors.runtime import CrashReport, Observer, Report, System
from tests.actors.doors import OpenDoor
from tests.actors.faults import FaultyWorkspace
from tests.simulation.checks import AUTHOR
from tests.simulation.storage import WatchedJournal
from tests.simulation.world import World

SECRET = b"the secret of this state"
WALL_TIME = timedelta(minutes=10)


def commands_of(sprint: Sprint) -> Commands:
    """The simulated agents' command lines: only their role counts."""
    dag = sprint.plan.dag
    return Commands(
        authors=dict.fromkeys(dag.authors(), ("/bin/author",)),
        reviewers=dict.fromkeys(dag.needed_reviewers(), ("/bin/reviewer",)),
        environ={},
    )


class Overheard:
    """Passes reports on, and keeps the crashes."""

    def __init__(self, inner: Observer, crashes: list[CrashReport]) -> None:
        self._inner = inner
        self._crashes = crashes

    def report(self, report: Report) -> None:
        """The kernel's observer."""
        if isinstance(report, CrashReport):
            self._crashes.append(report)
        self._inner.report(report)


class SimAdapters:
    """Implements `app.adapters.Adapters` for one life of the service."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.clock = world.clock
        self.draw: Callable[[], float] = world.chance.stream("jitter").unit
        self.launcher: Launcher = world.launcher
        self.embedded: EmbeddedForge | None = None
        self.doors = OpenDoor()
        self.listening: Listening = self.doors
        self.crashes: list[CrashReport] = []

    def kernel(self, observer: Observer) -> System:
        """A kernel on the simulated clock, without the thread that watches a real loop."""
        return System(clock=self.clock, observer=Overheard(observer, self.crashes), draw=self.draw)

    def open_journal(self) -> AbstractAsyncContextManager[Journal]:
        """The journal on the world's disk."""
        return WatchedJournal.simulated(self._world.disk, self.clock)

    async def connect(self, sprint: Sprint) -> SprintPorts:
        """The ports of a sprint."""
        world = self._world
        await world.trouble.wait()
        surroundings = Surroundings(
            forge=world.client(sprint.plan.dag),
            workspace=FaultyWorkspace(world.workspaces[sprint.head.id], world.trouble),
            launcher=self.launcher,
            commands=commands_of(sprint),
            secret=SECRET,
            wall_time=WALL_TIME,
            pause=lambda wait: self.clock.sleep(wait.total_seconds()),
            settling=SETTLING if world.trouble.lag else timedelta(0),
        )
        return SprintPorts(world=surroundings, limits=world.limits, author_login=AUTHOR)
