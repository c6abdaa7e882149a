"""Runs `git http-backend` for one request: bytes in, a CGI answer out, both piece by piece."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import IO

import anyio
import structlog
from starlette.types import Message, Send

from caloron_actors.git import Stream
from caloron_actors.localforge.state import ForgeState

_CHUNK = 64 * 1024
_HEAD_LIMIT = 64 * 1024
_CONFIG = (
    ("http.receivepack", "true"),
    # Only branches can be pushed. The later entry takes out of the earlier one.
    ("receive.hideRefs", "refs"),
    ("receive.hideRefs", "!refs/heads"),
    # Small pushes become loose objects, larger ones stay the pack they came as.
    ("receive.unpackLimit", "100"),
)
_log = structlog.get_logger(__name__)


class Kept:
    """Holds an answer back until the rows have followed."""

    def __init__(self) -> None:
        self._messages: list[Message] = []

    async def __call__(self, message: Message) -> None:
        self._messages.append(message)

    async def pass_on(self, send: Send) -> None:
        """Send what was held back."""
        for message in self._messages:
            await send(message)


async def run(state: ForgeState, env: dict[str, str], body: IO[bytes], send: Send) -> None:
    """Answer with what the backend says of `body`; `env` holds the CGI variables."""
    root = Path(env["GIT_PROJECT_ROOT"])
    async with state.git.stream("http-backend", config=_CONFIG, extra_env=env, cwd=root) as backend:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_feed, backend, body)
            await _relay(backend, send)
        code = await backend.wait()
    if code != 0:
        _log.warning("localforge_git_backend", code=code, stderr=backend.errors().strip().rpartition("\n")[2])


async def _feed(backend: Stream, body: IO[bytes]) -> None:
    try:
        while chunk := body.read(_CHUNK):
            await backend.stdin.send(chunk)
    except (anyio.BrokenResourceError, anyio.ClosedResourceError):
        pass  # It has read as much as it wants; its answer says why.
    finally:
        with anyio.CancelScope(shield=True):
            await backend.stdin.aclose()


async def _relay(backend: Stream, send: Send) -> None:
    pieces = aiter(backend.stdout)
    status, headers, rest = await _head(pieces)
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": rest, "more_body": True})
    async for piece in pieces:
        await send({"type": "http.response.body", "body": piece, "more_body": True})
    await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _head(pieces: AsyncIterator[bytes]) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
    """The status and headers that a CGI program writes first, and what of the body came with them."""
    read = b""
    async for piece in pieces:
        read += piece
        if b"\r\n\r\n" in read or len(read) > _HEAD_LIMIT:
            break
    head, found, rest = read.partition(b"\r\n\r\n")
    if not found:
        return 500, [(b"content-type", b"text/plain")], b"git http-backend gave no answer\n"
    status = 200
    headers: list[tuple[bytes, bytes]] = []
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"status":
            status = int(value.split()[0])
        else:
            headers.append((name.strip().lower(), value.strip()))
    return status, headers, rest
