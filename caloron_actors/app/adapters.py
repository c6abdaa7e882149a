"""What a service is composed of beside its tree: every clock, store, process, socket and forge it touches."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from caloron_actors.actors.tree import SprintPorts
from caloron_actors.domain.instant import Now
from caloron_actors.domain.sprint.state import Sprint
from caloron_actors.ports.embedded import EmbeddedForge
from caloron_actors.ports.journal import Journal
from caloron_actors.ports.launcher import Launcher
from caloron_actors.ports.listening import Listening
from caloron_actors.runtime import Observer, System


class HostClock(Protocol):
    """The clocks of the host, for the kernel and for the sprints."""

    def now(self) -> Now:
        """Read all clocks at once."""
        ...

    def monotonic(self) -> float:
        """Seconds of the awake clock."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait that long on the awake clock."""
        ...


class Adapters(Protocol):
    """The adapters of one service. `draw` gives numbers from 0 to 1, for jitter."""

    @property
    def clock(self) -> HostClock: ...
    @property
    def draw(self) -> Callable[[], float]: ...
    @property
    def launcher(self) -> Launcher: ...
    @property
    def embedded(self) -> EmbeddedForge | None: ...
    @property
    def listening(self) -> Listening: ...

    def kernel(self, observer: Observer) -> System:
        """A kernel that has not run yet, on these clocks."""
        ...

    def open_journal(self) -> AbstractAsyncContextManager[Journal]:
        """Open the journal, anew after each start of its actor."""
        ...

    async def connect(self, sprint: Sprint) -> SprintPorts:
        """Make the ports of a sprint. Called once for each sprint of a service's life."""
        ...
