"""The journal's reads as SQL, and their rows back to values."""

import sqlite3
from datetime import datetime
from pathlib import Path
from typing import Literal

import msgspec

from caloron_actors.adapters.sqlite.codec import (
    EFFECT,
    EVENT,
    HEAD,
    NOW,
    PLAN,
    RESULT,
    SNAPSHOT,
    TASK,
    Snapshot,
    from_text,
)
from caloron_actors.adapters.sqlite.trouble import refused
from caloron_actors.domain.effects import Intent
from caloron_actors.domain.ids import EffectKey, SprintId
from caloron_actors.domain.sprint.state import Sprint, SprintHead
from caloron_actors.ports.journal import OpenIntent, Recorded

HEADS = "SELECT head FROM sprints ORDER BY ordinal"
COPIES = "SELECT count(*) FROM copies"
SPRINT = "SELECT plan, head FROM sprints WHERE id = ?"
TASKS = "SELECT row FROM tasks WHERE sprint = ? ORDER BY place"
OPEN_INTENTS = """
SELECT key, body, state, tries, since, due FROM intents
WHERE sprint = ? AND state IN ('waiting', 'claimed') ORDER BY ordinal
"""
HISTORY = """
SELECT seq, at, kind, body, result, refusal, settled FROM events WHERE sprint = ? AND seq > ? ORDER BY seq LIMIT ?
"""
SEGMENTS = """
SELECT ordinal, version, first_seq, compacted, snapshot IS NOT NULL FROM segments WHERE sprint = ? ORDER BY ordinal
"""
SNAPSHOT_OF = "SELECT snapshot FROM segments WHERE sprint = ? AND ordinal = ? AND snapshot IS NOT NULL"
RESULTS = """
SELECT seq, at, kind, NULL, result, refusal, settled FROM events WHERE sprint = ? AND seq > ? ORDER BY seq LIMIT ?
"""
INTENTS = "SELECT key, body, state, unwanted, settled_seq FROM intents WHERE sprint = ? ORDER BY ordinal"


class Segment(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a sprint's journal, written by the `step` named `version`: empty where that is not known.

    `whole`: the sprint before the event `first_seq` is stored with it.
    """

    ordinal: int
    version: str
    first_seq: int
    compacted: bool
    whole: bool


class StoredIntent(msgspec.Struct, frozen=True, kw_only=True):
    """An intent's row in whatever state. `body`: the effect's text, None once it was compacted; `unwanted`: taken back."""

    key: EffectKey
    body: str | None
    state: Literal["waiting", "claimed", "settled", "withdrawn"]
    unwanted: bool
    settled: int | None


def copies(connection: sqlite3.Connection) -> int:
    """How many backups in a row the file has come through."""
    (count,) = connection.execute(COPIES).fetchone()
    return int(count)


def heads(path: Path, connection: sqlite3.Connection) -> list[SprintHead]:
    """The heads of all sprints, oldest first."""
    return [from_text(HEAD, text, path) for (text,) in connection.execute(HEADS)]


def load(path: Path, sprint: SprintId, connection: sqlite3.Connection) -> Sprint | None:
    """A whole sprint; None when it is not stored."""
    found: tuple[str, str] | None = connection.execute(SPRINT, (sprint,)).fetchone()
    if found is None:
        return None
    tasks = [from_text(TASK, text, path) for (text,) in connection.execute(TASKS, (sprint,))]
    return Sprint(
        plan=from_text(PLAN, found[0], path),
        head=from_text(HEAD, found[1], path),
        tasks={task.id: task for task in tasks},
    )


def open_intents(path: Path, sprint: SprintId, connection: sqlite3.Connection) -> list[OpenIntent]:
    """The waiting and claimed intents of a sprint, in the order they were promised."""
    rows: list[tuple[str, str, Literal["waiting", "claimed"], int, str, str | None]]
    rows = connection.execute(OPEN_INTENTS, (sprint,)).fetchall()
    return [
        OpenIntent(
            intent=Intent(key=EffectKey(key), effect=from_text(EFFECT, body, path)),
            state=state,
            tries=tries,
            since=instant(since, path),
            due=None if due is None else instant(due, path),
        )
        for key, body, state, tries, since, due in rows
    ]


def history(
    path: Path, sprint: SprintId, after: int, limit: int, connection: sqlite3.Connection
) -> list[Recorded]:
    """At most `limit` events of a sprint with a number above `after`."""
    return _recorded(path, connection.execute(HISTORY, (sprint, after, limit)))


def results(
    path: Path, sprint: SprintId, after: int, limit: int, connection: sqlite3.Connection
) -> list[Recorded]:
    """The same without the events themselves, which another version may have written in words unknown here."""
    return _recorded(path, connection.execute(RESULTS, (sprint, after, limit)))


def _recorded(path: Path, rows: sqlite3.Cursor) -> list[Recorded]:
    found: list[tuple[int, str, str, str | None, str, str | None, EffectKey | None]] = rows.fetchall()
    return [
        Recorded(
            seq=seq,
            at=from_text(NOW, at, path),
            kind=kind,
            event=None if body is None else from_text(EVENT, body, path),
            refusal=refusal,
            settled=settled,
            result=from_text(RESULT, result, path),
        )
        for seq, at, kind, body, result, refusal, settled in found
    ]


def segments(sprint: SprintId, connection: sqlite3.Connection) -> list[Segment]:
    """The segments of a sprint's journal, oldest first."""
    rows: list[tuple[int, str, int, int, int]] = connection.execute(SEGMENTS, (sprint,)).fetchall()
    return [
        Segment(
            ordinal=ordinal,
            version=version,
            first_seq=first_seq,
            compacted=bool(compacted),
            whole=bool(whole),
        )
        for ordinal, version, first_seq, compacted, whole in rows
    ]


def snapshot(path: Path, sprint: SprintId, ordinal: int, connection: sqlite3.Connection) -> Snapshot | None:
    """The sprint before a segment's first event; None when it is not stored (any more)."""
    found: tuple[str] | None = connection.execute(SNAPSHOT_OF, (sprint, ordinal)).fetchone()
    return None if found is None else from_text(SNAPSHOT, found[0], path)


def intents(sprint: SprintId, connection: sqlite3.Connection) -> list[StoredIntent]:
    """All intents of a sprint, in the order they were promised."""
    rows: list[tuple[str, str | None, Literal["waiting", "claimed", "settled", "withdrawn"], int, int | None]]
    rows = connection.execute(INTENTS, (sprint,)).fetchall()
    return [
        StoredIntent(key=EffectKey(key), body=body, state=state, unwanted=bool(unwanted), settled=settled)
        for key, body, state, unwanted, settled in rows
    ]


def instant(text: str, path: Path) -> datetime:
    """An instant column's value."""
    try:
        return datetime.fromisoformat(text)
    except ValueError as error:
        raise refused(path, f"holds an instant that cannot be read ({error})") from error
