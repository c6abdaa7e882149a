"""A file of every earlier schema is opened, keeps all it says, and goes on with segments of its own version."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from caloron_actors.adapters.sqlite import SqliteJournal
from caloron_actors.adapters.sqlite.codec import Snapshot
from caloron_actors.adapters.sqlite.files import migrations, prepare
from caloron_actors.domain.events import TimePassed
from caloron_actors.domain.ids import SprintId
from caloron_actors.domain.sprint.recorded import Result
from caloron_actors.domain.task import Task
from caloron_actors.ports.errors import Rejected
from caloron_actors.ports.journal import Entry
from tests.adapters.sqlite.rows import (
    CLOCK,
    NOW,
    SPRINT,
    A,
    B,
    add,
    entry,
    head,
    key,
    plan,
    raw,
    segments_of,
    text,
)

WALL = NOW.wall.isoformat()
EVENTS = 4


def first_schema(path: Path) -> None:
    """What the program of the first schema left: a sprint of four events and one of none, in its own words."""
    prepare(path, migrations()[:1])
    with closing(sqlite3.connect(path)) as file, file:
        last = entry(EVENTS)
        for sprint, seq, rows in (
            (SPRINT, EVENTS, (last.changed[0], Task(id=B))),
            (SprintId("s2"), 0, (Task(id=A), Task(id=B))),
        ):
            about = (sprint, seq, WALL, text(plan(sprint)), text(head(seq, sprint)))
            file.execute("INSERT INTO sprints (id, seq, created, plan, head) VALUES (?, ?, ?, ?, ?)", about)
            for place, row in enumerate(rows):
                file.execute("INSERT INTO tasks VALUES (?, ?, ?, ?)", (sprint, row.id, place, text(row)))
        for seq in range(1, EVENTS + 1):
            _first_event(file, entry(seq))


def _first_event(file: sqlite3.Connection, written: Entry) -> None:
    seq, event = written.head.seq, written.event
    file.execute(
        "INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (SPRINT, seq, WALL, text(NOW), type(event).__name__, text(event), None, written.settled),
    )
    (intent,) = written.intents
    over = seq < EVENTS
    file.execute(
        "INSERT INTO intents (sprint, key, kind, body, state, tries, since, due, settled_seq)"
        " VALUES (?, ?, 'CreateIssue', ?, ?, ?, ?, ?, ?)",
        (
            SPRINT,
            intent.key,
            text(intent.effect),
            "settled" if over else "waiting",
            seq,
            WALL,
            None if over else WALL,
            seq + 1 if over else None,
        ),
    )


@pytest.fixture
def path(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "caloron.db"
    first_schema(path)
    assert raw(path, "PRAGMA user_version") == [(1,)]
    yield path
    assert raw(path, "PRAGMA user_version") == [(len(migrations()),)]
    assert raw(path, "PRAGMA integrity_check") == [("ok",)]
    assert raw(path, "PRAGMA foreign_key_check") == []


async def test_all_that_was_said_is_still_said(path: Path) -> None:
    async with SqliteJournal.open(path, wall=CLOCK, step_version="v1") as journal:
        assert await journal.sprints() == [head(EVENTS), head(0, SprintId("s2"))]
        sprint = await journal.load(SPRINT)
        assert sprint is not None
        assert sprint.plan == plan()
        assert list(sprint.tasks.values()) == [*entry(EVENTS).changed, Task(id=B)]
        history = await journal.history(SPRINT)
        written = [entry(seq) for seq in range(1, EVENTS + 1)]
        assert [(event.seq, event.at, event.event, event.settled) for event in history] == [
            (seq, NOW, one.event, one.settled) for seq, one in enumerate(written, start=1)
        ]
        (left,) = await journal.open_intents(SPRINT)
        assert (left.intent, left.tries, left.due) == (written[-1].intents[0], EVENTS, NOW.wall)
        assert [event.result for event in history] == [
            Result() if isinstance(event.event, TimePassed) else Result(task=A) for event in history
        ]


async def test_it_goes_on_in_a_segment_of_its_own(path: Path) -> None:
    async with SqliteJournal.open(path, wall=CLOCK, step_version="v1") as journal:
        with pytest.raises(Rejected):
            await journal.commit(entry(EVENTS))
        await add(journal, EVENTS + 1, EVENTS + 2)
        assert await journal.claim(SPRINT, key(EVENTS + 2))
    (unknown, nothing), (own, snapshot) = segments_of(path)
    assert (unknown.version, unknown.first_seq, unknown.whole, nothing) == ("", 1, False, None)
    assert (own.version, own.first_seq) == ("v1", EVENTS + 1)
    assert snapshot == Snapshot(head(EVENTS), (*entry(EVENTS).changed, Task(id=B)))


async def test_keys_and_their_order_are_kept(path: Path) -> None:
    async with SqliteJournal.open(path, wall=CLOCK, step_version="v1") as journal:
        again = entry(EVENTS + 1)
        doubled = Entry(at=NOW, event=again.event, head=again.head, intents=entry(2).intents)
        with pytest.raises(Rejected, match="stored already"):
            await journal.commit(doubled)
        await add(journal, EVENTS + 1, EVENTS + 1)
    told = raw(path, "SELECT ordinal, key FROM intents ORDER BY ordinal")
    assert told == [(seq, key(seq)) for seq in range(1, EVENTS + 2)]


async def test_old_segments_without_results_are_never_compacted(path: Path) -> None:
    for version in ("v1", "v2", "v3"):
        (seq,) = raw(path, "SELECT seq FROM sprints WHERE id = ?", SPRINT)[0]
        async with SqliteJournal.open(path, wall=CLOCK, step_version=version) as journal:
            await add(journal, seq + 1, seq + 3)
    kept = [seq for (seq,) in raw(path, "SELECT seq FROM events WHERE body IS NOT NULL ORDER BY seq")]
    assert kept[:EVENTS] == list(range(1, EVENTS + 1))
    assert len(kept) == EVENTS + 6
