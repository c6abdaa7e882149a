"""Comments on issues and pull requests."""

# ruff: noqa: S608 - only names written in this file are put into statements; values are bound

import sqlite3
from typing import Literal

import msgspec

from caloron_actors.localforge.rows import issues
from caloron_actors.localforge.rows.select import Value, count, inserted, many, one

_COLUMNS = "id, issue_id, author_id, body, created_at, updated_at"


class Comment(msgspec.Struct, frozen=True, array_like=True):
    """A comment as stored."""

    id: int
    issue_id: int
    author_id: int
    body: str
    created_at: str
    updated_at: str


def by_id(db: sqlite3.Connection, repository_id: int, comment_id: int) -> Comment | None:
    """A repository's comment with this id."""
    sql = (
        f"SELECT {_COLUMNS} FROM comments WHERE id = ?"
        " AND issue_id IN (SELECT id FROM issues WHERE repository_id = ?)"
    )
    return one(db, Comment, sql, (comment_id, repository_id))


def create(db: sqlite3.Connection, issue_id: int, author_id: int, body: str, now: str) -> Comment:
    """Add a comment."""
    sql = "INSERT INTO comments (issue_id, author_id, body, created_at, updated_at) VALUES (?, ?, ?, ?, ?)"
    comment_id = inserted(db, sql, (issue_id, author_id, body, now, now))
    issues.touch(db, issue_id, now)
    return Comment(comment_id, issue_id, author_id, body, now, now)


def edit(db: sqlite3.Connection, comment: Comment, body: str, now: str) -> Comment:
    """Replace a comment's text."""
    db.execute("UPDATE comments SET body = ?, updated_at = ? WHERE id = ?", (body, now, comment.id))
    issues.touch(db, comment.issue_id, now)
    return msgspec.structs.replace(comment, body=body, updated_at=now)


def delete(db: sqlite3.Connection, comment: Comment, now: str) -> None:
    """Remove a comment."""
    db.execute("DELETE FROM comments WHERE id = ?", (comment.id,))
    issues.touch(db, comment.issue_id, now)


def number_of(db: sqlite3.Connection, issue_id: int) -> int:
    """How many comments an issue has."""
    return count(db, "SELECT count(*) FROM comments WHERE issue_id = ?", (issue_id,))


def of_issue(
    db: sqlite3.Connection, issue_id: int, since: str | None, limit: int, offset: int
) -> tuple[int, list[Comment]]:
    """How many comments of an issue were changed at or after `since`, and one page of them, oldest first."""
    return _page(db, "issue_id = ?", (issue_id, since or ""), order="id ASC", limit=limit, offset=offset)


def of_repository(
    db: sqlite3.Connection,
    repository_id: int,
    *,
    since: str | None,
    sort: Literal["created", "updated"],
    direction: Literal["asc", "desc"],
    limit: int,
    offset: int,
) -> tuple[int, list[Comment]]:
    """The same over all issues of a repository."""
    where = "issue_id IN (SELECT id FROM issues WHERE repository_id = ?)"
    order = f"{sort}_at {direction}, id {direction}"
    return _page(db, where, (repository_id, since or ""), order=order, limit=limit, offset=offset)


def _page(
    db: sqlite3.Connection, where: str, values: tuple[Value, ...], *, order: str, limit: int, offset: int
) -> tuple[int, list[Comment]]:
    matching = f"FROM comments WHERE {where} AND updated_at >= ?"
    total = count(db, f"SELECT count(*) {matching}", values)
    page = f"SELECT {_COLUMNS} {matching} ORDER BY {order} LIMIT ? OFFSET ?"
    return total, many(db, Comment, page, (*values, limit, offset))
