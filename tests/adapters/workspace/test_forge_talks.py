"""Conversations with the forge's git: over HTTP with a credential, with shallow repositories, and when they fail."""

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import pytest
from anyio.abc import SocketAttribute, SocketStream

from caloron_actors.adapters.workspace import Remote
from caloron_actors.domain.ids import Commit
from caloron_actors.ports.errors import NotFound, PortError, Rejected, Unauthorized, Unavailable
from tests.adapters.workspace.conftest import PLACE, Bench, git

TOKEN = "t0p-s3cret"


@asynccontextmanager
async def answering(status: str, headers: str = "") -> AsyncIterator[tuple[str, list[bytes]]]:
    """An HTTP server on loopback that gives every request the same answer and notes what was asked."""
    asked: list[bytes] = []

    async def answer(client: SocketStream) -> None:
        async with client:
            asked.append(await client.receive())
            await client.send(
                f"HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n{headers}\r\n".encode()
            )

    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    port = listener.extra(SocketAttribute.local_port)  # noqa: S610 - no database here
    async with listener, anyio.create_task_group() as tasks:
        tasks.start_soon(listener.serve, answer)
        yield f"http://127.0.0.1:{port}/local/x.git", asked
        tasks.cancel_scope.cancel()


@pytest.mark.parametrize(
    ("status", "error"),
    [
        ("401 Unauthorized", Unauthorized),
        ("403 Forbidden", Unauthorized),
        ("404 Not Found", NotFound),
        ("500 Internal Server Error", Unavailable),
        ("503 Service Unavailable", Unavailable),
        ("429 Too Many Requests", Unavailable),
    ],
)
async def test_refusals_over_http(bench: Bench, status: str, error: type[PortError]) -> None:
    async with answering(status) as (address, asked):
        workspace = bench.opened(Remote(address, token=TOKEN))
        with pytest.raises(PortError) as failed:
            await workspace.base()
    assert type(failed.value) is error
    word = base64.b64encode(f"caloron:{TOKEN}".encode())
    assert b"Authorization: Basic " + word in asked[0]
    assert TOKEN not in str(failed.value)
    assert word.decode() not in str(failed.value)
    assert TOKEN not in repr(Remote(address, token=TOKEN))
    assert word not in (bench.mirror / "config").read_bytes()


async def test_the_credential_follows_no_redirect(bench: Bench) -> None:
    async with (
        answering("200 OK") as (elsewhere, reached),
        answering("302 Found", f"Location: {elsewhere}/info/refs\r\n") as (address, asked),
    ):
        with pytest.raises(PortError):
            await bench.opened(Remote(address, token=TOKEN)).base()
    assert asked
    assert reached == []


async def test_a_push_that_reached_nobody_is_not_ambiguous(bench: Bench) -> None:
    start = (await bench.fresh()).start
    workspace = bench.opened(Remote("http://127.0.0.1:1/local/x.git"))
    with pytest.raises(Unavailable) as failed:
        await workspace.push(PLACE.branch, start, None)
    assert not failed.value.ambiguous, "nothing was sent"


async def test_a_forge_without_the_repository_or_the_branch(bench: Bench) -> None:
    with pytest.raises(NotFound):
        await bench.opened(Remote(str(bench.outside / "none.git"))).base()
    git(bench.forge, "update-ref", "-d", "refs/heads/main")
    with pytest.raises(NotFound):
        await bench.workspace.base()


async def test_a_forge_that_refuses_the_push(bench: Bench) -> None:
    start = (await bench.fresh()).start
    git(bench.forge, "config", "transfer.hideRefs", "refs/heads/agent")
    with pytest.raises(Rejected):
        await bench.workspace.push(PLACE.branch, start, None)


@pytest.mark.parametrize(
    "branch", ["", "-x", "a b", "a..b", "a:b", "/a", "a/", "x.lock", "@", "a\nb", "é~", "+a:b"]
)
async def test_names_that_are_no_branch(bench: Bench, branch: str) -> None:
    start = await bench.workspace.base()
    with pytest.raises(Rejected):
        await bench.workspace.push(branch, start, None)
    with pytest.raises(Rejected):
        await bench.workspace.remote_head(branch)


async def test_a_branch_of_a_longer_name_is_not_taken_for_it(bench: Bench) -> None:
    bench.human_pushes("refs/heads/topic", {"x": b"x\n"})
    assert await bench.workspace.remote_head("topic") is None
    assert await bench.workspace.remote_head("refs/heads/topic") is not None


def shallow_forge(bench: Bench) -> tuple[Path, Commit]:
    """A bare repository with the last two of many commits."""
    for number in range(4):
        bench.human_pushes("main", {"n": f"{number}\n".encode()})
    path = bench.outside / "shallow.git"
    git(bench.outside, "clone", "--quiet", "--bare", "--depth=2", f"file://{bench.forge}", str(path))
    return path, Commit(git(path, "rev-parse", "main"))


async def test_a_shallow_forge(bench: Bench) -> None:
    path, head = shallow_forge(bench)
    bench.workspace = bench.opened(Remote(str(path)))
    prepared = await bench.fresh()
    assert prepared.start == head
    assert len(bench.agent("log", "--format=%H").splitlines()) == 2
    assert bench.agent("fsck", "--connectivity-only") == ""
    head = bench.agent_commits({"a": b"1\n"})
    assert await bench.collected(prepared.start) == head
    await bench.workspace.push(PLACE.branch, head, None)
    assert git(path, "rev-parse", PLACE.branch) == head
    assert "+1" in await bench.workspace.diff(prepared.base, head)
    rework = await bench.workspace.prepare_rework(PLACE, head, merge_base_in=True)
    assert rework.conflicts == ()
    assert git(path, "fsck") == ""


async def test_many_tasks_talk_at_once(bench: Bench) -> None:
    async with anyio.create_task_group() as tasks:
        for _ in range(4):
            tasks.start_soon(bench.workspace.base)
            tasks.start_soon(bench.workspace.remote_head, "main")
    assert await bench.workspace.base() == git(bench.forge, "rev-parse", "main")
