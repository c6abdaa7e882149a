"""A server inside our own task group: it leaves signals alone, ends in time, and leaves no socket behind."""

import signal
from pathlib import Path

import anyio
import pytest
from anyio.abc import SocketStream
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from caloron_actors.adapters.http import bind_tcp, bind_unix, embedding, serve_asgi
from caloron_actors.ports.errors import Unavailable


class Site:
    """Pages that answer at once, when told, and never."""

    def __init__(self) -> None:
        self.asked = anyio.Event()
        self.go_on = anyio.Event()
        self.cut = False
        pages = (("/now", self.now), ("/later", self.later), ("/never", self.never))
        self.app = Starlette(routes=[Route(path, page) for path, page in pages])

    async def now(self, _: Request) -> Response:
        return PlainTextResponse("now")

    async def later(self, _: Request) -> Response:
        self.asked.set()
        await self.go_on.wait()
        return PlainTextResponse("later")

    async def never(self, _: Request) -> Response:
        self.asked.set()
        try:
            await anyio.sleep_forever()
        finally:
            self.cut = True
        return PlainTextResponse("never")


async def read(stream: SocketStream, page: str) -> bytes:
    async with stream:
        await stream.send(f"GET /{page} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        received = b""
        try:
            async for chunk in stream:
                received += chunk
        except anyio.BrokenResourceError:
            return b"cut"
    return received.rpartition(b"\r\n\r\n")[2]


async def test_one_application_on_both_kinds_of_socket(tmp_path: Path) -> None:
    handlers = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    tcp, unix = bind_tcp("127.0.0.1", 0), bind_unix(tmp_path / "web.sock", 0o600)
    port = tcp.getsockname()[1]
    async with anyio.create_task_group() as group:
        await group.start(serve_asgi, Site().app, [tcp, unix])
        assert await read(await anyio.connect_tcp("127.0.0.1", port), "now") == b"now"
        assert await read(await anyio.connect_unix(tmp_path / "web.sock"), "now") == b"now"
        assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == handlers
        group.cancel_scope.cancel()
    assert tcp.fileno() == unix.fileno() == -1
    assert not await anyio.Path(tmp_path / "web.sock").exists()


async def test_a_request_under_way_is_finished() -> None:
    site, tcp = Site(), bind_tcp("127.0.0.1", 0)
    port = tcp.getsockname()[1]
    bodies: list[bytes] = []

    async def ask() -> None:
        bodies.append(await read(await anyio.connect_tcp("127.0.0.1", port), "later"))

    async with anyio.create_task_group() as clients, anyio.create_task_group() as group:
        await group.start(serve_asgi, site.app, [tcp])
        clients.start_soon(ask)
        await site.asked.wait()
        group.cancel_scope.cancel()
        site.go_on.set()
    assert bodies == [b"later"]


async def test_a_request_that_never_ends_is_cut() -> None:
    site, tcp = Site(), bind_tcp("127.0.0.1", 0)
    port = tcp.getsockname()[1]
    bodies: list[bytes] = []

    async def ask() -> None:
        bodies.append(await read(await anyio.connect_tcp("127.0.0.1", port), "never"))

    with anyio.fail_after(embedding.STOP_SECONDS + 5):
        async with anyio.create_task_group() as clients:
            async with anyio.create_task_group() as group:
                await group.start(serve_asgi, site.app, [tcp])
                clients.start_soon(ask)
                await site.asked.wait()
                group.cancel_scope.cancel()
            assert site.cut
    assert len(bodies) == 1
    assert bodies[0] != b"never"


async def test_a_server_that_cannot_start_says_so() -> None:
    tcp = bind_tcp("127.0.0.1", 0)
    tcp.close()
    with pytest.raises(Unavailable, match="server ended"):
        await serve_asgi(Site().app, [tcp])


async def test_small_answers_are_not_delayed() -> None:
    """asyncio turns Nagle's algorithm off only for sockets made with TCP's protocol number."""
    tcp = bind_tcp("localhost", 0)
    assert tcp.proto == 6
    tcp.close()
