"""What happened to an issue, for its timeline."""

# ruff: noqa: S608 - only names written in this file are put into statements; values are bound

import sqlite3
from typing import Literal

import msgspec

from caloron_actors.localforge.rows.select import count, many

Kind = Literal[
    "closed",
    "reopened",
    "merged",
    "labeled",
    "unlabeled",
    "renamed",
    "review_requested",
    "review_request_removed",
    "review_dismissed",
    "head_ref_force_pushed",
    "base_ref_changed",
]
_COLUMNS = "id, issue_id, actor_id, kind, created_at, commit_sha, label, color"


class Event(msgspec.Struct, frozen=True, array_like=True):
    """One event. `actor_id` is None where nobody known did it."""

    id: int
    issue_id: int
    actor_id: int | None
    kind: Kind
    created_at: str
    commit_sha: str | None
    label: str | None
    color: str | None


def add(
    db: sqlite3.Connection,
    issue_id: int,
    actor_id: int | None,
    kind: Kind,
    now: str,
    *,
    commit: str | None = None,
    label: tuple[str, str] | None = None,
) -> None:
    """Record an event. `label` is a name and a colour."""
    name, color = label or (None, None)
    db.execute(
        "INSERT INTO events (issue_id, actor_id, kind, created_at, commit_sha, label, color)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        (issue_id, actor_id, kind, now, commit, name, color),
    )


def of_issue(db: sqlite3.Connection, issue_id: int) -> list[Event]:
    """All events of an issue, oldest first."""
    return many(db, Event, f"SELECT {_COLUMNS} FROM events WHERE issue_id = ? ORDER BY id", (issue_id,))


def of_repository(
    db: sqlite3.Connection, repository_id: int, limit: int, offset: int
) -> tuple[int, list[Event]]:
    """How many events a repository has, and one page of them, newest first."""
    where = "FROM events WHERE issue_id IN (SELECT id FROM issues WHERE repository_id = ?)"
    total = count(db, f"SELECT count(*) {where}", (repository_id,))
    page = f"SELECT {_COLUMNS} {where} ORDER BY id DESC LIMIT ? OFFSET ?"
    return total, many(db, Event, page, (repository_id, limit, offset))
