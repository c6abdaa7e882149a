"""The client against real sockets: where the token goes, what a broken connection means, and every deadline."""

import socket
import struct
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

import anyio
import anyio.abc
import pytest

from caloron_actors.adapters.github import Credential, GitHubForge, Limits
from caloron_actors.adapters.http import bind_tcp, bind_unix
from caloron_actors.domain.ids import AgentId
from caloron_actors.ports.errors import NotFound, Rejected, Unavailable

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
TOKEN = "token-of-the-author"
ISSUE = b'{"number":7,"title":"t","body":null,"state":"open","user":null,"labels":[],"updated_at":"2026-03-01T11:00:00Z"}'
SHORT = Limits(connect=timedelta(seconds=5), read=timedelta(milliseconds=200), total=timedelta(seconds=20))


@dataclass
class Reply:
    """Bytes to answer with, and how the connection ends."""

    raw: bytes
    end: Literal["close", "hold", "reset"] = "close"


@dataclass
class Peer:
    """A server that answers each connection's one request with the next reply, or with 404."""

    url: str
    replies: list[Reply]
    requests: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)

    async def serve(self, stream: anyio.abc.ByteStream) -> None:
        async with stream:
            received = b""
            while b"\r\n\r\n" not in received:
                received += await stream.receive()
            head, _, body = received.partition(b"\r\n\r\n")
            line, *fields = head.decode().split("\r\n")
            headers = {name.lower(): value for name, _, value in (each.partition(": ") for each in fields)}
            while len(body) < int(headers.get("content-length", "0")):
                body += await stream.receive()
            self.requests.append((line.removesuffix(" HTTP/1.1"), headers, body))
            told = self.replies.pop(0) if self.replies else reply(404)
            if told.raw:
                await stream.send(told.raw)
            if told.end == "hold":
                await anyio.sleep_forever()
            if told.end == "reset":
                raw = stream.extra(anyio.abc.SocketAttribute.raw_socket)  # noqa: S610 - no Django here
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def reply(status: int, body: bytes = b"{}", *, length: int | None = None, **headers: str) -> Reply:
    fields = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    size = len(body) if length is None else length
    head = f"HTTP/1.1 {status} X\r\nContent-Length: {size}\r\nConnection: close\r\n{fields}\r\n"
    return Reply(head.encode() + body)


@asynccontextmanager
async def peer(*replies: Reply, listener: socket.socket | None = None) -> AsyncGenerator[Peer, None]:
    bound = listener or bind_tcp("127.0.0.1", 0)
    port = "" if listener is not None else f":{bound.getsockname()[1]}"
    made = Peer(f"http://127.0.0.1{port}", list(replies))
    async with await anyio.abc.SocketListener.from_socket(bound) as door, anyio.create_task_group() as group:
        group.start_soon(door.serve, made.serve)
        yield made
        group.cancel_scope.cancel()


def forge(base_url: str, limits: Limits | None = None, uds: Path | None = None) -> GitHubForge:
    reviewers = {AgentId("rev"): Credential("token-of-the-reviewer")}
    return GitHubForge(base_url, "o/r", Credential(TOKEN), reviewers, lambda: NOW, limits=limits, uds=uds)


async def test_headers_and_token_of_a_request() -> None:
    async with peer(reply(200, ISSUE)) as server, forge(server.url + "/api/v3/") as client:
        seen = await client.issue(7)
    assert (seen.author, seen.body) == (None, "")
    line, headers, _ = server.requests[0]
    assert line == "GET /api/v3/repos/o/r/issues/7"
    assert headers["authorization"] == f"Bearer {TOKEN}"
    assert headers["accept"] == "application/vnd.github+json"
    assert headers["x-github-api-version"] == "2022-11-28"
    assert headers["user-agent"].startswith("caloron-actors/")


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_redirect_to_another_host_is_refused_and_the_token_is_not_sent(status: int) -> None:
    async with peer() as other, peer(reply(status, Location=f"{other.url}/repos/o/r/issues/7")) as server:
        async with forge(server.url) as client:
            with pytest.raises(Rejected, match="not followed") as raised:
                await client.issue(7)
        assert TOKEN not in str(raised.value)
        assert other.requests == []


