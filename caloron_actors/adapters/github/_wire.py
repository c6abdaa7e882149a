"""The JSON of GitHub and Gitea as far as it is read or written, and its values in the domain's words.

Unknown fields are allowed; accounts, bodies and forks may be missing because forges delete them.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Literal

import msgspec

from caloron_actors.domain.ids import Commit, is_commit
from caloron_actors.ports.forge import CommentSeen, IssueSeen, PullRequestSeen, ReviewSeen, ReviewState

Instant = Annotated[datetime, msgspec.Meta(tz=True)]
Sha = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{40}$")]
GHOST_ID = -1
"""Gitea answers with an account of this id where GitHub answers null: the account was deleted."""


class User(msgspec.Struct):
    login: str
    id: int = 0


class Label(msgspec.Struct):
    name: str | None = None
    id: int = 0


class Mark(msgspec.Struct):
    """An object of which only the presence counts."""


class Issue(msgspec.Struct):
    number: int
    title: str
    state: Literal["open", "closed"]
    updated_at: Instant
    body: str | None = None
    user: User | None = None
    closed_by: User | None = None
    labels: list[Label | str] | None = None
    pull_request: Mark | None = None


class Comment(msgspec.Struct):
    id: int
    created_at: Instant
    body: str | None = None
    user: User | None = None


class Repository(msgspec.Struct):
    full_name: str


class Head(msgspec.Struct):
    ref: str
    sha: Sha
    repo: Repository | None = None
    label: str | None = None


class Base(msgspec.Struct):
    ref: str
    repo: Repository


class Pull(msgspec.Struct):
    number: int
    title: str
    state: Literal["open", "closed"]
    updated_at: Instant
    head: Head
    base: Base
    body: str | None = None
    user: User | None = None
    merged: bool | None = None
    merged_at: datetime | None = None
    merged_by: User | None = None
    merge_commit_sha: str | None = None
    mergeable: bool | None = None


class Review(msgspec.Struct):
    id: int
    state: str
    body: str | None = None
    user: User | None = None
    commit_id: str | None = None
    submitted_at: Instant | None = None
    dismissed: bool = False


class Permission(msgspec.Struct):
    permission: str


class Number(msgspec.Struct):
    """An answer of which only the number counts."""

    number: int


class Id(msgspec.Struct):
    """An answer of which only the id counts."""

    id: int


class MergeDone(msgspec.Struct):
    merged: bool
    sha: str | None = None
    message: str | None = None


class NewIssue(msgspec.Struct):
    title: str
    body: str
    labels: Sequence[str] | Sequence[int]


class NewComment(msgspec.Struct):
    body: str


class NewPull(msgspec.Struct):
    title: str
    body: str
    head: str
    base: str


class NewReview(msgspec.Struct):
    body: str
    event: str
    commit_id: str


class IssueChange(msgspec.Struct, omit_defaults=True):
    state: str = ""
    state_reason: str | None = None


class AddLabels(msgspec.Struct):
    labels: Sequence[str] | Sequence[int]


def login(user: User | None) -> str | None:
    """The account's name, None for a deleted account."""
    return None if user is None or user.id == GHOST_ID else user.login


def moment(instant: datetime) -> datetime:
    """An aware instant in UTC."""
    return instant.astimezone(UTC)


def since_text(since: datetime) -> str:
    """`since` for a query: whole seconds, as the forges' own instants are, and without a `+`."""
    return since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def issue(wire: Issue) -> IssueSeen:
    names = (label if isinstance(label, str) else label.name for label in wire.labels or ())
    return IssueSeen(
        number=wire.number,
        title=wire.title,
        body=wire.body or "",
        state=wire.state,
        author=login(wire.user),
        closed_by=login(wire.closed_by),
        labels=tuple(name for name in names if name),
        updated_at=moment(wire.updated_at),
    )


def comment(wire: Comment) -> CommentSeen:
    return CommentSeen(
        id=wire.id, author=login(wire.user), body=wire.body or "", created_at=moment(wire.created_at)
    )


def pull(wire: Pull, branch: str) -> PullRequestSeen:
    """A pull request whose head branch is called `branch`; a fork's is named `owner:branch`, which no branch here is."""
    merged = wire.merged if wire.merged is not None else wire.merged_at is not None
    return PullRequestSeen(
        number=wire.number,
        title=wire.title,
        body=wire.body or "",
        state=wire.state,
        author=login(wire.user),
        head_branch=_inside(wire, branch),
        head=Commit(wire.head.sha),
        base_branch=wire.base.ref,
        merged=merged,
        # Before the merge GitHub names a test merge here.
        merge_commit=Commit(wire.merge_commit_sha) if merged and wire.merge_commit_sha else None,
        merged_by=login(wire.merged_by),
        mergeable=wire.mergeable,
        updated_at=moment(wire.updated_at),
    )


def review(wire: Review, state: ReviewState) -> ReviewSeen | None:
    """A review in `state`; None for one that is not submitted yet, which has no time."""
    if wire.submitted_at is None:
        return None
    return ReviewSeen(
        id=wire.id,
        author=login(wire.user),
        state=state,
        body=wire.body or "",
        commit=Commit(wire.commit_id) if wire.commit_id and is_commit(wire.commit_id) else None,
        submitted_at=moment(wire.submitted_at),
    )


def _inside(wire: Pull, branch: str) -> str:
    home = wire.base.repo.full_name
    origin = wire.head.repo.full_name if wire.head.repo is not None else ""
    if origin.lower() == home.lower():
        return branch
    return branch if ":" in branch else f"{origin.partition('/')[0] or 'unknown'}:{branch}"
