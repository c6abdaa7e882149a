"""Which segment of its sprint's journal an event belongs to: a new one begins with another version, or when one is long."""

import sqlite3

from caloron_actors.domain.ids import SprintId
from caloron_actors.ports.errors import NotFound, Rejected

SEGMENT_EVENTS = 10_000
"""Events after which a new segment begins, so that a sprint of any length can be replayed and compacted in parts."""

LAST = """
SELECT s.seq, g.ordinal, g.version, g.first_seq FROM sprints s LEFT JOIN segments g ON g.sprint = s.id
WHERE s.id = ? ORDER BY g.ordinal DESC LIMIT 1
"""
ADD = "INSERT INTO segments (sprint, ordinal, version, first_seq, snapshot) VALUES (?, ?, ?, ?, ?)"
HEAD = "SELECT head FROM sprints WHERE id = ?"
TASKS = "SELECT row FROM tasks WHERE sprint = ? ORDER BY place"


def first(connection: sqlite3.Connection, sprint: SprintId, version: str) -> None:
    """Begin the first segment of a sprint whose rows were just written."""
    connection.execute(ADD, (sprint, 1, version, 1, snapshot(connection, sprint)))


def enter(connection: sqlite3.Connection, sprint: SprintId, seq: int, version: str) -> None:
    """See that the event `seq`, which is not written yet, comes into a segment of `version`.

    Raises unless it is the one after the last. A new segment's snapshot are the rows as they stand before the event.
    """
    found: tuple[int, int | None, str, int] | None = connection.execute(LAST, (sprint,)).fetchone()
    if found is None:
        raise NotFound(f"sprint {sprint} is not stored")
    stored, ordinal, writer, first_seq = found
    if seq != stored + 1:
        raise Rejected(f"sprint {sprint} stands at {stored}, so {seq} cannot follow")
    if ordinal is None or writer != version or seq - first_seq >= SEGMENT_EVENTS:
        connection.execute(ADD, (sprint, (ordinal or 0) + 1, version, seq, snapshot(connection, sprint)))


def snapshot(connection: sqlite3.Connection, sprint: SprintId) -> str:
    """The head and the tasks of a sprint as one JSON text, made of the stored texts."""
    (head,) = connection.execute(HEAD, (sprint,)).fetchone()
    tasks = ",".join(row for (row,) in connection.execute(TASKS, (sprint,)))
    return f'{{"head":{head},"tasks":[{tasks}]}}'
