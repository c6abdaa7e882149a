"""One service: its tree on its adapters, started, looked at and stopped in order."""

from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from datetime import timedelta

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
from caloron_actors.ports.errors import PortError
from caloron_actors.ports.listening import Addresses
from caloron_actors.runtime import describe

LEASES_PER_LIMIT = 10
"""How many times a lease is renewed within the time after which its agent would count as an orphan."""

CLOSE_SECONDS = 8.0
"""Longest wait for the writes under way: longer than SQLite waits for somebody else's lock."""


class ServiceFailed(Exception):
    """The service could not go on. A bug, or trouble on this host that restarting its parts did not cure."""


class Host:
    """A running service. Get one with `open`. It ends by itself, raising why, when its journal cannot be used."""

    def __init__(self, options: HostOptions, adapters: Adapters) -> None:
        self.options = options
        self.clock = adapters.clock
        self.system = adapters.kernel(LoggedReports())
        self.addresses: Addresses | None = None
        self.listens = anyio.Event()
        self.stopping = False
        self._adapters = adapters
        self._failed = anyio.Event()
        self._failure: PortError | None = None
        self._ports: dict[SprintId, SprintPorts] = {}
        self._lock = anyio.Lock()
        self.tree = Tree(self.system, self._surroundings())

    @classmethod
    @asynccontextmanager
    async def open(cls, options: HostOptions, adapters: Adapters) -> AsyncGenerator["Host", None]:
        """Start the tree and stop it in order at the end; agents live on."""
        async with anyio.create_task_group() as group:
            host = cls(options, adapters)
            group.start_soon(host._stop_when_failed)
            await group.start(host._run)
            try:
                yield host
            finally:
                host.stopping = True
                with anyio.CancelScope(shield=True):
                    await host._stop()
            group.cancel_scope.cancel()

    async def _run(self, *, task_status: anyio.abc.TaskStatus[None]) -> None:
        ended = await self.system.run(self.tree.root, task_status=task_status)
        structlog.get_logger("host").info("stopped", reason=describe(ended))
        if self._failure is not None:
            raise self._failure
        if not self.stopping:
            raise ServiceFailed(f"the supervision tree has given up: {describe(ended)}")

    async def _stop(self) -> None:
        """Let the writes under way end, because a thread cannot be cancelled, and stop the tree."""
        if self._failure is None:
            with anyio.move_on_after(CLOSE_SECONDS):
                await self.tree.storage.close()
        await self.system.stop()

    async def _stop_when_failed(self) -> None:
        await self._failed.wait()
        await self._stop()

    def _journal_failed(self, error: PortError) -> None:
        """What no waiting cures: the first reason is kept, and raised when everything has stopped."""
        if self._failure is None:
            self._failure = error
            self._failed.set()

    def _surroundings(self) -> Surroundings:
        options, adapters = self.options, self._adapters
        return Surroundings(
            clock=self.clock,
            pause=self._pause,
            jitter=adapters.draw,
            watcher=options.watcher,
            open_journal=adapters.open_journal,
            failed=self._journal_failed,
            embedded=adapters.embedded,
            launcher=adapters.launcher,
            lease=options.orphan_limit / LEASES_PER_LIMIT,
            listening=adapters.listening,
            opened=self._opened,
            poll_active=options.poll_active,
            poll_idle=options.poll_idle,
            ports_of=self._ports_of,
        )

    async def _pause(self, duration: timedelta) -> None:
        await self.clock.sleep(duration.total_seconds())

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
