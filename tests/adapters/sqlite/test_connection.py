"""One thread hop for each piece of work: pinned here, because it leans on a private part of aiosqlite."""

import sqlite3
import subprocess
import sys
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import anyio
import anyio.lowlevel
import pytest
from anyio.abc import TaskStatus

from caloron_actors.adapters.sqlite.connection import Hops
from caloron_actors.adapters.sqlite.files import prepare
from caloron_actors.adapters.sqlite.grouping import GroupCommit
from caloron_actors.ports.errors import Rejected, Unavailable

SCHEMA = ("CREATE TABLE numbers (n INTEGER PRIMARY KEY) STRICT;",)
ALL = "SELECT n FROM numbers ORDER BY n"


@pytest.fixture
async def hops(tmp_path: Path) -> AsyncIterator[Hops]:
    path = tmp_path / "test.db"
    prepare(path, SCHEMA)
    async with Hops.open(path) as opened:
        yield opened


def numbers(connection: sqlite3.Connection) -> list[int]:
    return [number for (number,) in connection.execute(ALL)]


def pragma(connection: sqlite3.Connection, name: str) -> object:
    return connection.execute(f"PRAGMA {name}").fetchone()[0]


class Insert:
    """Puts a number in, and fails afterwards where it is told to."""

    def __init__(self, number: int, error: Exception | None = None) -> None:
        self.number = number
        self.error = error

    def __call__(self, connection: sqlite3.Connection) -> int:
        connection.execute("INSERT INTO numbers VALUES (?)", (self.number,))
        if self.error is not None:
            raise self.error
        return self.number


async def test_work_runs_in_one_thread_that_does_not_hold_up_the_interpreter(hops: Hops) -> None:
    threads = [await hops.run(lambda _: threading.current_thread()) for _ in range(3)]
    assert len(set(threads)) == 1
    assert threads[0] is not threading.current_thread()
    assert threads[0].daemon


async def test_the_settings_that_durability_rests_on(hops: Hops) -> None:
    assert await hops.run(lambda found: pragma(found, "journal_mode")) == "wal"
    assert await hops.run(lambda found: pragma(found, "synchronous")) == 2
    assert await hops.run(lambda found: pragma(found, "foreign_keys")) == 1
    assert await hops.run(lambda found: pragma(found, "busy_timeout")) == 5000
    assert await hops.run(lambda found: found.isolation_level) is None


async def test_what_work_raises_comes_back(hops: Hops) -> None:
    def broken(_: sqlite3.Connection) -> None:
        raise KeyError("x")

    with pytest.raises(KeyError):
        await hops.run(broken)
    assert await hops.run(numbers) == []


async def test_cancelling_the_caller_does_not_cut_a_transaction(hops: Hops) -> None:
    begun, go_on = threading.Event(), threading.Event()
    writes = GroupCommit(hops)

    def slow(connection: sqlite3.Connection) -> None:
        begun.set()
        assert go_on.wait(10)
        Insert(1)(connection)

    async def caller(*, task_status: TaskStatus[anyio.CancelScope]) -> None:
        with anyio.CancelScope() as scope:
            task_status.started(scope)
            await writes.write(slow)

    async with anyio.create_task_group() as group:
        scope = await group.start(caller)
        await anyio.to_thread.run_sync(begun.wait)
        scope.cancel()
        go_on.set()
    assert await hops.run(numbers) == [1]
    assert not await hops.run(lambda found: found.in_transaction)


