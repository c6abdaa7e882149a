"""One service: its tree on its adapters, started, looked at and stopped in order."""

from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager

import anyio
import structlog

from caloron_actors.actors.tree import SprintPorts, Surroundings, Tree
from caloron_actors.app.adapters import Adapters
from caloron_actors.app.options import HostOptions
from caloron_actors.app.real import RealAdapters
from caloron_actors.app.reports import LoggedReports
from caloron_actors.domain.ids import SprintId
from caloron_actors.domain.sprint.state import Sprint
from caloron_actors.git import Git
from caloron_actors.ports.listening import Addresses

LEASES_PER_LIMIT = 10
"""How many times a lease is renewed within the time after which its agent would count as an orphan."""


class ServiceFailed(Exception):
    """The service could not go on. A bug, or trouble on this host that restarting its parts did not cure."""


class Host:
    """A running service. Get one with `open`."""

    def __init__(self, options: HostOptions, adapters: Adapters) -> None:
        self.options = options
        self.clock = adapters.clock
        self.system = adapters.kernel(LoggedReports())
        self.addresses: Addresses | None = None
        self.listens = anyio.Event()
        self.stopping = False
        self._adapters = adapters
        self._ports: dict[SprintId, SprintPorts] = {}
        self._lock = anyio.Lock()
        self.tree = Tree(self.system, self._surroundings())

    @classmethod
    @asynccontextmanager
    async def open(cls, options: HostOptions, adapters: Adapters) -> AsyncGenerator["Host", None]:
        """Start the tree and stop it in order at the end; agents live on."""
        async with anyio.create_task_group() as group:
            host = cls(options, adapters)
            await group.start(host._run)
            try:
                yield host
            finally:
                host.stopping = True
                with anyio.CancelScope(shield=True):
                    await host.system.stop()

    async def _run(self, *, task_status: anyio.abc.TaskStatus[None]) -> None:
        ended = await self.system.run(self.tree.root, task_status=task_status)
        structlog.get_logger("host").info("stopped", reason=repr(ended))
        if not self.stopping:
            raise ServiceFailed(f"the supervision tree has given up: {ended}")

    def _surroundings(self) -> Surroundings:
        options, adapters = self.options, self._adapters
        return Surroundings(
            clock=self.clock,
            jitter=adapters.draw,
            watcher=options.watcher,
            open_journal=adapters.open_journal,
            embedded=adapters.embedded,
            launcher=adapters.launcher,
            lease=options.orphan_limit / LEASES_PER_LIMIT,
            listening=adapters.listening,
            opened=self._opened,
            poll_active=options.poll_active,
            poll_idle=options.poll_idle,
            ports_of=self._ports_of,
        )

    def _opened(self, addresses: Addresses) -> None:
        self.addresses = addresses
        self.listens.set()

    async def _ports_of(self, sprint: Sprint) -> SprintPorts:
        """The ports of a sprint, made once."""
        async with self._lock:
            known = self._ports.get(sprint.head.id)
            if known is None:
                known = await self._adapters.connect(sprint)
                self._ports[sprint.head.id] = known
            return known


OpenHost = Callable[[HostOptions, Git], AbstractAsyncContextManager[Host]]


@asynccontextmanager
async def open_real_host(options: HostOptions, git: Git) -> AsyncGenerator[Host, None]:
    """A service on this host. Its state directory is already held."""
    async with AsyncExitStack() as stack:
        adapters = RealAdapters(options, git, stack)
        yield await stack.enter_async_context(Host.open(options, adapters))
