"""One git process: started in a group of its own, fed, drained and ended. Knows nothing of what git does."""

import os
import signal
import tempfile
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from subprocess import PIPE
from typing import IO, TypeVar

import anyio
import msgspec
from anyio.abc import ByteReceiveStream, ByteSendStream, Process

_GRACE_SECONDS = 5.0
_STDERR_KEPT = 64 * 1024

Part = TypeVar("Part", ByteSendStream, ByteReceiveStream, Process)


class Finished(msgspec.Struct, frozen=True):
    """A git process that ended. `code` is negative for a signal; `stderr`: its end, at most 64 KiB."""

    code: int
    stdout: bytes
    stderr: str


class Stream:
    """A running git process with open pipes. Close `stdin` when all is sent; read `stdout` to its end."""

    def __init__(
        self, process: Process, stdin: ByteSendStream, stdout: ByteReceiveStream, err: IO[bytes]
    ) -> None:
        self.stdin = stdin
        self.stdout = stdout
        self._process = process
        self._err = err

    async def wait(self) -> int:
        """Wait for the exit status, negative for a signal. Read `stdout` to its end first."""
        return await self._process.wait()

    def errors(self) -> str:
        """The end of what the process has written to stderr so far."""
        size = self._err.seek(0, os.SEEK_END)
        self._err.seek(max(0, size - _STDERR_KEPT))
        return self._err.read().decode(errors="replace")


@asynccontextmanager
async def stream(argv: Sequence[str], env: Mapping[str, str], cwd: Path) -> AsyncGenerator[Stream, None]:
    """Run a process whose input and output are passed on piece by piece; leaving the block ends it."""
    with tempfile.TemporaryFile() as err:
        async with _running(argv, env, cwd, err) as process:
            yield Stream(process, _opened(process.stdin), _opened(process.stdout), err)


async def run(argv: Sequence[str], env: Mapping[str, str], cwd: Path, stdin: bytes) -> Finished:
    """Run a process to its end. When cancelled, the process and its children are ended first."""
    out = bytearray()
    err = bytearray()
    async with _running(argv, env, cwd, PIPE) as process:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_feed, _opened(process.stdin), stdin)
            tasks.start_soon(_drain, _opened(process.stdout), out, None)
            tasks.start_soon(_drain, _opened(process.stderr), err, _STDERR_KEPT)
        code = await process.wait()
    return Finished(code=code, stdout=bytes(out), stderr=err.decode(errors="replace"))


@asynccontextmanager
async def _running(
    argv: Sequence[str], env: Mapping[str, str], cwd: Path, stderr: int | IO[bytes]
) -> AsyncGenerator[Process, None]:
    process: Process | None = None
    # Cancelled while it starts, a process would be killed outright and leave its lock files.
    with anyio.CancelScope(shield=True):
        process = await anyio.open_process(
            list(argv), stdin=PIPE, stdout=PIPE, stderr=stderr, env=dict(env), cwd=cwd, start_new_session=True
        )
    process = _opened(process)
    try:
        yield process
    finally:
        with anyio.CancelScope(shield=True):
            await _end(process)


def _opened(part: Part | None) -> Part:
    if part is None:
        raise RuntimeError("a process or pipe that was asked for is missing")
    return part


async def _end(process: Process) -> None:
    # TERM first: git then removes its lock files and temporary objects.
    if process.returncode is None and process.stdin is not None:
        await process.stdin.aclose()
    if process.returncode is None:
        _signal_group(process, signal.SIGTERM)
        with anyio.move_on_after(_GRACE_SECONDS):
            await process.wait()
    if process.returncode is None:
        _signal_group(process, signal.SIGKILL)
    await process.aclose()


def _signal_group(process: Process, number: signal.Signals) -> None:
    try:
        os.killpg(process.pid, number)
    except (ProcessLookupError, PermissionError):
        return


async def _feed(pipe: ByteSendStream, content: bytes) -> None:
    try:
        if content:
            await pipe.send(content)
    except (anyio.BrokenResourceError, anyio.ClosedResourceError):
        pass  # The process ended without reading everything; its exit status tells why.
    finally:
        with anyio.CancelScope(shield=True):
            await pipe.aclose()


async def _drain(pipe: ByteReceiveStream, into: bytearray, keep: int | None) -> None:
    async for chunk in pipe:
        into += chunk
        if keep is not None and len(into) > keep:
            del into[: len(into) - keep]
