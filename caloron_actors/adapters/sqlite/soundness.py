"""The full check of a database file: everything SQLite and the decoders of its rows can find. It only reads."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

import msgspec

from caloron_actors.adapters.sqlite import codec, reading
from caloron_actors.domain.ids import SprintId
from caloron_actors.ports.errors import StateUnusable

T = TypeVar("T")
FINDINGS = 10
"""Findings of one kind that are told; a damaged file has thousands."""
PAGE = 1000

EVENT_ROWS = "SELECT seq, at, result, wall FROM events WHERE sprint = ? ORDER BY seq"
BAD_WORDS = """
SELECT 'event ' || seq FROM events WHERE sprint = ? AND body IS NOT NULL AND NOT json_valid(body)
UNION ALL SELECT 'intent ' || key FROM intents WHERE sprint = ? AND body IS NOT NULL AND NOT json_valid(body)
"""
SPRINT_ROWS = "SELECT id, seq FROM sprints ORDER BY ordinal"


def integrity(connection: sqlite3.Connection) -> list[str]:
    """SQLite's own full check, and rows without their sprint."""
    found = [
        " ".join(str(line).split()) for (line,) in connection.execute(f"PRAGMA integrity_check({FINDINGS})")
    ]
    orphans = connection.execute("PRAGMA foreign_key_check").fetchmany(FINDINGS)
    return [line for line in found if line != "ok"] + [
        f"row {row[1]} of {row[0]} belongs to no row of {row[2]}" for row in orphans
    ]


def rows(path: Path, connection: sqlite3.Connection) -> list[str]:
    """What is wrong with rows: texts that cannot be read, and rows that contradict each other."""
    found: list[str] = []
    known: list[tuple[SprintId, int]] = connection.execute(SPRINT_ROWS).fetchall()
    for sprint, seq in known:
        for line in _sprint(path, connection, sprint, seq):
            found.append(f"sprint {sprint}: {line}")
            if len(found) == FINDINGS:
                return found
    return found


def _sprint(path: Path, connection: sqlite3.Connection, sprint: SprintId, seq: int) -> Iterator[str]:
    try:
        stored = reading.load(path, sprint, connection)
        reading.open_intents(path, sprint, connection)
    except StateUnusable as error:
        yield _why(error)
        return
    if stored is None:
        return
    if (stored.head.id, stored.head.seq) != (sprint, seq):
        yield f"its row is number {seq}, its head is number {stored.head.seq} of {stored.head.id}"
    planned = {task.id for task in stored.plan.dag.tasks}
    for task in sorted(planned ^ stored.tasks.keys()):
        yield f"task {task} is {'planned and not stored' if task in planned else 'stored and not planned'}"
    yield from _events(path, connection, sprint, seq)
    yield from _segments(path, connection, sprint, seq)
    yield from (f"{bad[0]} is not JSON" for bad in connection.execute(BAD_WORDS, (sprint, sprint)))


def _events(path: Path, connection: sqlite3.Connection, sprint: SprintId, last: int) -> Iterator[str]:
    expected = 1
    for seq, at, result, wall in connection.execute(EVENT_ROWS, (sprint,)):
        if seq != expected:
            yield f"event {expected} is missing"
        expected = seq + 1
        now = _decoded(path, codec.NOW, at)
        if now is None or _decoded(path, codec.RESULT, result) is None:
            yield f"event {seq} cannot be read"
        elif now.wall.isoformat() != wall:
            yield f"event {seq} has two times: {wall} and {now.wall.isoformat()}"
    if expected != last + 1:
        yield f"its last event is number {expected - 1}, its head's {last}"


def _segments(path: Path, connection: sqlite3.Connection, sprint: SprintId, last: int) -> Iterator[str]:
    first = 1
    for number, segment in enumerate(reading.segments(sprint, connection), start=1):
        if segment.ordinal != number or segment.first_seq < first or (number == 1 and segment.first_seq != 1):
            yield f"segment {segment.ordinal} begins at event {segment.first_seq}, out of order"
        first = segment.first_seq + 1
    if first > last + 2:
        yield f"its last segment begins at event {first - 1}, and event {last} is the last"


def _decoded(path: Path, decoder: "msgspec.json.Decoder[T]", text: str) -> T | None:
    try:
        return codec.from_text(decoder, text, path)
    except StateUnusable:
        return None


def _why(error: StateUnusable) -> str:
    return str(error).partition("; ")[0]
