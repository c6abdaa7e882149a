"""What pull requests have and issues do not."""

import sqlite3
from typing import Literal

import msgspec

from caloron_actors.localforge.rows import events, issues
from caloron_actors.localforge.rows.accounts import Account
from caloron_actors.localforge.rows.select import Value, count, many, one

_COLUMNS = (
    "pulls.issue_id, head_ref, head_sha, base_ref, base_sha, draft, merged_at, merged_by_id, merge_sha,"
    " issues.state = 'open'"
)
_FROM = "FROM pulls JOIN issues ON issues.id = pulls.issue_id"


class Pull(msgspec.Struct, frozen=True, array_like=True):
    """A pull request's branches and its merge. `is_open` is its issue's state."""

    issue_id: int
    head_ref: str
    head_sha: str
    base_ref: str
    base_sha: str
    draft: bool
    merged_at: str | None
    merged_by_id: int | None
    merge_sha: str | None
    is_open: bool


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Which pull requests to list and in which order."""

    state: Literal["open", "closed", "all"] = "open"
    head: str | None = None
    base: str | None = None
    sort: Literal["created", "updated"] = "created"
    direction: Literal["asc", "desc"] = "desc"


def of_issue(db: sqlite3.Connection, issue_id: int) -> Pull:
    """The pull request of an issue row that is one."""
    found = one(db, Pull, f"SELECT {_COLUMNS} {_FROM} WHERE issue_id = ?", (issue_id,))
    if found is None:
        raise LookupError(f"issue row {issue_id} is no pull request")
    return found


def all_open(db: sqlite3.Connection, repository_id: int) -> list[Pull]:
    """All open pull requests of a repository, oldest first."""
    where = "WHERE repository_id = ? AND state = 'open' ORDER BY issue_id"
    return many(db, Pull, f"SELECT {_COLUMNS} {_FROM} {where}", (repository_id,))


def open_between(db: sqlite3.Connection, repository_id: int, head: str, base: str) -> bool:
    """Whether an open pull request from `head` into `base` exists."""
    where = "WHERE repository_id = ? AND state = 'open' AND head_ref = ? AND base_ref = ?"
    return count(db, f"SELECT count(*) {_FROM} {where}", (repository_id, head, base)) > 0


def listed(
    db: sqlite3.Connection, repository_id: int, wanted: Wanted, limit: int, offset: int
) -> tuple[int, list[Pull]]:
    """How many pull requests match, and one page of them."""
    terms = ["repository_id = ?"]
    values: list[Value] = [repository_id]
    for column, value in (("head_ref", wanted.head), ("base_ref", wanted.base)):
        if value is not None:
            terms.append(f"{column} = ?")
            values.append(value)
    if wanted.state != "all":
        terms.append("state = ?")
        values.append(wanted.state)
    where = " AND ".join(terms)
    total = count(db, f"SELECT count(*) {_FROM} WHERE {where}", values)
    order = f"{wanted.sort}_at {wanted.direction}, number {wanted.direction}"
    page = f"SELECT {_COLUMNS} {_FROM} WHERE {where} ORDER BY {order} LIMIT ? OFFSET ?"
    return total, many(db, Pull, page, (*values, limit, offset))


def create(
    db: sqlite3.Connection,
    issue_id: int,
    head: tuple[str, str],
    base: tuple[str, str],
    *,
    draft: bool,
) -> Pull:
    """Add the pull request of an issue row; `head` and `base` are a branch and its commit."""
    db.execute(
        "INSERT INTO pulls (issue_id, head_ref, head_sha, base_ref, base_sha, draft) VALUES (?, ?, ?, ?, ?, ?)",
        (issue_id, *head, *base, draft),
    )
    return of_issue(db, issue_id)


def follow(db: sqlite3.Connection, pull: Pull, head_sha: str, base_sha: str, now: str) -> None:
    """Note where an open pull request's branches stand. Only a moved head counts as a change of it."""
    db.execute(
        "UPDATE pulls SET head_sha = ?, base_sha = ? WHERE issue_id = ?", (head_sha, base_sha, pull.issue_id)
    )
    if head_sha != pull.head_sha:
        issues.touch(db, pull.issue_id, now)


def set_base(db: sqlite3.Connection, pull: Pull, actor_id: int, base: tuple[str, str], now: str) -> None:
    """Let a pull request go into another branch, which stands at the given commit."""
    sql = "UPDATE pulls SET base_ref = ?, base_sha = ? WHERE issue_id = ?"
    db.execute(sql, (*base, pull.issue_id))
    events.add(db, pull.issue_id, actor_id, "base_ref_changed", now)
    issues.touch(db, pull.issue_id, now)


def merged(
    db: sqlite3.Connection,
    pull: Pull,
    actor_id: int | None,
    now: str,
    *,
    head_sha: str,
    base_sha: str,
    merge_sha: str,
) -> None:
    """Record a merge and close the pull request. `base_sha` is where the base stood before it."""
    db.execute(
        "UPDATE pulls SET head_sha = ?, base_sha = ?, merge_sha = ?, merged_at = ?, merged_by_id = ?"
        " WHERE issue_id = ?",
        (head_sha, base_sha, merge_sha, now, actor_id, pull.issue_id),
    )
    events.add(db, pull.issue_id, actor_id, "merged", now, commit=merge_sha)
    issues.close(db, issues.by_id(db, pull.issue_id), actor_id, now, reason=None)


def requested(db: sqlite3.Connection, issue_id: int) -> list[Account]:
    """Those asked for a review who have not given one since."""
    sql = (
        "SELECT id, login, kind, created_at FROM accounts"
        " WHERE id IN (SELECT account_id FROM requested_reviewers WHERE issue_id = ?) ORDER BY id"
    )
    return many(db, Account, sql, (issue_id,))


def request(db: sqlite3.Connection, issue_id: int, actor_id: int, account_id: int, now: str) -> None:
    """Ask an account for a review; asking again changes nothing."""
    done = db.execute("INSERT OR IGNORE INTO requested_reviewers VALUES (?, ?)", (issue_id, account_id))
    if done.rowcount:
        events.add(db, issue_id, actor_id, "review_requested", now)
        issues.touch(db, issue_id, now)


def unrequest(db: sqlite3.Connection, issue_id: int, account_id: int) -> bool:
    """Take back a request, or settle it; False when there was none."""
    sql = "DELETE FROM requested_reviewers WHERE issue_id = ? AND account_id = ?"
    return db.execute(sql, (issue_id, account_id)).rowcount > 0
