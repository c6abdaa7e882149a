"""The journal's writes as SQL, run inside an open transaction. What cannot be written raises `Rejected`."""

import sqlite3
from datetime import datetime

import msgspec

from caloron_actors.adapters.sqlite import segments
from caloron_actors.adapters.sqlite.codec import to_text
from caloron_actors.domain.effects import Intent
from caloron_actors.domain.ids import EffectKey, SprintId, TaskId
from caloron_actors.domain.sprint.state import SprintHead, SprintPlan
from caloron_actors.domain.task import Task
from caloron_actors.ports.errors import NotFound, Rejected
from caloron_actors.ports.journal import Entry

ADD_SPRINT = """
INSERT INTO sprints (id, seq, created, plan, head) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING
"""
ADD_TASK = "INSERT INTO tasks (sprint, place, task, row) VALUES (?, ?, ?, ?)"
SET_HEAD = "UPDATE sprints SET seq = ?, head = ? WHERE id = ?"
SET_TASK = "UPDATE tasks SET row = ? WHERE sprint = ? AND task = ?"
ADD_EVENT = """
INSERT INTO events (sprint, seq, wall, at, kind, body, result, refusal, settled) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
ADD_INTENT = """
INSERT INTO intents (sprint, key, kind, body, since) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING
"""
WITHDRAW = """
UPDATE intents SET unwanted = 1, state = CASE state WHEN 'waiting' THEN 'withdrawn' ELSE state END
WHERE sprint = ? AND key = ? AND state IN ('waiting', 'claimed')
"""
SETTLE = """
UPDATE intents SET state = 'settled', settled_seq = ?
WHERE sprint = ? AND key = ? AND state IN ('waiting', 'claimed')
"""
CLAIM = """
UPDATE intents SET state = 'claimed', tries = tries + 1, claimed = ?
WHERE sprint = ? AND key = ? AND state IN ('waiting', 'claimed') AND unwanted = 0
"""
DROP_UNWANTED = """
UPDATE intents SET state = 'withdrawn' WHERE sprint = ? AND key = ? AND state = 'claimed' AND unwanted = 1
"""
POSTPONE = """
UPDATE intents SET state = CASE unwanted WHEN 1 THEN 'withdrawn' ELSE 'waiting' END, due = ?, error = ?
WHERE sprint = ? AND key = ? AND state IN ('waiting', 'claimed')
"""
HAS_INTENT = "SELECT 1 FROM intents WHERE sprint = ? AND key = ?"


class NewSprint(msgspec.Struct, frozen=True):
    """A sprint's first rows, encoded before the thread hop."""

    id: SprintId
    seq: int
    created: str
    plan: str
    head: str
    tasks: tuple[tuple[TaskId, str], ...]

    @classmethod
    def encode(
        cls, plan: SprintPlan, head: SprintHead, tasks: tuple[Task, ...], wall: datetime
    ) -> "NewSprint":
        """Encode; raises `Rejected` for a value that cannot be stored."""
        if head.seq != 0:
            raise Rejected(f"sprint {head.id} is new, so its number of commits is 0, not {head.seq}")
        rows = tuple((task.id, to_text(task)) for task in tasks)
        return cls(head.id, head.seq, wall.isoformat(), to_text(plan), to_text(head), rows)

    def write(self, connection: sqlite3.Connection, version: str) -> None:
        """Insert all rows; `version` names the `step` that will write its events."""
        row = (self.id, self.seq, self.created, self.plan, self.head)
        if connection.execute(ADD_SPRINT, row).rowcount != 1:
            raise Rejected(f"sprint {self.id} is stored already")
        connection.executemany(
            ADD_TASK, [(self.id, place, task, text) for place, (task, text) in enumerate(self.tasks)]
        )
        segments.first(connection, self.id, version)


class NewEntry(msgspec.Struct, frozen=True):
    """One entry's rows, encoded before the thread hop."""

    entry: Entry
    at: str
    event: str
    result: str
    head: str
    tasks: tuple[tuple[TaskId, str], ...]
    intents: tuple[tuple[Intent, str], ...]

    @classmethod
    def encode(cls, entry: Entry) -> "NewEntry":
        """Encode; raises `Rejected` for a value that cannot be stored."""
        return cls(
            entry=entry,
            at=to_text(entry.at),
            event=to_text(entry.event),
            result=to_text(entry.result()),
            head=to_text(entry.head),
            tasks=tuple((task.id, to_text(task)) for task in entry.changed),
            intents=tuple((intent, to_text(intent.effect)) for intent in entry.intents),
        )

    def write(self, connection: sqlite3.Connection, version: str) -> None:
        """Write the event, the changed rows and what becomes of intents; `version` names the `step` that ran."""
        sprint, seq = self.entry.head.id, self.entry.head.seq
        segments.enter(connection, sprint, seq, version)
        connection.execute(SET_HEAD, (seq, self.head, sprint))
        for task, text in self.tasks:
            if connection.execute(SET_TASK, (text, sprint, task)).rowcount != 1:
                raise Rejected(f"sprint {sprint} has no task {task}")
        self._write_event(connection, sprint, seq)
        self._write_intents(connection, sprint, seq)

    def _write_event(self, connection: sqlite3.Connection, sprint: SprintId, seq: int) -> None:
        entry = self.entry
        kind = type(entry.event).__name__
        row = (
            sprint,
            seq,
            entry.at.wall.isoformat(),
            self.at,
            kind,
            self.event,
            self.result,
            entry.refusal,
            entry.settled,
        )
        connection.execute(ADD_EVENT, row)

    def _write_intents(self, connection: sqlite3.Connection, sprint: SprintId, seq: int) -> None:
        settled, since = self.entry.settled, self.entry.at.wall.isoformat()
        if settled is not None and connection.execute(SETTLE, (seq, sprint, settled)).rowcount != 1:
            raise Rejected(f"intent {settled} is not open")
        for intent, body in self.intents:
            row = (sprint, intent.key, type(intent.effect).__name__, body, since)
            if connection.execute(ADD_INTENT, row).rowcount != 1:
                raise Rejected(f"intent {intent.key} is stored already")
        connection.executemany(WITHDRAW, [(sprint, key) for key in self.entry.withdrawn])


def claim(connection: sqlite3.Connection, sprint: SprintId, key: EffectKey, wall: str) -> bool:
    """Claim an open intent and count the try; False when it is open no more.

    One that was withdrawn while an earlier life had it is withdrawn now: whoever had it will not tell its outcome.
    """
    if connection.execute(CLAIM, (wall, sprint, key)).rowcount == 1:
        return True
    connection.execute(DROP_UNWANTED, (sprint, key))
    expect_intent(connection, sprint, key)
    return False


def postpone(connection: sqlite3.Connection, sprint: SprintId, key: EffectKey, due: str, error: str) -> None:
    """Let an open intent wait until `due`; one that was withdrawn while claimed is withdrawn now."""
    if connection.execute(POSTPONE, (due, error, sprint, key)).rowcount != 1:
        expect_intent(connection, sprint, key)


def expect_intent(connection: sqlite3.Connection, sprint: SprintId, key: EffectKey) -> None:
    """Raise unless the sprint has an intent of that key, in whatever state."""
    if connection.execute(HAS_INTENT, (sprint, key)).fetchone() is None:
        raise NotFound(f"sprint {sprint} has no intent {key}")
