"""One service on one state directory: its adapters, its tree, and the worlds of its sprints."""

import os
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import anyio
import structlog

from caloron_actors.actors.perform.world import World
from caloron_actors.actors.tree import SprintPorts, Surroundings, Tree
from caloron_actors.adapters.github import Credential, GitHubForge
from caloron_actors.adapters.http import HttpListening
from caloron_actors.adapters.process import HarnessLimits, ProcessLauncher
from caloron_actors.adapters.sqlite import SqliteJournal
from caloron_actors.adapters.system import Entropy, SystemClock, nonce, token
from caloron_actors.adapters.workspace import GitWorkspace, Remote
from caloron_actors.app.embedded import Access, EmbeddedLocalForge
from caloron_actors.app.reports import LoggedReports
from caloron_actors.domain.events import Limits
from caloron_actors.domain.ids import SprintId
from caloron_actors.domain.sprint.state import Sprint
from caloron_actors.git import Git
from caloron_actors.ports.commands import Commands
from caloron_actors.ports.listening import Addresses
from caloron_actors.ports.watching import Watcher
from caloron_actors.runtime import System

DATABASE = "caloron.db"
FORGE = "forge"
"""Names inside a state directory."""

LEASES_PER_LIMIT = 10
"""How many times a lease is renewed within the time after which its agent would count as an orphan."""


@dataclass(frozen=True, kw_only=True)
class HostOptions:
    """What a service is run with. `commands_of` gives a stored sprint's command lines; `wall_time` limits every run of
    an agent whose task sets no limit, so that nothing waits for a hanging one for ever."""

    state: Path
    limits: Limits
    commands_of: Callable[[Sprint], Commands]
    watcher: Watcher
    http_port: int = 0
    http_host: str = "127.0.0.1"
    http_token: str | None = None
    wall_time: timedelta = timedelta(hours=2)
    orphan_limit: timedelta = timedelta(minutes=30)
    poll_active: timedelta = timedelta(seconds=2)
    poll_idle: timedelta = timedelta(seconds=60)


class ServiceFailed(Exception):
    """The service could not go on. A bug, or trouble on this host that restarting its parts did not cure."""


class Host:
    """A running service. Get one with `open`."""

    def __init__(self, options: HostOptions, git: Git, stack: AsyncExitStack) -> None:
        self.options = options
        self.git = git
        self.clock = SystemClock()
        self.system = System(clock=self.clock, observer=LoggedReports())
        self.addresses: Addresses | None = None
        self.listens = anyio.Event()
        self.stopping = False
        self._stack = stack
        self._secret = _secret(options.state / "secret")
        self._ports: dict[SprintId, SprintPorts] = {}
        self._lock = anyio.Lock()
        self._embedded = EmbeddedLocalForge(options.state / FORGE, git, self.clock)
        self.launcher = ProcessLauncher(
            options.state / "runs",
            options.state / "agents.sock",
            nonce=nonce,
            boot_id=self.clock.now().boot_id,
            limits=HarnessLimits(orphan_limit=options.orphan_limit, stop_grace=options.limits.stop_grace),
        )
        self.tree = Tree(self.system, self._surroundings())

    @classmethod
    @asynccontextmanager
    async def open(cls, options: HostOptions, git: Git) -> AsyncGenerator["Host", None]:
        """Start the tree and stop it in order at the end; agents live on. The state directory is already held."""
        async with AsyncExitStack() as stack, anyio.create_task_group() as group:
            host = cls(options, git, stack)
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
        options, entropy = self.options, Entropy()
        listening = HttpListening(
            host=options.http_host,
            port=options.http_port,
            token=options.http_token or token(),
            agents_socket=options.state / "agents.sock",
        )
        return Surroundings(
            clock=self.clock,
            jitter=lambda: entropy.between(0.0, 1.0),
            watcher=options.watcher,
            open_journal=lambda: SqliteJournal.open(options.state / DATABASE, wall=self.clock),
            embedded=self._embedded,
            launcher=self.launcher,
            lease=options.orphan_limit / LEASES_PER_LIMIT,
            listening=listening,
            opened=self._opened,
            poll_active=options.poll_active,
            poll_idle=options.poll_idle,
            ports_of=self._ports_of,
        )

    def _opened(self, addresses: Addresses) -> None:
        self.addresses = addresses
        self.listens.set()

    async def _ports_of(self, sprint: Sprint) -> SprintPorts:
        """The ports of a sprint, made once: its accounts and repository on the forge, its client, its workspace."""
        async with self._lock:
            known = self._ports.get(sprint.head.id)
            if known is None:
                known = await self._connect(sprint)
                self._ports[sprint.head.id] = known
            return known

    async def _connect(self, sprint: Sprint) -> SprintPorts:
        plan, commands = sprint.plan, self.options.commands_of(sprint)
        access = await self._embedded.admit(
            plan.repository, Path(plan.source), plan.base_branch, plan.dag.needed_reviewers()
        )
        forge = await self._stack.enter_async_context(self._client(plan.repository, access))
        world = World(
            forge=forge,
            workspace=self._workspace(sprint, access),
            launcher=self.launcher,
            commands=commands,
            secret=self._secret,
            wall_time=self.options.wall_time,
            pause=lambda wait: self.clock.sleep(wait.total_seconds()),
        )
        return SprintPorts(world=world, limits=self.options.limits, author_login=access.author.login)

    def _client(self, repository: str, access: Access) -> GitHubForge:
        return GitHubForge(
            access.base_url,
            repository,
            Credential(access.author.token, access.author.login),
            {agent: Credential(a.token, a.login) for agent, a in access.reviewers.items()},
            self._wall,
        )

    def _workspace(self, sprint: Sprint, access: Access) -> GitWorkspace:
        remote = Remote(f"{access.base_url}/{sprint.plan.repository}.git", access.author.token)
        root = self.options.state / "work" / sprint.head.id
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        return GitWorkspace(root, self.git, remote, base_branch=sprint.plan.base_branch, wall=self._wall)

    def _wall(self) -> datetime:
        return self.clock.now().wall


def _secret(path: Path) -> bytes:
    """The secret that signs hidden marks: made once for a state directory, readable by nobody else.

    It is there whole or not at all, whenever its making is cut off: the directory is held, so nobody else makes one.
    """
    if path.exists():
        return path.read_bytes()
    aside = path.with_name(f"{path.name}.new")
    aside.unlink(missing_ok=True)
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(token().encode())
        file.flush()
        os.fsync(file.fileno())
    aside.replace(path)
    return path.read_bytes()