async def test_writes_that_wait_together_share_a_transaction_but_no_fate(hops: Hops) -> None:
    begun, go_on = threading.Event(), threading.Event()
    writes = GroupCommit(hops)
    commits: list[str] = []
    outcomes: dict[int, str] = {}

    def hold(_: sqlite3.Connection) -> None:
        begun.set()
        assert go_on.wait(10)

    async def write(number: int) -> None:
        error = {3: Rejected("no"), 5: KeyError("bug")}.get(number)
        try:
            outcomes[number] = str(await writes.write(Insert(number, error)))
        except (Rejected, KeyError) as caught:
            outcomes[number] = type(caught).__name__

    def listen(connection: sqlite3.Connection) -> None:
        connection.set_trace_callback(lambda sql: commits.append(sql) if sql == "COMMIT" else None)

    await hops.run(listen)
    async with anyio.create_task_group() as group:
        group.start_soon(writes.write, hold)
        await anyio.to_thread.run_sync(begun.wait)
        for number in range(8):
            group.start_soon(write, number)
        await anyio.wait_all_tasks_blocked()
        go_on.set()
    assert outcomes == {0: "0", 1: "1", 2: "2", 3: "Rejected", 4: "4", 5: "KeyError", 6: "6", 7: "7"}
    assert await hops.run(numbers) == [0, 1, 2, 4, 6, 7]
    assert len(commits) == 2


async def test_a_full_disk_fails_the_writes_and_leaves_no_transaction(hops: Hops) -> None:
    writes = GroupCommit(hops)

    def shrink(connection: sqlite3.Connection) -> None:
        connection.execute(f"PRAGMA max_page_count = {pragma(connection, 'page_count')}")

    def fill(connection: sqlite3.Connection) -> None:
        for number in range(100_000):
            Insert(number)(connection)

    await hops.run(shrink)
    with pytest.raises(Unavailable, match="full") as failure:
        await writes.write(fill)
    assert not failure.value.ambiguous
    assert not await hops.run(lambda found: found.in_transaction)
    assert await writes.write(Insert(7)) == 7
    assert await hops.run(numbers) == [7]


async def test_a_broken_constraint_is_rejected(hops: Hops) -> None:
    writes = GroupCommit(hops)
    await writes.write(Insert(1))
    with pytest.raises(Rejected):
        await writes.write(Insert(1))


async def test_a_loop_that_is_never_idle_does_not_starve_the_writer(hops: Hops) -> None:
    """A thread asks for the interpreter only after a switch interval, here longer than the test may take."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(60.0)
    writes = GroupCommit(hops)

    async def burn() -> None:
        while True:
            sum(range(20_000))
            await anyio.lowlevel.checkpoint()

    try:
        async with anyio.create_task_group() as group:
            group.start_soon(burn)
            with anyio.fail_after(30):
                assert [await writes.write(Insert(number)) for number in range(20)] == list(range(20))
            group.cancel_scope.cancel()
    finally:
        sys.setswitchinterval(before)
    assert await hops.run(numbers) == list(range(20))


async def test_a_closed_connection_says_so(tmp_path: Path) -> None:
    path = tmp_path / "test.db"
    prepare(path, SCHEMA)
    async with Hops.open(path) as hops:
        pass
    with pytest.raises(Unavailable):
        await hops.run(numbers)


async def test_a_missing_file_is_not_made_by_opening(tmp_path: Path) -> None:
    with pytest.raises(Unavailable):
        async with Hops.open(tmp_path / "none.db"):
            pass
    assert [file async for file in anyio.Path(tmp_path).iterdir()] == []


STUCK = """
import sys, threading, anyio
from pathlib import Path
from caloron_actors.adapters.sqlite import connection
from caloron_actors.adapters.sqlite.files import prepare
async def main():
    path = Path(sys.argv[1])
    prepare(path, ("CREATE TABLE t (x ANY) STRICT;",))
    async with connection.Hops.open(path) as hops:
        async with anyio.create_task_group() as group:
            begun = threading.Event()
            group.start_soon(hops.run, lambda _: begun.set() or threading.Event().wait())
            await anyio.to_thread.run_sync(begun.wait)
            group.cancel_scope.cancel()
connection.CLOSE_SECONDS = connection.HOP_SECONDS = 0.2
try:
    anyio.run(main)
except* Exception as group:
    print(group.exceptions)
print("ended", flush=True)
"""


def test_a_hung_disk_does_not_hold_the_interpreter(tmp_path: Path) -> None:
    argv = [sys.executable, "-c", STUCK, str(tmp_path / "stuck.db")]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=30, check=True)
    assert done.stdout.splitlines()[-1] == "ended"
