"""What differs between the forges behind one client. A Protocol only."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Literal, Protocol

from caloron_actors.adapters.github import _wire
from caloron_actors.domain.ids import Commit
from caloron_actors.ports.forge import CommentSeen, IssueSeen, MergeAnswer, PullRequestSeen, ReviewSeen

Verdict = Literal["approve", "request_changes"]


class Dialect(Protocol):
    """One forge's way for one repository. Every call may raise the errors of `ports.errors`."""

    events: Mapping[Verdict, str]
    """The words for a review's verdict in a request."""
    closed: _wire.IssueChange
    """The change that closes an issue as completed."""

    async def issues(self, since: datetime | None) -> list[IssueSeen]: ...

    async def comments(self, number: int, since: datetime | None) -> list[CommentSeen]: ...

    async def pulls(self, head: str | None, since: datetime | None) -> list[PullRequestSeen]: ...

    async def reviews(self, number: int) -> list[ReviewSeen]: ...

    def pull(self, wire: _wire.Pull) -> PullRequestSeen: ...

    def review(self, wire: _wire.Review) -> ReviewSeen | None:
        """The review, None for an entry that is no submitted review."""
        ...

    async def labels(self, names: Sequence[str]) -> Sequence[str] | Sequence[int]:
        """What stands for these labels in a request."""
        ...

    async def add_labels(self, number: int, names: Sequence[str]) -> None: ...

    async def remove_label(self, number: int, name: str) -> None: ...

    async def merge(self, number: int, expected_head: Commit, title: str) -> MergeAnswer: ...
