"""The journal's segments: which version wrote what, and what stands at the beginning of each."""

from pathlib import Path

import pytest

from caloron_actors.adapters.sqlite import SqliteJournal, reading, segments
from caloron_actors.adapters.sqlite.codec import Snapshot
from caloron_actors.adapters.sqlite.reading import Segment
from caloron_actors.domain.ids import SprintId
from caloron_actors.domain.sprint.recorded import Moved, Result
from caloron_actors.domain.task import Status, Task
from caloron_actors.ports.errors import Rejected
from tests.adapters.sqlite.rows import (
    CLOCK,
    NOW,
    SPRINT,
    A,
    B,
    add,
    begin,
    entry,
    head,
    key,
    read,
    segments_of,
    write,
)


def told(path: Path, sprint: SprintId = SPRINT) -> list[tuple[int, str, int]]:
    found = segments_of(path, sprint)
    return [(segment.ordinal, segment.version, segment.first_seq) for segment, _ in found]


def test_a_sprint_begins_with_a_segment_of_its_version(tmp_path: Path) -> None:
    path = tmp_path / "caloron.db"
    write(path, "v1", 1, 3)
    tasks = (Task(id=A), Task(id=B))
    snapshot = Snapshot(head(0), tasks)
    first = Segment(ordinal=1, version="v1", first_seq=1, compacted=False, whole=True)
    assert segments_of(path) == [(first, snapshot)]


def test_another_version_begins_a_segment_with_the_rows_as_they_stand(tmp_path: Path) -> None:
    path = tmp_path / "caloron.db"
    write(path, "v1", 1, 3)
    write(path, "v1", 4, 5)
    write(path, "v2", 6, 7)
    write(path, "v1", 8, 8)
    assert told(path) == [(1, "v1", 1), (2, "v2", 6), (3, "v1", 8)]
    _, (_, second), (_, third) = segments_of(path)
    assert second == Snapshot(head(5), (Task(id=A, status=Status.READY, issue=5), Task(id=B)))
    assert third is not None
    assert third.head == head(7)


def test_a_version_that_writes_nothing_leaves_no_segment(tmp_path: Path) -> None:
    path = tmp_path / "caloron.db"
    write(path, "v1", 1, 3)
    write(path, "v2", 4, 3)
    write(path, "v1", 4, 4)
    assert told(path) == [(1, "v1", 1)]


async def test_a_refused_commit_begins_no_segment(tmp_path: Path) -> None:
    path = tmp_path / "caloron.db"
    async with SqliteJournal.open(path, wall=CLOCK, step_version="v1") as journal:
        await begin(journal)
        await add(journal, 1, 2)
    async with SqliteJournal.open(path, wall=CLOCK, step_version="v2") as journal:
        with pytest.raises(Rejected):
            await journal.commit(entry(2))
        with pytest.raises(Rejected):
            await journal.commit(entry(4))
    assert told(path) == [(1, "v1", 1)]


async def test_each_sprint_has_its_own(tmp_path: Path) -> None:
    path, other = tmp_path / "caloron.db", SprintId("s2")
    async with SqliteJournal.open(path, wall=CLOCK, step_version="v1") as journal:
        await begin(journal)
        await begin(journal, other)
        await add(journal, 1, 2)
    async with SqliteJournal.open(path, wall=CLOCK, step_version="v2") as journal:
        await add(journal, 3, 3)
    assert told(path) == [(1, "v1", 1), (2, "v2", 3)]
    assert told(path, other) == [(1, "v1", 1)]


async def test_a_long_segment_is_followed_by_another(tmp_path: Path) -> None:
    path = tmp_path / "caloron.db"
    async with SqliteJournal.open(path, wall=CLOCK, step_version="v1") as journal:
        await begin(journal)
        await add(journal, 1, 3)
        before = segments.SEGMENT_EVENTS - 3
        await journal._writes.write(
            lambda connection: connection.execute("UPDATE segments SET first_seq = first_seq - ?", (before,))
        )
        await add(journal, 4, 6)
    assert [first for _, _, first in told(path)] == [1 - before, 4]


def test_what_came_of_an_event_is_stored_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "caloron.db"
    write(path, "v1", 1, 2)
    one, two = read(path, reading.history, SPRINT, 0, 10)
    assert (one.at, one.kind, one.settled) == (NOW, "IssueCreated", None)
    assert (two.at, two.kind, two.settled) == (NOW, "TimePassed", key(1))
    assert one.result == Result(task=A, moved=(Moved(A, Status.READY),), promised=(key(1),))
    assert two.result.task is None
