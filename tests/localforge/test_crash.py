"""Killed at any of its steps, a write is found whole or not at all when the forge is opened again."""

import asyncio
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from caloron_actors.git import Git
from caloron_actors.localforge import LocalForge
from tests.localforge.conftest import GIT, Clock, Tokens, commit, git

# The process under test: it opens the forge, serves itself in process, and kills itself at the named step.
PROGRAM = """
import os, signal, sys
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import anyio
import httpx

from caloron_actors.git import Git
from caloron_actors.localforge import LocalForge

cut, directory, source = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])

def reached(step):
    if step == cut:
        os.kill(os.getpid(), signal.SIGKILL)

@dataclass(frozen=True)
class Cut(Git):
    async def update_ref(self, git_dir, ref, new, expected):
        reached("before the ref")
        await super().update_ref(git_dir, ref, new, expected)
        reached("after the ref")

    async def init_bare(self, path, *, initial_branch):
        reached("before the directory")
        await super().init_bare(path, initial_branch=initial_branch)
        reached("after the directory")

    @asynccontextmanager
    async def stream(self, *args, **where):
        reached("before the push")
        async with super().stream(*args, **where) as running:
            yield running
        reached("after the push")

async def main():
    git = Cut((await Git.find()).executable)
    wall = lambda: datetime(2026, 3, 1, 12, 30, tzinfo=UTC)
    async with LocalForge.open(directory, git, wall=wall, token=lambda: "unused") as forge:
        if "directory" in cut:
            await forge.ensure_repository("local/second", owner_login="author", default_branch="main")
        token = await forge.ensure_user("author")
        transport = httpx.ASGITransport(forge.app)
        headers = {"authorization": f"Bearer {token}"}
        async with httpx.AsyncClient(transport=transport, base_url="http://forge", headers=headers) as client:
            if "push" in cut:
                await client.post("/local/demo.git/git-receive-pack", content=source.read_bytes(),
                                  headers={"content-type": "application/x-git-receive-pack-request"})
            await client.put("/repos/local/demo/pulls/2/merge")
        reached("at the end")

anyio.run(main)
"""


@dataclass
class World:
    """A forge with an issue and a pull request that closes it, and what the test may do with it."""

    directory: Path
    found: Git
    head: str
    moved: str

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[LocalForge]:
        async with LocalForge.open(self.directory, self.found, wall=Clock(), token=Tokens()) as forge:
            yield forge

    async def killed_at(self, step: str, push: bytes = b"") -> None:
        """Let a process do its work and be killed at `step`."""
        body = self.directory.parent / "push"
        body.write_bytes(push)
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            PROGRAM,
            step,
            str(self.directory),
            str(body),
            stderr=subprocess.PIPE,
        )
        _, err = await process.communicate()
        assert process.returncode == -9, err.decode()

    def rows(self, sql: str) -> list[tuple[object, ...]]:
        """Ask the closed database."""
        db = sqlite3.connect(self.directory / "forge.db")
        try:
            return db.execute(sql).fetchall()
        finally:
            db.close()

    def ref(self, name: str) -> str:
        return git(self.directory / "repositories/local/demo.git", "rev-parse", name)

    def in_step(self) -> None:
        """No plan is left, and each open or merged pull request's row fits its branches."""
        assert self.rows("SELECT * FROM intents") == []
        ((state, head, merge),) = self.rows(
            "SELECT state, head_sha, merge_sha FROM pulls JOIN issues ON issues.id = issue_id"
        )
        assert head == self.ref("feature")
        if state == "closed":
            assert merge == self.ref("main")
        else:
            assert merge is None


