"""Repositories' rows."""

# ruff: noqa: S608 - only names written in this file are put into statements; values are bound

import sqlite3

import msgspec

from caloron_actors.localforge.rows.select import count, inserted, many, one

_COLUMNS = "id, owner_id, name, full_name, default_branch, created_at, updated_at, pushed_at"


class Repository(msgspec.Struct, frozen=True, array_like=True):
    """A repository as stored."""

    id: int
    owner_id: int
    name: str
    full_name: str
    default_branch: str
    created_at: str
    updated_at: str
    pushed_at: str


def by_name(db: sqlite3.Connection, full_name: str) -> Repository | None:
    """The repository `owner/name`, in whichever case."""
    return one(db, Repository, f"SELECT {_COLUMNS} FROM repositories WHERE full_name = ?", (full_name,))


def everyone(db: sqlite3.Connection) -> list[Repository]:
    """All repositories, oldest first."""
    return many(db, Repository, f"SELECT {_COLUMNS} FROM repositories ORDER BY id")


def create(db: sqlite3.Connection, owner_id: int, full_name: str, default_branch: str, now: str) -> int:
    """Add a repository and give its id."""
    return inserted(
        db,
        "INSERT INTO repositories (owner_id, name, full_name, default_branch, created_at, updated_at, pushed_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        (owner_id, full_name.partition("/")[2], full_name, default_branch, now, now, now),
    )


def pushed(db: sqlite3.Connection, repository_id: int, now: str) -> None:
    """Note that branches have changed."""
    db.execute(
        "UPDATE repositories SET pushed_at = ?, updated_at = ? WHERE id = ?", (now, now, repository_id)
    )


def next_number(db: sqlite3.Connection, repository_id: int) -> int:
    """Take the next number of issues and pull requests."""
    db.execute("UPDATE repositories SET last_number = last_number + 1 WHERE id = ?", (repository_id,))
    return count(db, "SELECT last_number FROM repositories WHERE id = ?", (repository_id,))


def open_issues(db: sqlite3.Connection, repository_id: int) -> int:
    """How many issues and pull requests are open."""
    sql = "SELECT count(*) FROM issues WHERE repository_id = ? AND state = 'open'"
    return count(db, sql, (repository_id,))
