"""One repository on a forge, GitHub, Gitea or the embedded one, in the domain's words."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal, Protocol

import msgspec

from caloron_actors.domain.ids import AgentId, Commit


class IssueSeen(msgspec.Struct, frozen=True, kw_only=True):
    """An issue as the forge tells it. `author` and `closed_by` are None for deleted accounts."""

    number: int
    title: str
    body: str
    state: Literal["open", "closed"]
    author: str | None
    closed_by: str | None = None
    labels: tuple[str, ...] = ()
    updated_at: datetime


class CommentSeen(msgspec.Struct, frozen=True, kw_only=True):
    """A comment on an issue or pull request."""

    id: int
    author: str | None
    body: str
    created_at: datetime


class PullRequestSeen(msgspec.Struct, frozen=True, kw_only=True):
    """A pull request as the forge tells it. `mergeable` is None while the forge has not worked it out."""

    number: int
    title: str
    body: str
    state: Literal["open", "closed"]
    author: str | None
    head_branch: str
    head: Commit
    base_branch: str
    merged: bool
    merge_commit: Commit | None = None
    merged_by: str | None = None
    mergeable: bool | None = None
    updated_at: datetime


ReviewState = Literal["approved", "changes_requested", "commented", "dismissed", "pending"]


class ReviewSeen(msgspec.Struct, frozen=True, kw_only=True):
    """A review as the forge tells it. `commit` is the head the reviewer looked at."""

    id: int
    author: str | None
    state: ReviewState
    body: str
    commit: Commit | None
    submitted_at: datetime


class Merged(msgspec.Struct, frozen=True, tag=True):
    """The forge has merged; `commit` is the merge commit on the base branch."""

    commit: Commit


class HeadMoved(msgspec.Struct, frozen=True, tag=True):
    """The pull request's head is no longer the expected commit (409). Nothing was merged."""


class NotMergeable(msgspec.Struct, frozen=True, tag=True):
    """The forge cannot merge it (405): a conflict, a protection, a draft, a closed pull request. Nothing was merged."""

    reason: str


MergeAnswer = Merged | HeadMoved | NotMergeable


class Forge(Protocol):
    """One repository, and the service's credentials for it.

    Everything is written as the author account but reviews, which are written as their reviewer's account.
    Every call may raise `Unavailable`, `RateLimited`, `Unauthorized`, `NotFound` or `Rejected` (ports.errors).
    Lists are read to their end, oldest first; a list that could not be read to its end raises.
    """

    @property
    def repository(self) -> str:
        """`owner/name`, as the forge spells it."""
        ...

    async def author_login(self) -> str:
        """The login of the author account."""
        ...

    async def reviewer_login(self, reviewer: AgentId) -> str:
        """The login that reviews of `reviewer` are written as."""
        ...

    async def permission(self, login: str) -> Literal["admin", "write", "read", "none"]:
        """What `login` may do in this repository."""
        ...

    async def create_issue(self, title: str, body: str, labels: Sequence[str]) -> int:
        """Open an issue; missing labels are created. Gives its number."""
        ...

    async def issue(self, number: int) -> IssueSeen: ...

    async def issues(self, since: datetime | None = None) -> list[IssueSeen]:
        """All issues (no pull requests) in any state, updated at or after `since`."""
        ...

    async def close_issue(self, number: int) -> None:
        """Close as completed; closing a closed issue is no error."""
        ...

    async def comment(self, number: int, body: str) -> int:
        """Comment on an issue or pull request. Gives the comment's id."""
        ...

    async def comments(self, number: int, since: datetime | None = None) -> list[CommentSeen]: ...

    async def add_labels(self, number: int, labels: Sequence[str]) -> None:
        """Add labels to an issue or pull request; those it has already are no error, missing ones are created."""
        ...

    async def remove_label(self, number: int, label: str) -> None:
        """Remove a label; one it does not have is no error."""
        ...

    async def open_pull_request(self, title: str, body: str, head: str, base: str) -> int:
        """Open a pull request from branch `head` into branch `base`. Gives its number."""
        ...

    async def pull_request(self, number: int) -> PullRequestSeen: ...

    async def pull_requests(
        self, head: str | None = None, since: datetime | None = None
    ) -> list[PullRequestSeen]:
        """All pull requests in any state, of head branch `head` where given, updated at or after `since`.

        `mergeable` and `merged_by` are not told by lists.
        """
        ...

    async def submit_review(
        self,
        number: int,
        reviewer: AgentId,
        verdict: Literal["approve", "request_changes"],
        body: str,
        commit: Commit,
    ) -> ReviewSeen: ...

    async def reviews(self, number: int) -> list[ReviewSeen]: ...

    async def merge(self, number: int, expected_head: Commit, title: str) -> MergeAnswer:
        """Merge with a merge commit, only while the head is `expected_head`."""
        ...
