"""The agents' socket: one JSON message a line, one reply line each. It takes beats and nothing else."""

import errno
import socket
from contextlib import suppress

import anyio
import msgspec
import structlog
from anyio.abc import SocketStream, TaskGroup, TaskStatus
from anyio.streams.buffered import BufferedByteReceiveStream

from caloron_actors.adapters.http.bodies import Unacceptable, decode
from caloron_actors.ports.listening import Beat, Door

LINE_LIMIT = 64 * 1024
CONNECTIONS = 256
READ_SECONDS = 60.0
"""How long a connection may stay silent, or leave a reply unread."""
PAUSE_SECONDS = 0.2
SHORTAGES = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.ECONNABORTED})


class Message(msgspec.Struct, frozen=True, tag_field="type", tag="beat"):
    """A beat as it stands on the line."""

    run: str
    nonce: str
    pid: int
    seq: int
    bytes: int = 0


class Reply(msgspec.Struct, frozen=True, omit_defaults=True):
    """The line that answers a message: `ok`, or `error`, why, and the code that HTTP has for it."""

    status: str
    message: str | None = None
    code: int | None = None


BEAT = msgspec.json.Decoder(Message)
OK = Reply("ok")
STALE = Reply("error", "stale", 409)
"""Of an earlier life: the run is not watched, or the nonce is not that of its claim."""
log = structlog.get_logger()


class AgentsSocket:
    """Serves one listening socket until cancelled."""

    def __init__(
        self, door: Door, *, connections: int = CONNECTIONS, read_seconds: float = READ_SECONDS
    ) -> None:
        self._door = door
        self._limit = connections
        self._read_seconds = read_seconds
        self._open = 0

    async def serve(
        self, listener: socket.socket, *, task_status: TaskStatus[None] = anyio.TASK_STATUS_IGNORED
    ) -> None:
        """Accept connections, at most the limit at once; a further one is told so and closed.

        The listener must not block, and is closed at the end.
        """
        with listener:
            async with anyio.create_task_group() as group:
                task_status.started()
                while True:
                    await self._admit(await accept(listener), group)

    async def _admit(self, connection: socket.socket, group: TaskGroup) -> None:
        # As a plain SocketStream: anyio's own for Unix sockets trips over a receive that is cancelled while data comes.
        stream = await SocketStream.from_socket(connection)
        if self._open >= self._limit:
            group.start_soon(self._turn_away, stream)
            return
        self._open += 1
        group.start_soon(self._talk, stream)

    async def _turn_away(self, stream: SocketStream) -> None:
        async with stream:
            with anyio.move_on_after(1.0), suppress(anyio.BrokenResourceError):
                await _send(stream, Reply("error", "too many connections", 503))

    async def _talk(self, stream: SocketStream) -> None:
        """One connection, from its first line to its end. What goes wrong on it ends it and nothing else."""
        try:
            async with stream:
                lines = BufferedByteReceiveStream(stream)
                more = True
                while more:
                    more = False
                    with anyio.move_on_after(self._read_seconds), suppress(anyio.BrokenResourceError):
                        more = await self._exchange(stream, lines)
        finally:
            self._open -= 1

    async def _exchange(self, stream: SocketStream, lines: BufferedByteReceiveStream) -> bool:
        """Read one line and reply to it. False when it was the last."""
        more = True
        try:
            line = await lines.receive_until(b"\n", LINE_LIMIT)
        except anyio.IncompleteRead:
            line, more = lines.buffer, False
        except anyio.DelimiterNotFound:
            await _send(stream, Reply("error", "line too long", 413))
            return False
        if line.strip():
            await _send(stream, await self._answer(line))
        return more

    async def _answer(self, line: bytes) -> Reply:
        try:
            said = decode(line, BEAT)
        except Unacceptable as error:
            return Reply("error", str(error), error.status)
        beat = Beat(run=said.run, nonce=said.nonce, pid=said.pid, seq=said.seq, bytes=said.bytes)
        try:
            known = await self._door.beat(beat)
        except Exception as error:  # whatever broke: the asker hears of it, and the log
            log.warning("beat_failed", run=beat.run, error=repr(error))
            return Reply("error", "unavailable", 503)
        return OK if known else STALE


async def accept(listener: socket.socket) -> socket.socket:
    """The next connection. While the host is short of descriptors or memory the callers wait."""
    while True:
        await anyio.wait_readable(listener)
        try:
            connection, _ = listener.accept()
        except BlockingIOError:
            continue
        except OSError as error:
            if error.errno not in SHORTAGES:
                raise
            await anyio.sleep(PAUSE_SECONDS)
            continue
        connection.settimeout(0)
        return connection


async def _send(stream: SocketStream, reply: Reply) -> None:
    await stream.send(msgspec.json.encode(reply) + b"\n")
