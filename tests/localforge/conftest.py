"""An open forge, served over TCP and a Unix socket, with users and a repository made by real git."""

import shutil
import socket
import subprocess
from collections.abc import AsyncIterator, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

import anyio
import httpx  # noqa: TID251 - a raw client against the forge
import pytest
import uvicorn
from starlette.types import ASGIApp

from caloron_actors.git import Git
from caloron_actors.localforge import LocalForge

GIT = shutil.which("git") or "git"
START = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)


class Clock:
    """A wall clock that only tests move."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now

    def forward(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)


class Tokens:
    """Numbered tokens."""

    def __init__(self) -> None:
        self._given = 0

    def __call__(self) -> str:
        self._given += 1
        return f"token{self._given:04}"


class Server(uvicorn.Server):
    """Uvicorn inside the test's own task group; signals stay pytest's."""

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield


@dataclass
class Running:
    """A served forge and the tokens of its users."""

    forge: LocalForge
    url: str
    socket: Path
    tokens: dict[str, str]
    clock: Clock

    def client(self, login: str | None = "author", *, prefix: str = "") -> httpx.AsyncClient:
        """A client over TCP that sends the login's token."""
        headers = {} if login is None else {"authorization": f"Bearer {self.tokens[login]}"}
        return httpx.AsyncClient(base_url=self.url + prefix, headers=headers, trust_env=False, timeout=30)

    def remote(self, login: str, repository: str = "local/demo") -> str:
        """The address that git pushes to."""
        scheme, _, host = self.url.partition("://")
        return f"{scheme}://{login}:{self.tokens[login]}@{host}/{repository}.git"


def git(where: Path, *args: str, check: bool = True) -> str:
    """Run git as a user would, but without the user's own configuration."""
    env = {
        "PATH": "/usr/bin:/bin:/usr/local/bin",
        "HOME": str(where),
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        **{f"GIT_{role}_NAME": "Tester" for role in ("AUTHOR", "COMMITTER")},
        **{f"GIT_{role}_EMAIL": "tester@example.invalid" for role in ("AUTHOR", "COMMITTER")},
    }
    done = subprocess.run([GIT, *args], cwd=where, env=env, capture_output=True, text=True, check=False)
    if check and done.returncode != 0:
        raise AssertionError(f"git {' '.join(args)}: {done.stderr}")
    return (done.stdout if done.returncode == 0 else done.stderr).strip()


def commit(where: Path, name: str, text: str, message: str = "Change") -> str:
    """Write a file and commit it; give the commit."""
    (where / name).write_text(text)
    git(where, "add", name)
    git(where, "commit", "-qm", message)
    return git(where, "rev-parse", "HEAD")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A user's repository with one commit on main."""
    path = tmp_path / "source"
    path.mkdir()
    git(path, "init", "-q", "-b", "main")
    commit(path, "README.md", "one\ntwo\nthree\n", "Start")
    return path


@pytest.fixture
async def found_git() -> Git:
    return await Git.find()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def forge(tmp_path: Path, found_git: Git, clock: Clock) -> AsyncIterator[LocalForge]:
    async with LocalForge.open(tmp_path / "forge", found_git, wall=clock, token=Tokens()) as opened:
        yield opened


async def set_up(forge: LocalForge, source: Path) -> dict[str, str]:
    """Three users and one repository with `main`; `guest` may only read."""
    tokens = {login: await forge.ensure_user(login) for login in ("author", "reviewer", "guest")}
    await forge.ensure_repository("local/demo", owner_login="author", default_branch="main")
    await forge.grant("local/demo", "reviewer", "write")
    await forge.import_branch("local/demo", source, "main")
    return tokens


@pytest.fixture
async def running(forge: LocalForge, source: Path, tmp_path: Path, clock: Clock) -> AsyncIterator[Running]:
    tokens = await set_up(forge, source)
    path = tmp_path / "forge.sock"
    tcp = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    unix = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    with tcp, unix:
        tcp.bind(("127.0.0.1", 0))
        unix.bind(str(path))
        for each in (tcp, unix):
            each.listen(64)
        server = made_server(forge.app)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(server.serve, [tcp, unix])
            yield Running(forge, f"http://127.0.0.1:{tcp.getsockname()[1]}", path, tokens, clock)
            server.should_exit = True


def made_server(app: ASGIApp) -> Server:
    """A quiet server."""
    config = uvicorn.Config(
        app, log_config=None, access_log=False, lifespan="off", timeout_graceful_shutdown=2
    )
    return Server(config)


class Branch(Protocol):
    """Makes a branch with one commit that writes a file (default: of the branch's name); gives the commit."""

    def __call__(
        self, name: str, text: str, *, file: str | None = None, message: str = "Change", base: str = "main"
    ) -> str: ...


@pytest.fixture
async def branch(running: Running, tmp_path: Path) -> Branch:
    """Pushes new branches by path, past the forge."""
    clone = tmp_path / "clone"

    def make(
        name: str, text: str, *, file: str | None = None, message: str = "Change", base: str = "main"
    ) -> str:
        repository = running.forge.repository_path("local/demo")
        if not clone.exists():
            git(tmp_path, "clone", "-q", str(repository), "clone")
        git(clone, "fetch", "-q", "origin")
        git(clone, "checkout", "-q", "-B", name, f"origin/{base}")
        sha = commit(clone, file or f"{name.replace('/', '-')}.txt", text, message)
        git(clone, "push", "-q", "-f", "origin", name)
        return sha

    return make
