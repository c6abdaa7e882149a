"""The room every test runs in: one backend, nothing beyond loopback, nothing left behind, no blocked loop.

The checks here only look; what a test uses is the real thing.
"""

import asyncio
import ipaddress
import os
import select
import signal
import socket
import sys
import threading
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

GRACE = 5.0
"""Seconds in which what a test has told to end may end."""
BLOCKED = 5.0
"""Seconds for which a callback may keep the loop from turning; a busy machine alone stays far below."""
BEAT = 0.25
"""Seconds between two looks at whether the loop turns."""
_LENT_THREADS = ("AnyIO worker thread", "asyncio_")
"""Idle workers of the loop, which end with it."""


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


class BeyondLoopbackError(RuntimeError):
    """A test wanted to reach another machine."""


def _is_far(host: object) -> bool:
    if not isinstance(host, str):
        return False
    try:
        return not ipaddress.ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return host not in {"", "localhost"}


def _refuse_far(event: str, args: tuple[object, ...]) -> None:
    """An audit hook: it sees what every library does, and an exception from it stops the call."""
    if event in {"socket.connect", "socket.sendto"}:
        sock, address = args
        inet = isinstance(sock, socket.socket) and sock.family in {socket.AF_INET, socket.AF_INET6}
        if inet and isinstance(address, tuple) and _is_far(address[0]):
            raise BeyondLoopbackError(f"{event} to {address[0]!r}: tests stay on loopback")
    elif event in {"socket.getaddrinfo", "socket.gethostbyname"}:
        host = args[0]
        if (
            isinstance(host, str)
            and any(letter.isalpha() for letter in host)
            and ":" not in host
            and _is_far(host)
        ):
            raise BeyondLoopbackError(f"{event} of {host!r}: tests look no names up")


sys.addaudithook(_refuse_far)


def _children() -> dict[int, str]:
    """The living direct children of this process and their names. A zombie has ended."""
    found: dict[int, str] = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            name, _, rest = (entry / "stat").read_text().partition("(")[2].rpartition(")")
        except OSError:
            continue  # ended since the directory was listed
        state, parent = rest.split()[:2]
        if int(parent) == os.getpid() and state not in {"Z", "X"}:
            found[int(entry.name)] = name
    return found


def _ends_soon(pid: int) -> bool:
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([descriptor], [], [], GRACE)[0])
    finally:
        os.close(descriptor)


def _threads() -> set[threading.Thread]:
    """Those that would keep the interpreter from ending, as the thread of an open aiosqlite connection does."""
    return {
        thread
        for thread in threading.enumerate()
        if not thread.daemon and not thread.name.startswith(_LENT_THREADS)
    }


@pytest.fixture
async def loop_of_the_test() -> asyncio.AbstractEventLoop:
    """The loop the test will run on. It rests between a test's fixtures and its call."""
    return asyncio.get_running_loop()


def _open_tasks(loop: asyncio.AbstractEventLoop | None) -> set[asyncio.Task[object]]:
    return set() if loop is None or loop.is_closed() else asyncio.all_tasks(loop)


def _end_tasks(loop: asyncio.AbstractEventLoop, tasks: set[asyncio.Task[object]]) -> Iterator[str]:
    """Let tasks end by themselves, name those that do not, and cancel these."""
    for task in loop.run_until_complete(asyncio.wait(tasks, timeout=GRACE))[1]:
        yield f"task {task.get_name()} ({task.get_coro()!r})"
        task.cancel()


@pytest.fixture(autouse=True)
def nothing_is_left_behind(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail a test that leaves a child process, a thread or (when it is asynchronous) a task."""
    loop: asyncio.AbstractEventLoop | None = None
    if "anyio_backend" in request.fixturenames and request.getfixturevalue("anyio_backend") == "asyncio":
        loop = request.getfixturevalue("loop_of_the_test")
        request.node.stash[_LOOP] = loop
    children, threads, tasks = set(_children()), _threads(), _open_tasks(loop)
    yield
    left: list[str] = []
    if loop is not None and (open_tasks := _open_tasks(loop) - tasks):
        left.extend(_end_tasks(loop, open_tasks))
    for pid, name in _children().items():
        if pid not in children and not _ends_soon(pid):
            left.append(f"child process {pid} ({name})")
            os.kill(pid, signal.SIGKILL)
    for thread in _threads() - threads:
        thread.join(GRACE)
        if thread.is_alive():
            left.append(f"thread {thread.name}")
    if left:
        pytest.fail(f"left behind: {', '.join(left)}", pytrace=False)


_LOOP = pytest.StashKey[asyncio.AbstractEventLoop | None]()


class _Pulse:
    """Beats on a loop and notes the longest time it came late, in seconds."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._due = 0.0
        self._late = 0.0
        self._plan()

    def _plan(self) -> None:
        self._due = self._loop.time() + BEAT
        self._next = self._loop.call_at(self._due, self._beat)

    def _beat(self) -> None:
        self._note()
        self._plan()

    def _note(self) -> None:
        self._late = max(self._late, self._loop.time() - self._due)

    def stop(self) -> float:
        """End the beats; the longest lateness."""
        self._note()
        self._next.cancel()
        return self._late


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Fail an asynchronous test that kept the loop from turning. Only the call counts: between fixtures it rests."""
    loop = item.stash.get(_LOOP, None)
    if loop is None:
        return (yield)
    pulse = _Pulse(loop)
    try:
        outcome = yield
    finally:
        late = pulse.stop()
    if late > BLOCKED:
        pytest.fail(f"the loop was blocked for {late:.1f} s", pytrace=False)
    return outcome
