"""The adapters of a real service: this host's clocks, SQLite, processes, sockets, git, and the embedded forge."""

import errno
import os
import sqlite3
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from datetime import datetime, timedelta
from pathlib import Path

from caloron_actors.actors.perform.world import World
from caloron_actors.actors.tree import SprintPorts
from caloron_actors.adapters.github import Credential, GitHubForge
from caloron_actors.adapters.http import HttpListening
from caloron_actors.adapters.process import HarnessLimits, ProcessLauncher
from caloron_actors.adapters.sqlite import SqliteJournal
from caloron_actors.adapters.system import Entropy, SystemClock, nonce, token
from caloron_actors.adapters.workspace import GitWorkspace, Remote
from caloron_actors.app.embedded import Access, EmbeddedLocalForge
from caloron_actors.app.options import HostOptions
from caloron_actors.app.reports import log_alarm, log_undelivered
from caloron_actors.app.version import step_version
from caloron_actors.domain.sprint.state import Sprint
from caloron_actors.git import Git, GitFailed
from caloron_actors.ports.errors import StateUnusable, Unavailable, may_pass
from caloron_actors.ports.journal import Journal
from caloron_actors.runtime import AlarmPolicy, Observer, System

DATABASE = "caloron.db"
FORGE = "forge"
"""Names inside a state directory."""


class RealAdapters:
    """Implements `app.adapters.Adapters` on a state directory that is already held. `stack` closes its clients."""

    def __init__(self, options: HostOptions, git: Git, stack: AsyncExitStack) -> None:
        self._options = options
        self._git = git
        self._stack = stack
        self._secret = _secret(options.state / "secret")
        self.clock = SystemClock()
        entropy = Entropy()
        self.draw = lambda: entropy.between(0.0, 1.0)
        self.embedded = EmbeddedLocalForge(options.state / FORGE, git, self.clock)
        self.launcher = ProcessLauncher(
            options.state / "runs",
            options.state / "agents.sock",
            nonce=nonce,
            boot_id=self.clock.now().boot_id,
            limits=HarnessLimits(orphan_limit=options.orphan_limit, stop_grace=options.limits.stop_grace),
        )
        self.listening = HttpListening(
            host=options.http_host,
            port=options.http_port,
            token=options.http_token or token(),
            agents_socket=options.state / "agents.sock",
        )

    def kernel(self, observer: Observer) -> System:
        """A kernel that tells of frozen handlers and a stalled loop, and ends the process that it cannot stop."""
        return System(
            clock=self.clock,
            observer=observer,
            draw=self.draw,
            on_undelivered=log_undelivered,
            alarms=AlarmPolicy(log_alarm),
            on_unkillable="exit",
        )

    def open_journal(self) -> AbstractAsyncContextManager[Journal]:
        """The journal in the state directory."""
        return SqliteJournal.open(
            self._options.state / DATABASE, wall=self.clock, step_version=step_version()
        )

    async def connect(self, sprint: Sprint) -> SprintPorts:
        """A sprint's accounts and repository on the forge, its client, its workspace.

        Raises `Unavailable` when the host's disk does not let them be made for now.
        """
        try:
            return await self._connect(sprint)
        except (OSError, sqlite3.Error) as error:
            if not may_pass(error):
                raise
            raise Unavailable(f"sprint {sprint.head.id} cannot be set up: {error}", ambiguous=True) from error
        except GitFailed as error:
            if os.strerror(errno.ENOSPC) not in str(error):
                raise
            raise Unavailable(f"sprint {sprint.head.id} cannot be set up: {error}", ambiguous=True) from error

    async def _connect(self, sprint: Sprint) -> SprintPorts:
        plan, commands = sprint.plan, self._options.commands_of(sprint)
        access = await self.embedded.admit(
            plan.repository, Path(plan.source), plan.base_branch, plan.dag.needed_reviewers()
        )
        forge = await self._stack.enter_async_context(self._client(plan.repository, access))
        world = World(
            forge=forge,
            workspace=self._workspace(sprint, access),
            launcher=self.launcher,
            commands=commands,
            secret=self._secret,
            wall_time=self._options.wall_time,
            pause=lambda wait: self.clock.sleep(wait.total_seconds()),
            settling=timedelta(0),  # the embedded forge shows at once what it has accepted
        )
        return SprintPorts(world=world, limits=self._options.limits, author_login=access.author.login)

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
        root = self._options.state / "work" / sprint.head.id
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        return GitWorkspace(root, self._git, remote, base_branch=sprint.plan.base_branch, wall=self._wall)

    def _wall(self) -> datetime:
        return self.clock.now().wall


def _secret(path: Path) -> bytes:
    """The secret that signs hidden marks: made once for a state directory, readable by nobody else.

    It is there whole or not at all, whenever its making is cut off: the directory is held, so nobody else makes one.
    """
    if path.exists():
        return path.read_bytes()
    aside = path.with_name(f"{path.name}.new")
    try:
        aside.unlink(missing_ok=True)
        descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(token().encode())
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
    except OSError as error:
        raise StateUnusable(f"{path} cannot be written: {error.strerror}; see to its disk") from error
    return path.read_bytes()