@pytest.fixture
async def world(tmp_path: Path, found_git: Git, source: Path) -> World:
    import httpx  # noqa: PLC0415, TID251 - a raw client against the forge

    git(source, "checkout", "-qb", "feature")
    head = commit(source, "feature.txt", "x\n")
    moved = commit(source, "feature.txt", "y\n")
    made = World(tmp_path / "forge", found_git, head, moved)
    async with made.opened() as forge:
        token = await forge.ensure_user("author")
        await forge.ensure_repository("local/demo", owner_login="author", default_branch="main")
        await forge.import_branch("local/demo", source, "main")
        git(source, "branch", "-f", "keep", moved)
        git(source, "reset", "-q", "--hard", head)
        await forge.import_branch("local/demo", source, "feature")
        headers = {"authorization": f"Bearer {token}"}
        transport = httpx.ASGITransport(forge.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://f", headers=headers) as client:
            await client.post("/repos/local/demo/issues", json={"title": "One"})
            asked = {"title": "F", "head": "feature", "base": "main", "body": "Closes #1"}
            await client.post("/repos/local/demo/pulls", json=asked)
    return made


def states(world: World) -> list[object]:
    return [state for (state,) in world.rows("SELECT state FROM issues ORDER BY number")]


async def test_a_merge_whose_ref_did_not_move_is_dropped(world: World) -> None:
    main = world.ref("main")
    await world.killed_at("before the ref")
    assert len(world.rows("SELECT * FROM intents")) == 1
    async with world.opened():
        pass
    world.in_step()
    assert world.ref("main") == main
    assert states(world) == ["open", "open"]
    assert world.rows("SELECT * FROM events") == []


async def test_a_merge_whose_ref_moved_is_completed(world: World) -> None:
    await world.killed_at("after the ref")
    assert states(world) == ["open", "open"]
    for _ in range(2):
        async with world.opened():
            pass
        world.in_step()
        assert states(world) == ["closed", "closed"]
        assert world.rows("SELECT state_reason, closed_by_id IS NULL FROM issues WHERE number = 1") == [
            ("completed", 0)
        ]
        assert world.rows("SELECT count(*) FROM events WHERE kind = 'merged'") == [(1,)]


async def test_a_whole_merge_stays(world: World) -> None:
    await world.killed_at("at the end")
    async with world.opened():
        pass
    world.in_step()
    assert states(world) == ["closed", "closed"]


@pytest.mark.parametrize("step", ["before the push", "after the push"])
async def test_a_push_is_followed_by_the_rows(world: World, source: Path, step: str) -> None:
    await world.killed_at(step, _push_request(source, world.head, world.moved))
    async with world.opened():
        pass
    world.in_step()
    assert world.ref("feature") == (world.moved if step == "after the push" else world.head)


@pytest.mark.parametrize("step", ["before the directory", "after the directory"])
async def test_a_repository_is_made_whole_or_not(world: World, step: str) -> None:
    await world.killed_at(step)
    async with world.opened() as forge:
        assert forge.repositories() == ["local/demo"]
        assert not (world.directory / "repositories/local/second.git").exists()
        path = await forge.ensure_repository("local/second", owner_login="author", default_branch="main")
        assert (path / "HEAD").read_text() == "ref: refs/heads/main\n"


async def test_locks_that_a_killed_git_left_are_removed(world: World) -> None:
    repository = world.directory / "repositories/local/demo.git"
    for name in ("refs/heads/main.lock", "packed-refs.lock", "objects/pack/tmp_pack_x"):
        (repository / name).touch()
    quarantine = repository / "objects" / "tmp_objdir-incoming-x"  # as git names it since 2.35
    (quarantine / "pack").mkdir(parents=True)
    await world.killed_at("at the end")
    assert states(world) == ["closed", "closed"]
    assert not list(repository.rglob("*.lock"))
    assert not quarantine.exists()


def _push_request(source: Path, old: str, new: str) -> bytes:
    """The body of a push of `feature`, as git would send it."""
    command = f"{old} {new} refs/heads/feature\0report-status\n".encode()
    pack = subprocess.run(
        [GIT, "pack-objects", "--revs", "--stdout", "-q"],
        cwd=source,
        input=f"{new}\n^{old}\n".encode(),
        capture_output=True,
        check=True,
    ).stdout
    return f"{len(command) + 4:04x}".encode() + command + b"0000" + pack
