"""The service's one SQLite connection: whole pieces of work in one thread hop each, and a close that always ends."""

import asyncio
import sqlite3
import threading
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, TypeVar, cast

import aiosqlite
import anyio
import anyio.to_thread

from caloron_actors.adapters.sqlite.files import connect
from caloron_actors.adapters.sqlite.guard import Guard
from caloron_actors.adapters.sqlite.trouble import is_damage, refused, translated
from caloron_actors.ports.errors import Unavailable

T = TypeVar("T")

CLOSE_SECONDS = 5.0
HOP_SECONDS = 30.0
"""Longest wait for one piece of work. A healthy one takes milliseconds, a busy file BUSY_SECONDS at most."""
GRACE, LONGEST_GRACE = 0.001, 0.004
WAY = 0.002
"""Seconds between the loop's turns to give way, at first and at most, and how long it then stands still."""


class OneHop(aiosqlite.Connection):
    """The one place that leans on private parts of aiosqlite; a test pins them.

    It has no public call for many statements in one hop, and none for a thread that lets the interpreter end.
    """

    def __init__(self, connector: Callable[[], sqlite3.Connection]) -> None:
        super().__init__(connector, iter_chunk_size=64)
        self._thread.daemon = True

    async def hop(self, work: Callable[[], T]) -> T:
        """Run `work` in the connection's thread."""
        execute = cast("Any", self)._execute  # noqa: SLF001  # our own, but aiosqlite leaves it untyped
        result: T = await execute(work)
        return result

    def later(self, work: Callable[[], None]) -> None:
        """Run `work` in the connection's thread after all that was asked for before; nobody waits for it."""
        queue = cast("Any", self)._tx  # noqa: SLF001  # as above
        queue.put_nowait((None, work))

    def join(self) -> None:
        """Wait until the thread has ended, at most CLOSE_SECONDS."""
        self._thread.join(CLOSE_SECONDS)


class GivingWay:
    """Lets the connection's thread have the interpreter while the loop is never idle.

    A thread gets it only after the loop has held it for a whole switch interval, and every poll of the loop begins that
    anew, so beside a busy loop a commit takes hundreds of milliseconds. So a piece of work that is not done within GRACE is
    waited for, WAY at a time and more and more rarely, so that a slow disk leaves most of the time to the loop.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._working = threading.Lock()  # much cheaper than an event
        self._working.acquire()
        self._grace = GRACE
        self._timer = loop.call_later(GRACE, self._give)

    def during(self, work: Callable[[], T]) -> T:
        """Run `work` in the connection's thread, and tell when it is done."""
        try:
            return work()
        finally:
            self._working.release()

    def end(self) -> None:
        """The work's answer has arrived, or is waited for no more."""
        self._timer.cancel()

    def _give(self) -> None:
        if not self._working.acquire(timeout=WAY):
            self._grace = min(self._grace * 2, LONGEST_GRACE)
            self._timer = self._loop.call_later(self._grace, self._give)


class Hops:
    """Runs functions on the connection, one after another, in the connection's own thread."""

    _guard: Guard | None = None

    def __init__(self, path: Path) -> None:
        self.path = path
        self._native: sqlite3.Connection | None = None
        self._thread = OneHop(self._connect)

    def _connect(self) -> sqlite3.Connection:
        native = connect(self.path, "rw")
        guard: Guard | None = None
        try:
            (mode,) = native.execute("PRAGMA journal_mode = WAL").fetchone()
            if mode != "wal":
                raise refused(
                    self.path,
                    "is on a file system without shared memory",
                    "use a local disk for the state directory",
                )
            native.execute("PRAGMA synchronous = FULL")
            native.execute("PRAGMA foreign_keys = ON")
            native.execute("PRAGMA user_version").fetchone()  # opens the log, which its close then removes
            guard = Guard(self.path)
            guard.watch()
        except BaseException:
            if guard is not None:
                guard.unpin()
            native.close()
            if guard is not None:
                guard.close()
            raise
        self._guard = guard
        self._native = native
        return native

    @classmethod
    @asynccontextmanager
    async def open(cls, path: Path) -> AsyncGenerator["Hops", None]:
        """Open the prepared file at `path` and close it at the end, within CLOSE_SECONDS, also when cancelled."""
        hops = cls(path)
        try:
            with anyio.CancelScope(shield=True):
                await hops._start()
            yield hops
        finally:
            hops._native = None
            with anyio.move_on_after(CLOSE_SECONDS, shield=True):
                await hops._close()

    async def _close(self) -> None:
        guard = self._guard
        if guard is None:
            await self._thread.close()
            return
        try:
            self._thread.later(guard.unpin)
            await self._thread.close()
        finally:
            guard.close()

    async def _start(self) -> None:
        try:
            await self._thread
        except BaseException as error:
            # The thread ends by itself after a failed connect; its last answer must not find the loop closed.
            await anyio.to_thread.run_sync(self._thread.join)
            if isinstance(error, sqlite3.Error):
                raise translated(self.path, error) from error
            raise

    async def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run `work` to its end in the connection's thread, whether or not the caller is cancelled meanwhile.

        `work` must leave no transaction open. Raises what `work` raises, `StateUnusable` when the file is no longer the
        one that was opened, and `Unavailable` (ambiguous) when it has
        not ended in HOP_SECONDS.
        """
        native = self._native
        if native is None:
            raise Unavailable(f"{self.path} is not open", ambiguous=False)
        way = GivingWay(asyncio.get_running_loop())
        try:
            with anyio.fail_after(HOP_SECONDS, shield=True):
                return await self._thread.hop(partial(way.during, partial(self._guarded, work, native)))
        except TimeoutError as error:
            raise Unavailable(f"{self.path} does not answer", ambiguous=True) from error
        finally:
            way.end()

    def later(self, work: Callable[[sqlite3.Connection], None]) -> None:
        """Run `work` once all that was asked for before is done. Nobody waits for it, so it has to keep its failures."""
        if self._native is not None:
            self._thread.later(partial(work, self._native))

    def _guarded(self, work: Callable[[sqlite3.Connection], T], native: sqlite3.Connection) -> T:
        if self._guard is None:
            return work(native)
        self._guard.check()
        try:
            return work(native)
        except sqlite3.Error as error:
            if is_damage(error):
                self._guard.distrust()
            raise
