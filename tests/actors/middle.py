"""A server between the client and a forge: it passes requests on, and spoils the answer of the next write when told to."""

import socket
import struct
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Literal

import anyio
import anyio.abc

from caloron_actors.adapters.http import bind_tcp

How = Literal["close", "reset", "half", "hold", "500", "503", "408", "html"]
When = Literal["before", "after"]
ANSWERS: dict[How, bytes] = {
    "500": b"HTTP/1.1 500 X\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}",
    "503": b"HTTP/1.1 503 X\r\nContent-Length: 2\r\nRetry-After: 1\r\nConnection: close\r\n\r\n{}",
    "408": b"HTTP/1.1 408 X\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
    "html": b"HTTP/1.1 200 X\r\nContent-Length: 13\r\nConnection: close\r\n\r\n<html></html>",
}


@dataclass
class Middle:
    """`writes`: those that reached the forge. `spoil` is used up by the next one: `after` it was carried out, or not."""

    url: str
    forge: tuple[str, int]
    writes: list[str] = field(default_factory=list)
    spoil: tuple[How, When] | None = None

    def spoil_next(self, spoil: tuple[How, When]) -> None:
        """Spoil the answer of the next write."""
        self.writes.clear()
        self.spoil = spoil

    async def serve(self, stream: anyio.abc.ByteStream) -> None:
        """One request and its answer."""
        async with stream:
            line, request = await _request(stream)
            spoil = None
            if not line.startswith("GET"):
                spoil, self.spoil = self.spoil, None
            if spoil is not None and spoil[1] == "before":
                await _break(stream, spoil[0], b"")
                return
            answer = await self._pass_on(request)
            if not line.startswith("GET"):
                self.writes.append(line)
            if spoil is None:
                await stream.send(answer)
            else:
                await _break(stream, spoil[0], answer)

    async def _pass_on(self, request: bytes) -> bytes:
        answer = b""
        async with await anyio.connect_tcp(*self.forge) as forge:
            await forge.send(request)
            while True:
                try:
                    answer += await forge.receive()
                except anyio.EndOfStream:
                    return answer


@asynccontextmanager
async def middle(url: str) -> AsyncGenerator[Middle, None]:
    """Stand in front of the forge at `url`."""
    host, _, port = url.removeprefix("http://").partition(":")
    bound = bind_tcp("127.0.0.1", 0)
    made = Middle(f"http://127.0.0.1:{bound.getsockname()[1]}", (host, int(port)))
    async with await anyio.abc.SocketListener.from_socket(bound) as door, anyio.create_task_group() as group:
        group.start_soon(door.serve, made.serve)
        yield made
        group.cancel_scope.cancel()


async def _request(stream: anyio.abc.ByteStream) -> tuple[str, bytes]:
    """A whole request, as of a client that sends one and closes."""
    received = b""
    while b"\r\n\r\n" not in received:
        received += await stream.receive()
    head, _, body = received.partition(b"\r\n\r\n")
    line, *fields = head.split(b"\r\n")
    kept = [field for field in fields if not field.lower().startswith(b"connection:")]
    length = next((int(f.split(b":")[1]) for f in fields if f.lower().startswith(b"content-length:")), 0)
    while len(body) < length:
        body += await stream.receive()
    return line.decode(), b"\r\n".join([line, *kept, b"Connection: close", b"", body])


async def _break(stream: anyio.abc.ByteStream, how: How, answer: bytes) -> None:
    if how in ANSWERS:
        await stream.send(ANSWERS[how])
    elif how == "half":
        half = answer or b"HTTP/1.1 201 X\r\nContent-Length: 900\r\n\r\n{}"
        await stream.send(half[: -len(half) // 4])
    elif how == "hold":
        await anyio.sleep_forever()
    elif how == "reset":
        raw = stream.extra(anyio.abc.SocketAttribute.raw_socket)  # noqa: S610 - no Django here
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
