"""Looking at a database file: one state of it, whoever has it open, and not a trace."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from caloron_actors.adapters.memory.clock import ManualClock
from caloron_actors.adapters.sqlite import SqliteJournal
from caloron_actors.adapters.sqlite.copying import copy
from caloron_actors.adapters.sqlite.files import migrations, prepare
from caloron_actors.adapters.sqlite.inspection import look, look_at_present
from caloron_actors.ports.errors import StateUnusable, Unavailable
from tests.adapters.sqlite.rows import raw, write

COUNT = "SELECT count(*) FROM events"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "state").mkdir()
    path = tmp_path / "state" / "caloron.db"
    write(path, "v1", 1, 3)
    return path


def events(connection: sqlite3.Connection) -> int:
    (count,) = connection.execute(COUNT).fetchone()
    return int(count)


def names(path: Path) -> list[str]:
    return sorted(entry.name for entry in path.parent.iterdir())


@pytest.fixture
def opened(path: Path) -> Iterator[sqlite3.Connection]:
    """The file as a service that runs has it open: its last commit is in the log beside it."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("DELETE FROM events WHERE seq = 3")
        yield connection


def test_a_file_nobody_has_open_is_left_without_companions(path: Path) -> None:
    before = path.stat()
    assert look(path, events) == 3
    assert names(path) == ["caloron.db"]
    assert path.stat().st_mtime_ns == before.st_mtime_ns


def test_what_is_committed_and_not_yet_in_the_file_is_seen(path: Path, opened: sqlite3.Connection) -> None:
    assert names(path) == ["caloron.db", "caloron.db-shm", "caloron.db-wal"]
    assert look(path, events) == 2

    def twice(connection: sqlite3.Connection) -> tuple[int, int]:
        first = events(connection)
        opened.execute("DELETE FROM events")
        return first, events(connection)

    assert look(path, twice) == (2, 2)
    assert look(path, events) == 0


def test_a_service_that_starts_meanwhile_is_noticed(path: Path) -> None:
    """What was read while the file was taken for one at rest is read again."""
    looks: list[int] = []

    def disturbed(connection: sqlite3.Connection) -> int:
        if not looks:
            raw(path, "DELETE FROM events WHERE seq = 3")
        looks.append(events(connection))
        return looks[-1]

    assert look(path, disturbed) == 2
    assert len(looks) == 2


def test_nothing_can_be_written(path: Path, opened: sqlite3.Connection) -> None:
    assert opened.in_transaction is False
    with pytest.raises(Unavailable, match="readonly"):
        look(path, lambda connection: connection.execute("DELETE FROM events"))


@pytest.mark.parametrize("version", [1, 99])
def test_another_schema_is_refused_with_a_remedy(path: Path, version: int) -> None:
    raw(path, f"PRAGMA user_version = {version}")
    with pytest.raises(StateUnusable, match=f"schema {version}.*; "):
        look_at_present(path, events)
    assert look(path, events) == 3


def test_a_copy_is_one_state_whole_and_private(path: Path, opened: sqlite3.Connection) -> None:
    target = path.parent.parent / "copy.db"
    copied = copy(path, target)
    opened.execute("DELETE FROM events")
    assert (copied.sprints, copied.events) == (1, 2)
    assert look(target, events) == 2
    assert target.stat().st_mode & 0o777 == 0o600
    assert sorted(entry.name for entry in target.parent.iterdir()) == ["copy.db", "state"]


async def test_a_copy_says_what_it_is(path: Path, tmp_path: Path) -> None:
    """A copy of a copy is the second in a row; the original knows nothing of it."""
    copy(path, tmp_path / "first.db")
    copy(tmp_path / "first.db", tmp_path / "second.db")
    for file, count in ((path, 0), (tmp_path / "first.db", 1), (tmp_path / "second.db", 2)):
        async with SqliteJournal.open(file, wall=ManualClock()) as journal:
            assert await journal.copies() == count


async def test_a_copy_of_the_first_schema_says_so_too(tmp_path: Path) -> None:
    """Its table is made in the copy alone, and the migration finds it there."""
    prepare(tmp_path / "old.db", migrations()[:1])
    copy(tmp_path / "old.db", tmp_path / "copy.db")
    for file, count in ((tmp_path / "old.db", 0), (tmp_path / "copy.db", 1)):
        async with SqliteJournal.open(file, wall=ManualClock()) as journal:
            assert await journal.copies() == count


def test_a_copy_overwrites_nothing_and_leaves_no_half(path: Path, tmp_path: Path) -> None:
    target = tmp_path / "copy.db"
    target.write_text("precious")
    with pytest.raises(FileExistsError):
        copy(path, target)
    assert target.read_text() == "precious"
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["copy.db", "state"]
    with pytest.raises(FileNotFoundError):
        copy(path, tmp_path / "no" / "where")