@pytest.mark.parametrize(
    "place", ["//elsewhere.example/x", "https://127.0.0.1/x", "http://me:pw@{host}/x", "http://["]
)
async def test_redirect_to_another_origin_is_refused(place: str) -> None:
    async with peer() as server:
        server.replies = [reply(302, Location=place.format(host=server.url.removeprefix("http://")))]
        async with forge(server.url) as client:
            with pytest.raises(Rejected):
                await client.issue(7)
        assert len(server.requests) == 1


@pytest.mark.parametrize("status", [301, 307])
async def test_redirect_inside_the_origin_is_followed_for_reads(status: int) -> None:
    async with (
        peer(reply(status, Location="/repositories/1/issues/7"), reply(200, ISSUE)) as server,
        forge(server.url) as client,
    ):
        assert (await client.issue(7)).number == 7
    assert [line for line, _, _ in server.requests] == [
        "GET /repos/o/r/issues/7",
        "GET /repositories/1/issues/7",
    ]
    assert server.requests[1][1]["authorization"] == f"Bearer {TOKEN}"


async def test_redirect_of_a_write_and_endless_redirects_are_refused() -> None:
    async with (
        peer(*(reply(307, Location="/repos/o/r/issues/7") for _ in range(9))) as server,
        forge(server.url) as client,
    ):
        with pytest.raises(Rejected, match="moved") as moved:
            await client.comment(7, "hello")
        with pytest.raises(Rejected, match="redirects"):
            await client.issue(7)
    assert moved.value.code == 307
    assert len(server.requests) == 1 + 5


async def test_next_page_on_another_host_is_refused_and_the_token_is_not_sent() -> None:
    async with peer() as other:
        link = f'<{other.url}/repos/o/r/issues?page=2>; rel="next"'
        async with peer(reply(200, b"[" + ISSUE + b"]", Link=link)) as server, forge(server.url) as client:
            with pytest.raises(Rejected, match="not followed"):
                await client.issues()
        assert other.requests == []


async def test_proxies_of_the_environment_never_see_the_token(monkeypatch: pytest.MonkeyPatch) -> None:
    async with peer() as proxy, peer(reply(200, ISSUE)) as server:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        monkeypatch.setenv("ALL_PROXY", proxy.url)
        async with forge(server.url) as client:
            await client.issue(7)
        assert proxy.requests == []


async def test_cookies_of_one_account_do_not_travel_with_the_next() -> None:
    async with (
        peer(reply(200, ISSUE, Set_Cookie="session=author; Path=/"), reply(200, ISSUE)) as server,
        forge(server.url) as client,
    ):
        await client.issue(7)
        await client.issue(7)
    assert all("cookie" not in headers for _, headers, _ in server.requests)


@pytest.mark.parametrize(
    "answer",
    [
        Reply(b"", "close"),
        Reply(b"", "reset"),
        Reply(b"", "hold"),
        Reply(b"not http at all\r\n\r\n"),
        Reply(b"HTTP/1.1 200 X\r\nContent-Length: 900\r\n\r\n" + ISSUE, "close"),
        Reply(b"HTTP/1.1 200 X\r\nContent-Length: 900\r\n\r\n" + ISSUE, "reset"),
        Reply(b"HTTP/1.1 200 X\r\nContent-Length: 900\r\n\r\n" + ISSUE, "hold"),
        Reply(b"HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n1f\r\n{", "close"),
        reply(200, b'{"number": 7, "ti'),
        reply(200, b"<html>log in first</html>"),
        reply(200, b"[" * 100_000),
        reply(200, b'{"number": "seven"}'),
        reply(200, b"\x1f\x8b broken", Content_Encoding="gzip"),
        reply(500),
        reply(502, b"<html>"),
    ],
)
async def test_a_broken_answer_is_unavailable_and_ambiguous_only_after_a_write(answer: Reply) -> None:
    async with peer(answer, answer) as server, forge(server.url, SHORT) as client:
        with pytest.raises(Unavailable) as read:
            await client.issue(7)
        with pytest.raises(Unavailable) as write:
            await client.create_issue("t", "b", [])
    assert (read.value.ambiguous, write.value.ambiguous) == (False, True)
    assert TOKEN not in f"{read.value}{write.value}"


