"""Labels of repositories and of issues."""

# ruff: noqa: S608 - only names written in this file are put into statements; values are bound

import sqlite3
from collections.abc import Sequence

import msgspec

from caloron_actors.localforge.rows import events, issues
from caloron_actors.localforge.rows.select import count, inserted, many, one

DEFAULT_COLOR = "ededed"
"""What GitHub gives a label that is made by using it."""

_COLUMNS = "labels.id, labels.repository_id, labels.name, labels.color, labels.description"


class Label(msgspec.Struct, frozen=True, array_like=True):
    """A label as stored."""

    id: int
    repository_id: int
    name: str
    color: str
    description: str | None


def by_name(db: sqlite3.Connection, repository_id: int, name: str) -> Label | None:
    """A repository's label, in whichever case."""
    sql = f"SELECT {_COLUMNS} FROM labels WHERE repository_id = ? AND name = ?"
    return one(db, Label, sql, (repository_id, name))


def of_repository(
    db: sqlite3.Connection, repository_id: int, limit: int, offset: int
) -> tuple[int, list[Label]]:
    """How many labels a repository has, and one page of them by name."""
    total = count(db, "SELECT count(*) FROM labels WHERE repository_id = ?", (repository_id,))
    sql = f"SELECT {_COLUMNS} FROM labels WHERE repository_id = ? ORDER BY name LIMIT ? OFFSET ?"
    return total, many(db, Label, sql, (repository_id, limit, offset))


def of_issue(db: sqlite3.Connection, issue_id: int) -> list[Label]:
    """An issue's labels by name."""
    sql = (
        f"SELECT {_COLUMNS} FROM labels JOIN issue_labels ON label_id = labels.id"
        " WHERE issue_id = ? ORDER BY name"
    )
    return many(db, Label, sql, (issue_id,))


def create(
    db: sqlite3.Connection, repository_id: int, name: str, color: str, description: str | None
) -> Label:
    """Add a label to a repository."""
    sql = "INSERT INTO labels (repository_id, name, color, description) VALUES (?, ?, ?, ?)"
    label_id = inserted(db, sql, (repository_id, name, color, description))
    return Label(label_id, repository_id, name, color, description)


def edit(db: sqlite3.Connection, label: Label) -> None:
    """Store a label's changed name, colour and description."""
    sql = "UPDATE labels SET name = ?, color = ?, description = ? WHERE id = ?"
    db.execute(sql, (label.name, label.color, label.description, label.id))


def delete(db: sqlite3.Connection, label: Label) -> None:
    """Remove a label from its repository and from all issues."""
    db.execute("DELETE FROM labels WHERE id = ?", (label.id,))


def attach(
    db: sqlite3.Connection, issue: issues.Issue, actor_id: int, names: Sequence[str], now: str
) -> None:
    """Give an issue labels; missing ones are made, those it has already stay."""
    for name in names:
        label = by_name(db, issue.repository_id, name)
        if label is None:
            label = create(db, issue.repository_id, name, DEFAULT_COLOR, None)
        done = db.execute("INSERT OR IGNORE INTO issue_labels VALUES (?, ?)", (issue.id, label.id))
        if done.rowcount:
            events.add(db, issue.id, actor_id, "labeled", now, label=(label.name, label.color))
            issues.touch(db, issue.id, now)


def detach(db: sqlite3.Connection, issue: issues.Issue, actor_id: int, label: Label, now: str) -> bool:
    """Take a label from an issue; False when the issue does not have it."""
    done = db.execute("DELETE FROM issue_labels WHERE issue_id = ? AND label_id = ?", (issue.id, label.id))
    if not done.rowcount:
        return False
    events.add(db, issue.id, actor_id, "unlabeled", now, label=(label.name, label.color))
    issues.touch(db, issue.id, now)
    return True


def replace(
    db: sqlite3.Connection, issue: issues.Issue, actor_id: int, names: Sequence[str], now: str
) -> None:
    """Give an issue exactly these labels."""
    kept = {name.casefold() for name in names}
    for label in of_issue(db, issue.id):
        if label.name.casefold() not in kept:
            detach(db, issue, actor_id, label, now)
    attach(db, issue, actor_id, names, now)
