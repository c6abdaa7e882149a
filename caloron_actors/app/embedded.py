"""The embedded forge inside the service: it serves on one loopback port for the life of the process."""

from collections.abc import Iterable
from datetime import datetime
from functools import partial
from pathlib import Path

import anyio
import msgspec

from caloron_actors.adapters.http import bind_tcp, bind_unix, serve_asgi
from caloron_actors.adapters.system import SystemClock, token
from caloron_actors.domain.ids import AgentId, shorten
from caloron_actors.git import Git
from caloron_actors.localforge import LocalForge

AUTHOR = "caloron"
"""The account that everything but reviews is written as."""


LOGIN_LIMIT = 39
"""Characters of a login, as on GitHub."""


class Account(msgspec.Struct, frozen=True):
    """A login and its token."""

    login: str
    token: str


class Access(msgspec.Struct, frozen=True, kw_only=True):
    """How the service reaches a repository on the embedded forge."""

    base_url: str
    author: Account
    reviewers: dict[AgentId, Account]


class EmbeddedLocalForge:
    """Serves the forge in `directory`. Implements `ports.embedded.EmbeddedForge`."""

    def __init__(
        self, directory: Path, git: Git, clock: SystemClock, *, port: int = 0, socket: Path | None = None
    ) -> None:
        self._directory = directory
        self._git = git
        self._clock = clock
        self._port = port
        self._socket = socket
        self._forge: LocalForge | None = None

    @property
    def url(self) -> str:
        """The base URL, once it serves."""
        return f"http://127.0.0.1:{self._port}"

    @property
    def forge(self) -> LocalForge:
        """The forge itself, once it serves. Raises RuntimeError before."""
        if self._forge is None:
            raise RuntimeError("the embedded forge does not serve")
        return self._forge

    async def serve(self, ready: anyio.Event) -> None:
        """Repair, bind and serve until cancelled. The port of the first start is kept, so addresses stay good."""
        opened = LocalForge.open(self._directory, self._git, wall=self._wall, token=token)
        async with opened as forge, anyio.create_task_group() as group:
            listener = bind_tcp("127.0.0.1", self._port)
            self._port = listener.getsockname()[1]
            sockets = [listener]
            if self._socket is not None:
                sockets.append(bind_unix(self._socket, 0o600))
            await group.start(partial(serve_asgi, forge.app, sockets))
            self._forge = forge
            ready.set()

    async def admit(self, repository: str, source: Path, branch: str, reviewers: Iterable[AgentId]) -> Access:
        """Make accounts and the repository, import the base branch once, and say how to get in. Safe to repeat."""
        forge = self.forge
        author = await self._account(AUTHOR)
        await forge.ensure_repository(repository, owner_login=AUTHOR, default_branch=branch)
        await forge.grant(repository, AUTHOR, "admin")
        accounts: dict[AgentId, Account] = {}
        for reviewer in reviewers:
            account = await self._account(shorten(f"{AUTHOR}-{reviewer}", LOGIN_LIMIT))
            await forge.grant(repository, account.login, "write")
            accounts[reviewer] = account
        await forge.import_branch(repository, source, branch)
        return Access(base_url=self.url, author=author, reviewers=accounts)

    async def _account(self, login: str) -> Account:
        return Account(login, await self.forge.ensure_user(login))

    def _wall(self) -> datetime:
        return self._clock.now().wall
