"""The embedded forge as the service holds it: opened, set up and served. Requests are answered in `api`."""

import shutil
import sqlite3
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path

import anyio
from starlette.types import ASGIApp

from caloron_actors.git import Git
from caloron_actors.localforge import importing
from caloron_actors.localforge.api.routes import application
from caloron_actors.localforge.directory import Directory
from caloron_actors.localforge.errors import NameRefused
from caloron_actors.localforge.names import LOGIN_RULE, is_branch, is_login, is_repository
from caloron_actors.localforge.repairs import repair
from caloron_actors.localforge.rows import accounts, intents, issues, repositories
from caloron_actors.localforge.rows.accounts import Permission
from caloron_actors.localforge.rows.repositories import Repository
from caloron_actors.localforge.stamps import Stamps
from caloron_actors.localforge.state import ForgeState
from caloron_actors.localforge.store import Store
from caloron_actors.ports.errors import StateUnusable

# What git makes durable before a ref that needs it is set.
_DURABLE = ("core.fsync", "committed,reference")


class LocalForge:
    """GitHub's REST dialect and git over HTTP, out of one directory that one process holds at a time."""

    def __init__(self, state: ForgeState, names: dict[str, Repository], token: Callable[[], str]) -> None:
        self._state = state
        self._repositories = names
        self._mint = token
        self._setup = anyio.Lock()
        self._app = application(state)

    @classmethod
    @asynccontextmanager
    async def open(
        cls, directory: Path, git: Git, *, wall: Callable[[], datetime], token: Callable[[], str]
    ) -> AsyncGenerator["LocalForge", None]:
        """Open the forge in `directory`, made if missing, and repair what an earlier life left half done.

        `wall` gives the present (aware); `token` a new secret of ASCII letters and digits.
        Raises `StateUnusable` (ports.errors): damaged, newer, foreign; `StateBusy`: held by another process.
        """
        place = Directory(directory)
        place.prepare()
        async with Store.open(place.database) as store:
            last = await store.read(issues.last_stamp)
            state = ForgeState(directory=place, store=store, git=git, stamps=Stamps(wall, last))
            await repair(state)
            names = {each.full_name: each for each in await store.read(repositories.everyone)}
            yield cls(state, names, token)

    @property
    def app(self) -> ASGIApp:
        """Serves the REST dialect at `/` and `/api/v3`, and git at `/{owner}/{name}.git`.

        The `Date` of answers is the server's to send, as uvicorn does by itself.
        """
        return self._app

    async def ensure_user(self, login: str) -> str:
        """Give the token of the account `login`, made if needed. The token's file is `tokens/<login>`.

        Raises `NameRefused`.
        """
        if not is_login(login):
            raise NameRefused(f"a login has {LOGIN_RULE}; this is {login!r}")
        state = self._state
        async with self._setup:
            known = await state.store.read(lambda db: accounts.by_login(db, login))
            spelled = login if known is None else known.login
            token = await anyio.to_thread.run_sync(state.directory.token, spelled, self._mint)
            now = state.stamps.now()
            await state.store.write(lambda db: accounts.ensure_user(db, spelled, token, now))
        return token

    async def ensure_repository(self, full_name: str, *, owner_login: str, default_branch: str) -> Path:
        """Give the path of the bare repository `owner/name`, made if needed; `owner_login` gets admin in it.

        One that stands keeps its default branch. Raises `NameRefused`.
        """
        if not is_repository(full_name):
            raise NameRefused(f"not a repository's name: {full_name!r}")
        if not is_branch(default_branch):
            raise NameRefused(f"not a branch's name: {default_branch!r}")
        async with self._setup:
            state = self._state
            known = await state.store.read(lambda db: repositories.by_name(db, full_name))
            if known is None:
                known = await self._create(full_name, default_branch)
            self._repositories[known.full_name] = known
            await self.grant(known.full_name, owner_login, "admin")
            return state.path(known)

    async def grant(self, full_name: str, login: str, permission: Permission) -> None:
        """Set what the account `login` may do in a repository. Raises `NameRefused` when there is no such one."""
        repository = self._known(full_name)

        def write(db: sqlite3.Connection) -> bool:
            account = accounts.by_login(db, login)
            if account is not None:
                accounts.grant(db, repository.id, account.id, permission)
            return account is not None

        if not await self._state.store.write(write):
            raise NameRefused(f"no account {login!r}")

    async def import_branch(self, full_name: str, source: Path, branch: str) -> str:
        """Take `branch` over from the repository at `source`, which is only read; give its commit.

        Does nothing when the branch exists here. Raises `SourceRefused`, `NameRefused`.
        """
        if not is_branch(branch):
            raise NameRefused(f"not a branch's name: {branch!r}")
        place = Path(await anyio.Path(source).absolute())
        return await importing.import_branch(self._state, self._known(full_name), place, branch)

    def repositories(self) -> list[str]:
        """The full names of all repositories, oldest first."""
        return list(self._repositories)

    def repository_path(self, full_name: str) -> Path:
        """Where the bare repository lies. Raises `NameRefused`."""
        return self._state.path(self._known(full_name))

    def _known(self, full_name: str) -> Repository:
        for name, repository in self._repositories.items():
            if name.casefold() == full_name.casefold():
                return repository
        raise NameRefused(f"no repository {full_name!r}")

    async def _create(self, full_name: str, default_branch: str) -> Repository:
        state = self._state
        path = state.directory.repository(full_name)
        if path.exists():
            raise StateUnusable(f"{path} exists, but the forge knows nothing of it")
        plan = intents.CreateRepository(full_name=full_name)
        intent_id = await state.store.write(lambda db: intents.begin(db, plan))
        try:
            path.parent.mkdir(mode=0o700, exist_ok=True)
            await state.git.init_bare(path, initial_branch=default_branch)
            await state.git.call("config", *_DURABLE, git_dir=path)
        except BaseException:
            with anyio.CancelScope(shield=True):
                shutil.rmtree(path, ignore_errors=True)
                await state.store.write(lambda db: intents.settle(db, intent_id))
            raise
        now = state.stamps.now()

        def write(db: sqlite3.Connection) -> Repository | None:
            owner = accounts.ensure_owner(db, full_name.partition("/")[0], now)
            repositories.create(db, owner.id, full_name, default_branch, now)
            intents.settle(db, intent_id)
            return repositories.by_name(db, full_name)

        made = await state.store.write(write)
        if made is None:
            raise LookupError(f"no row of {full_name}")
        return made
