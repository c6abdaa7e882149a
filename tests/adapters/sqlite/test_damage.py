"""Damage that SQLite meets in the midst of its work, just after the files were looked at."""

import hashlib
import sqlite3
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from caloron_actors.adapters.sqlite.connection import Hops
from caloron_actors.adapters.sqlite.files import prepare
from caloron_actors.adapters.sqlite.grouping import GroupCommit
from caloron_actors.ports.errors import StateUnusable

SCHEMA = ("CREATE TABLE numbers (n INTEGER PRIMARY KEY, words TEXT NOT NULL) STRICT;",)
PAGE = 4096
Job = Callable[[sqlite3.Connection], object]


def fill(connection: sqlite3.Connection) -> None:
    """Many pages, all of them in the file and none in memory."""
    connection.execute("BEGIN")
    connection.executemany("INSERT INTO numbers VALUES (?, ?)", [(n, "x" * 1000) for n in range(500)])
    connection.execute("COMMIT")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.execute("PRAGMA shrink_memory")
    connection.execute("INSERT INTO numbers VALUES (1000, 'in the log alone')")


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("writes", [False, True])
@pytest.mark.parametrize(
    ("first", "told"), [(0, "was overwritten while it was in use"), (PAGE, "is damaged")]
)
async def test_it_is_told_and_the_file_is_left_as_it_is(
    tmp_path: Path, writes: bool, first: int, told: str
) -> None:
    """The log is not moved into a file that is not the one it belongs to. `first`: the first byte that is spoiled."""
    path = tmp_path / "test.db"
    prepare(path, SCHEMA)
    spoiled: list[str] = []

    def meet(connection: sqlite3.Connection) -> None:
        with path.open("r+b") as file:
            file.seek(first)
            file.write(b"\xa5" * (path.stat().st_size - first))
        spoiled.append(digest(path))
        connection.execute("SELECT sum(length(words)) FROM numbers").fetchone()

    async with Hops.open(path) as hops:
        await hops.run(fill)
        run: Callable[[Job], Awaitable[object]] = GroupCommit(hops).write if writes else hops.run
        with pytest.raises((StateUnusable, sqlite3.DatabaseError)) as caught:
            await run(meet)
    if writes or first == 0:
        assert told in str(caught.value)
        assert isinstance(caught.value, StateUnusable)
    assert [digest(path)] == spoiled
