"""Issues' rows. Pull requests are among them; what only they have is in `pulls`."""

# ruff: noqa: S608 - only names written in this file are put into statements; values are bound

import sqlite3
from typing import Literal

import msgspec

from caloron_actors.localforge.rows import events, repositories
from caloron_actors.localforge.rows.select import Value, count, inserted, many, one

State = Literal["open", "closed"]
Reason = Literal["completed", "not_planned", "reopened", "duplicate"]

_COLUMNS = (
    "id, repository_id, number, is_pull, title, body, state, state_reason, author_id, closed_by_id,"
    " created_at, updated_at, closed_at"
)


class Issue(msgspec.Struct, frozen=True, array_like=True):
    """An issue, or the part of a pull request that issues have too."""

    id: int
    repository_id: int
    number: int
    is_pull: bool
    title: str
    body: str | None
    state: State
    state_reason: str | None
    author_id: int
    closed_by_id: int | None
    created_at: str
    updated_at: str
    closed_at: str | None


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Which issues to list and in which order."""

    state: Literal["open", "closed", "all"] = "open"
    labels: tuple[str, ...] = ()
    creator: str | None = None
    since: str | None = None
    sort: Literal["created", "updated", "comments"] = "created"
    direction: Literal["asc", "desc"] = "desc"


def by_number(db: sqlite3.Connection, repository_id: int, number: int) -> Issue | None:
    """The issue or pull request with this number."""
    sql = f"SELECT {_COLUMNS} FROM issues WHERE repository_id = ? AND number = ?"
    return one(db, Issue, sql, (repository_id, number))


def by_id(db: sqlite3.Connection, issue_id: int) -> Issue:
    """The issue with this id, which must exist."""
    found = one(db, Issue, f"SELECT {_COLUMNS} FROM issues WHERE id = ?", (issue_id,))
    if found is None:
        raise LookupError(f"no issue row {issue_id}")
    return found


def listed(
    db: sqlite3.Connection, repository_id: int, wanted: Wanted, limit: int, offset: int
) -> tuple[int, list[Issue]]:
    """How many issues match, and one page of them."""
    where, values = _where(repository_id, wanted)
    order = {
        "created": "created_at",
        "updated": "updated_at",
        "comments": "(SELECT count(*) FROM comments WHERE issue_id = issues.id)",
    }[wanted.sort]
    total = count(db, f"SELECT count(*) FROM issues WHERE {where}", values)
    page = (
        f"SELECT {_COLUMNS} FROM issues WHERE {where}"
        f" ORDER BY {order} {wanted.direction}, number {wanted.direction} LIMIT ? OFFSET ?"
    )
    return total, many(db, Issue, page, (*values, limit, offset))


def _where(repository_id: int, wanted: Wanted) -> tuple[str, tuple[Value, ...]]:
    terms = ["repository_id = ?"]
    values: list[Value] = [repository_id]
    if wanted.state != "all":
        terms.append("state = ?")
        values.append(wanted.state)
    if wanted.creator is not None:
        terms.append("author_id IN (SELECT id FROM accounts WHERE login = ?)")
        values.append(wanted.creator)
    if wanted.since is not None:
        terms.append("updated_at >= ?")
        values.append(wanted.since)
    for label in wanted.labels:
        terms.append(
            "id IN (SELECT issue_id FROM issue_labels JOIN labels ON labels.id = label_id"
            " WHERE labels.repository_id = issues.repository_id AND name = ?)"
        )
        values.append(label)
    return " AND ".join(terms), tuple(values)


def create(
    db: sqlite3.Connection,
    repository_id: int,
    author_id: int,
    *,
    title: str,
    body: str | None,
    now: str,
    is_pull: bool,
) -> Issue:
    """Open an issue under the next number."""
    number = repositories.next_number(db, repository_id)
    issue_id = inserted(
        db,
        "INSERT INTO issues (repository_id, number, is_pull, title, body, state, author_id, created_at, updated_at)"
        " VALUES (?, ?, ?, ?, ?, 'open', ?, ?, ?)",
        (repository_id, number, is_pull, title, body, author_id, now, now),
    )
    return by_id(db, issue_id)


def set_text(
    db: sqlite3.Connection, issue: Issue, actor_id: int, *, title: str, body: str | None, now: str
) -> None:
    """Set title and body."""
    if (title, body) == (issue.title, issue.body):
        return
    db.execute("UPDATE issues SET title = ?, body = ? WHERE id = ?", (title, body, issue.id))
    if title != issue.title:
        events.add(db, issue.id, actor_id, "renamed", now)
    touch(db, issue.id, now)


def close(
    db: sqlite3.Connection,
    issue: Issue,
    actor_id: int | None,
    now: str,
    *,
    reason: Reason | None,
    commit: str | None = None,
) -> None:
    """Close an open issue; a closed one only takes the new reason. `commit` is what closed it, if one did."""
    if issue.state == "closed":
        if reason is not None and reason != issue.state_reason:
            db.execute("UPDATE issues SET state_reason = ? WHERE id = ?", (reason, issue.id))
            touch(db, issue.id, now)
        return
    db.execute(
        "UPDATE issues SET state = 'closed', state_reason = ?, closed_by_id = ?, closed_at = ? WHERE id = ?",
        (reason, actor_id, now, issue.id),
    )
    events.add(db, issue.id, actor_id, "closed", now, commit=commit)
    touch(db, issue.id, now)


def reopen(db: sqlite3.Connection, issue: Issue, actor_id: int, now: str) -> None:
    """Open a closed issue again; an open one stays as it is."""
    if issue.state == "open":
        return
    reason = None if issue.is_pull else "reopened"
    db.execute(
        "UPDATE issues SET state = 'open', state_reason = ?, closed_by_id = NULL, closed_at = NULL WHERE id = ?",
        (reason, issue.id),
    )
    events.add(db, issue.id, actor_id, "reopened", now)
    touch(db, issue.id, now)


def touch(db: sqlite3.Connection, issue_id: int, now: str) -> None:
    """Note that something about the issue has changed."""
    db.execute("UPDATE issues SET updated_at = ? WHERE id = ?", (now, issue_id))


def last_stamp(db: sqlite3.Connection) -> str:
    """The latest instant in any row, or an empty text: the clock may not be earlier than it."""
    row = db.execute(
        "SELECT max(stamp) FROM (SELECT max(updated_at) AS stamp FROM issues"
        " UNION ALL SELECT max(created_at) FROM events UNION ALL SELECT max(updated_at) FROM repositories)"
    ).fetchone()
    return row[0] or ""
