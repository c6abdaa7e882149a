"""Old segments are made small in bounded batches beside the service's writes; what came of each event stays."""

import sqlite3
from contextlib import closing
from pathlib import Path

import anyio
import pytest

from caloron_actors.adapters.sqlite import SqliteJournal, reading
from caloron_actors.adapters.sqlite.compaction import BATCH, compact
from caloron_actors.domain.sprint.recorded import Recorded
from tests.adapters.sqlite.rows import CLOCK, SPRINT, add, begin, key, raw, read, segments_of, write

KEPT = "SELECT seq FROM events WHERE body IS NOT NULL ORDER BY seq"
SAID = "SELECT count(*) FROM intents WHERE body IS NULL"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Segments of 5 and of 3 events, and one that has just begun."""
    path = tmp_path / "caloron.db"
    write(path, "v1", 1, 5)
    write(path, "v2", 6, 8)
    raw(path, "INSERT INTO segments VALUES ('s1', 3, 'v3', 9, NULL, 0)")
    return path


def kept(path: Path) -> list[int]:
    return [seq for (seq,) in raw(path, KEPT)]


def run(path: Path, batch: int) -> bool:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        return compact(connection, batch)


def history(path: Path) -> list[Recorded]:
    return read(path, reading.history, SPRINT, 0, 100)


def test_a_young_journal_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "caloron.db"
    write(path, "v1", 1, 5)
    write(path, "v2", 6, 8)
    assert not run(path, BATCH)
    assert kept(path) == list(range(1, 9))


def test_one_batch_is_one_transaction(path: Path) -> None:
    assert run(path, 2)
    assert kept(path) == [3, 4, 5, 6, 7, 8]
    assert [segment.compacted for segment, _ in segments_of(path)] == [False, False, False]
    assert run(path, 2)
    assert run(path, 2)
    assert kept(path) == [6, 7, 8]
    (first, nothing), (second, snapshot), _ = segments_of(path)
    assert (first.compacted, first.whole, nothing) == (True, False, None)
    assert second.whole
    assert snapshot is not None
    assert not run(path, 2)


def test_what_is_compacted_can_be_explained(path: Path) -> None:
    while run(path, 2):
        pass
    compacted = history(path)
    assert [event.seq for event in compacted] == list(range(1, 9))
    assert [event.event is None for event in compacted] == [True] * 5 + [False] * 3
    first = compacted[0]
    assert (first.kind, first.result.task, first.result.promised) == ("IssueCreated", "a", (key(1),))
    assert compacted[1].settled == key(1)
    assert raw(path, "PRAGMA integrity_check") == [("ok",)]


def test_only_effects_that_are_over_lose_their_words(tmp_path: Path) -> None:
    path = tmp_path / "caloron.db"
    write(path, "v1", 1, 5)
    raw(path, "UPDATE intents SET state = 'claimed', settled_seq = NULL WHERE key = ?", key(2))
    write(path, "v2", 6, 8)
    write(path, "v3", 9, 9)
    while run(path, BATCH):
        pass
    said = dict(raw(path, "SELECT key, body IS NOT NULL FROM intents"))
    assert [said[key(seq)] for seq in range(1, 10)] == [0, 1, 0, 0, 0, 1, 1, 1, 1]
    left = [found.intent.key for found in read(path, reading.open_intents, SPRINT)]
    assert left == [key(2), key(9)]


def test_the_service_compacts_behind_its_writes(path: Path) -> None:
    """The first commit does not wait for it: it is asked for when that commit is answered."""

    async def life() -> None:
        async with SqliteJournal.open(path, wall=CLOCK, step_version="v3") as journal:
            assert len(await journal.history(SPRINT)) == 8
            assert kept(path) == list(range(1, 9)), "reading compacts nothing"
            await add(journal, 9, 9)
            events = await journal.history(SPRINT)
            assert [event.seq for event in events if event.event is None] == [1, 2, 3, 4, 5]
            await add(journal, 10, 11)

    anyio.run(life)
    assert kept(path) == list(range(6, 12))
    assert raw(path, SAID) == [(5,)]


async def test_neither_a_start_nor_a_commit_reads_old_events(tmp_path: Path) -> None:
    """With the old events unreadable, everything the service does still works."""
    path = tmp_path / "caloron.db"
    async with SqliteJournal.open(path, wall=CLOCK, step_version="v1") as journal:
        await begin(journal)
        await add(journal, 1, 20)
    raw(path, "UPDATE events SET body = 'x', at = 'x', result = 'x'")
    raw(path, "UPDATE intents SET body = 'x' WHERE state = 'settled'")
    async with SqliteJournal.open(path, wall=CLOCK, step_version="v2") as journal:
        (stored,) = await journal.sprints()
        assert stored.seq == 20
        assert await journal.load(SPRINT) is not None
        assert len(await journal.open_intents(SPRINT)) == 1
        await add(journal, 21, 22)
        assert await journal.claim(SPRINT, key(22))
