"""Sprints, entries and raw rows for the tests of the journal's file."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, TypeVar

import anyio
import msgspec

from caloron_actors.adapters.memory.clock import ManualClock
from caloron_actors.adapters.sqlite import SqliteJournal, reading
from caloron_actors.adapters.sqlite.codec import Snapshot
from caloron_actors.adapters.sqlite.reading import Segment
from caloron_actors.domain.dag import Agent, Dag, TaskPlan
from caloron_actors.domain.effects import CreateIssue, Intent
from caloron_actors.domain.events import Event, IssueCreated, Limits, TimePassed
from caloron_actors.domain.ids import AgentId, EffectKey, SprintId, TaskId
from caloron_actors.domain.instant import Age
from caloron_actors.domain.sprint.state import SprintHead, SprintPlan
from caloron_actors.domain.task import Status, Task
from caloron_actors.ports.journal import Entry

T = TypeVar("T")
CLOCK = ManualClock()
NOW = CLOCK.now()
SPRINT = SprintId("s1")
A, B = TaskId("a"), TaskId("b")


def plan(sprint: SprintId = SPRINT) -> SprintPlan:
    agent = AgentId("dev")
    tasks = tuple(TaskPlan(id=task, title=f"Task {task}", assigned_to=agent) for task in (A, B))
    dag = Dag(id=sprint, agents=(Agent(id=agent),), tasks=tasks)
    return SprintPlan(dag=dag, repository="local/x", base_branch="main", source="/src")


def head(seq: int, sprint: SprintId = SPRINT) -> SprintHead:
    return SprintHead(id=sprint, seq=seq, age=Age.born(NOW), limits=Limits())


def key(seq: int, sprint: SprintId = SPRINT) -> EffectKey:
    return EffectKey(f"{sprint}/a/issue/{seq}")


def entry(seq: int, sprint: SprintId = SPRINT) -> Entry:
    """An event that changes task `a`, promises an effect, and settles the one promised before."""
    event: Event = IssueCreated(A, seq) if seq % 2 else TimePassed()
    return Entry(
        at=NOW,
        event=event,
        head=head(seq, sprint),
        changed=(Task(id=A, status=Status.READY, issue=seq),),
        intents=(Intent(key(seq, sprint), CreateIssue(A)),),
        settled=key(seq - 1, sprint) if seq > 1 else None,
    )


async def begin(journal: SqliteJournal, sprint: SprintId = SPRINT) -> None:
    await journal.create(plan(sprint), head(0, sprint), (Task(id=A), Task(id=B)))


async def add(journal: SqliteJournal, first: int, last: int, sprint: SprintId = SPRINT) -> None:
    for seq in range(first, last + 1):
        await journal.commit(entry(seq, sprint))


def write(path: Path, version: str, first: int, last: int, sprint: SprintId = SPRINT) -> None:
    """One life of a service of that version, which writes the events from `first` to `last`."""

    async def life() -> None:
        async with SqliteJournal.open(path, wall=CLOCK, step_version=version) as journal:
            if first == 1:
                await begin(journal, sprint)
            await add(journal, first, last, sprint)

    anyio.run(life)


def raw(path: Path, sql: str, *values: Any) -> list[tuple[Any, ...]]:
    """Run one statement on the file, past the journal."""
    with closing(sqlite3.connect(path)) as connection, connection:
        return connection.execute(sql, values).fetchall()


def read(path: Path, work: Callable[..., T], *args: Any) -> T:
    """Call one of the journal's reads on the file."""
    with closing(sqlite3.connect(path)) as connection:
        return work(path, *args, connection)


def segments_of(path: Path, sprint: SprintId = SPRINT) -> list[tuple[Segment, Snapshot | None]]:
    """The segments of a sprint and the sprint before each."""
    with closing(sqlite3.connect(path)) as connection:
        return [
            (segment, reading.snapshot(path, sprint, segment.ordinal, connection))
            for segment in reading.segments(sprint, connection)
        ]


def text(value: msgspec.Struct) -> str:
    return msgspec.json.encode(value).decode()