async def test_a_host_that_does_not_listen_did_nothing() -> None:
    async with peer() as server:
        closed = server.url
    async with forge(closed) as client:
        with pytest.raises(Unavailable) as raised:
            await client.create_issue("t", "b", [])
    assert not raised.value.ambiguous


async def test_the_whole_call_has_a_deadline() -> None:
    limits = Limits(read=timedelta(seconds=60), total=timedelta(milliseconds=200))
    async with peer(Reply(b"HTTP/1.1 200 X\r\n", "hold")) as server, forge(server.url, limits) as client:
        with pytest.raises(Unavailable, match=r"no answer after 0\.2 s") as raised:
            await client.comment(7, "hello")
    assert raised.value.ambiguous


async def test_the_status_counts_when_the_body_of_a_refusal_breaks() -> None:
    broken = Reply(b"HTTP/1.1 404 X\r\nContent-Length: 900\r\n\r\n{", "reset")
    async with peer(broken) as server, forge(server.url) as client:
        with pytest.raises(NotFound):
            await client.comment(7, "hello")


async def test_an_answer_beyond_the_limit_is_not_read() -> None:
    limits = Limits(answer_bytes=1000)
    async with (
        peer(reply(200, b"[" + b" " * 2000 + b"]"), reply(404, b" " * 2000)) as server,
        forge(server.url, limits) as client,
    ):
        with pytest.raises(Unavailable, match="larger than 1000 bytes"):
            await client.issues()
        with pytest.raises(NotFound):
            await client.issues()


@pytest.mark.parametrize("depth", [1, 60])
async def test_over_a_unix_socket(tmp_path: Path, depth: int) -> None:
    path = tmp_path.joinpath(*["sub"] * depth, "forge.sock")
    path.parent.mkdir(parents=True)
    with bind_unix(path, 0o600) as listener:
        async with (
            peer(reply(200, ISSUE), listener=listener) as server,
            forge(server.url, uds=path) as client,
        ):
            assert (await client.issue(7)).number == 7
    async with forge("http://localhost", uds=path) as client:
        with pytest.raises(Unavailable) as raised:
            await client.comment(7, "hello")
    assert not raised.value.ambiguous


async def test_writes_of_one_account_wait_for_each_other_and_reads_are_few_at_once() -> None:
    hold = Reply(b"", "hold")
    async with (
        peer(*[hold] * 20) as server,
        forge(server.url, Limits(reads=2)) as client,
        anyio.create_task_group() as group,
    ):
        for number in (1, 2, 3):
            group.start_soon(client.comment, number, "hello")
            group.start_soon(client.issue, number)
        with anyio.fail_after(10):
            while len(server.requests) < 3:
                await anyio.lowlevel.checkpoint()
        for _ in range(200):
            await anyio.lowlevel.checkpoint()
        group.cancel_scope.cancel()
    methods = sorted(line.split()[0] for line, _, _ in server.requests)
    assert methods == ["GET", "GET", "POST"]


@pytest.mark.parametrize(
    "text",
    ["", "ftp://host", "http://", "http://me:pw@host", "https://host?x=1", "host", "http://h#f"],
)
def test_base_urls_that_cannot_be_one(text: str) -> None:
    with pytest.raises(ValueError, match="base URL"):
        forge(text)


async def test_text_that_is_no_unicode_is_not_sent() -> None:
    async with peer() as server, forge(server.url) as client:
        with pytest.raises(Rejected, match="Unicode"):
            await client.comment(7, "\udcff")
    assert server.requests == []


@pytest.mark.parametrize("token", ["", "two words", "line\n", "ümlaut"])
def test_tokens_that_cannot_be_one_and_a_repr_without_them(token: str) -> None:
    with pytest.raises(ValueError, match="one word"):
        Credential(token)
    assert TOKEN not in repr(Credential(TOKEN, "someone"))
