"""Reviews of pull requests."""

# ruff: noqa: S608 - only names written in this file are put into statements; values are bound

import sqlite3
from typing import Literal

import msgspec

from caloron_actors.localforge.rows import events, issues, pulls
from caloron_actors.localforge.rows.select import count, inserted, many, one

State = Literal["APPROVED", "CHANGES_REQUESTED", "COMMENTED", "DISMISSED", "PENDING"]

_COLUMNS = "id, issue_id, author_id, state, body, commit_sha, submitted_at"
_VISIBLE = "issue_id = ? AND (state != 'PENDING' OR author_id = ?)"


class Review(msgspec.Struct, frozen=True, array_like=True):
    """A review as stored. A pending one is seen by its author alone."""

    id: int
    issue_id: int
    author_id: int
    state: State
    body: str
    commit_sha: str
    submitted_at: str


def listed(
    db: sqlite3.Connection, issue_id: int, viewer_id: int, limit: int, offset: int
) -> tuple[int, list[Review]]:
    """How many reviews the viewer sees, and one page of them, oldest first."""
    total = count(db, f"SELECT count(*) FROM reviews WHERE {_VISIBLE}", (issue_id, viewer_id))
    page = f"SELECT {_COLUMNS} FROM reviews WHERE {_VISIBLE} ORDER BY id LIMIT ? OFFSET ?"
    return total, many(db, Review, page, (issue_id, viewer_id, limit, offset))


def by_id(db: sqlite3.Connection, issue_id: int, viewer_id: int, review_id: int) -> Review | None:
    """A pull request's review with this id, if the viewer sees it."""
    sql = f"SELECT {_COLUMNS} FROM reviews WHERE {_VISIBLE} AND id = ?"
    return one(db, Review, sql, (issue_id, viewer_id, review_id))


def pending(db: sqlite3.Connection, issue_id: int, author_id: int) -> bool:
    """Whether the author has a review of this pull request that is not submitted yet."""
    sql = "SELECT count(*) FROM reviews WHERE issue_id = ? AND author_id = ? AND state = 'PENDING'"
    return count(db, sql, (issue_id, author_id)) > 0


def create(
    db: sqlite3.Connection, issue_id: int, author_id: int, *, state: State, body: str, commit: str, now: str
) -> Review:
    """Add a review. One that is submitted settles the request for it."""
    sql = (
        "INSERT INTO reviews (issue_id, author_id, state, body, commit_sha, submitted_at)"
        " VALUES (?, ?, ?, ?, ?, ?)"
    )
    review_id = inserted(db, sql, (issue_id, author_id, state, body, commit, now))
    review = Review(review_id, issue_id, author_id, state, body, commit, now)
    _settle(db, review, now)
    return review


def submit(db: sqlite3.Connection, review: Review, state: State, body: str, now: str) -> Review:
    """Submit a pending review."""
    changed = msgspec.structs.replace(review, state=state, body=body, submitted_at=now)
    sql = "UPDATE reviews SET state = ?, body = ?, submitted_at = ? WHERE id = ?"
    db.execute(sql, (state, body, now, review.id))
    _settle(db, changed, now)
    return changed


def edit(db: sqlite3.Connection, review: Review, body: str, now: str) -> Review:
    """Replace a review's text."""
    db.execute("UPDATE reviews SET body = ? WHERE id = ?", (body, review.id))
    if review.state != "PENDING":
        issues.touch(db, review.issue_id, now)
    return msgspec.structs.replace(review, body=body)


def dismiss(db: sqlite3.Connection, review: Review, actor_id: int, now: str) -> Review:
    """Let an approval or a request for changes no longer count."""
    db.execute("UPDATE reviews SET state = 'DISMISSED' WHERE id = ?", (review.id,))
    events.add(db, review.issue_id, actor_id, "review_dismissed", now)
    issues.touch(db, review.issue_id, now)
    return msgspec.structs.replace(review, state="DISMISSED")


def delete(db: sqlite3.Connection, review: Review) -> None:
    """Remove a review, which must be pending."""
    db.execute("DELETE FROM reviews WHERE id = ? AND state = 'PENDING'", (review.id,))


def _settle(db: sqlite3.Connection, review: Review, now: str) -> None:
    if review.state != "PENDING":
        pulls.unrequest(db, review.issue_id, review.author_id)
        issues.touch(db, review.issue_id, now)
