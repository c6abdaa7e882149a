"""The forge port kept in memory, with GitHub's behaviour: for simulation, benchmarks and tests. No network, no git."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Literal

import anyio.lowlevel
from msgspec.structs import replace

from caloron_actors.adapters.memory._forge_git import Branches, GitModel
from caloron_actors.adapters.memory._forge_rules import Permission, Rules, Verdict
from caloron_actors.domain.ids import AgentId, Commit
from caloron_actors.ports.errors import NotFound, Unauthorized
from caloron_actors.ports.forge import CommentSeen, IssueSeen, MergeAnswer, PullRequestSeen, ReviewSeen

__all__ = ["Branches", "GitModel", "Human", "MemoryForge"]


class Human:
    """Someone who acts on the repository by hand, outside the service. Refusals raise as the port's errors."""

    def __init__(self, rules: Rules, login: str, now: Callable[[], datetime]) -> None:
        self._rules = rules
        self._now = now
        self.login = login

    def open_issue(self, title: str, body: str = "") -> int:
        """Open an issue; gives its number."""
        return self._rules.open_issue(self.login, title, body, (), self._now())

    def comment(self, number: int, body: str) -> int:
        """Comment on an issue or pull request; gives the comment's id."""
        return self._rules.comment(self.login, number, body, self._now())

    def review(
        self, number: int, verdict: Verdict, body: str = "", commit: Commit | None = None
    ) -> ReviewSeen:
        """Review a pull request at `commit`, or at its head."""
        return self._rules.review(self.login, number, verdict, body, commit=commit, now=self._now())

    def merge(self, number: int) -> MergeAnswer:
        """Merge a pull request, whatever its head is."""
        return self._rules.merge(self.login, number, None, f"Merge pull request #{number}", self._now())

    def close_pull_request(self, number: int) -> None:
        """Close a pull request without merging it."""
        if number not in self._rules.pulls:
            raise NotFound("Not Found", code=404)
        self._rules.close(self.login, number, self._now())

    def close_issue(self, number: int) -> None:
        """Close an issue."""
        if number not in self._rules.issues:
            raise NotFound("Not Found", code=404)
        self._rules.close(self.login, number, self._now())


class MemoryForge:
    """One repository in memory, see `ports.forge.Forge`.

    `wall` gives aware instants; they are kept in whole seconds, as GitHub does. Without `git` the repository has
    no branches: pass a `Branches` and set them there.
    """

    def __init__(
        self,
        repository: str,
        wall: Callable[[], datetime],
        *,
        author_login: str = "caloron",
        reviewer_logins: Mapping[AgentId, str] | None = None,
        git: GitModel | None = None,
        default_branch: str = "main",
    ) -> None:
        self.lag = timedelta(0)
        """How long lists do not show what was made: a large forge's lists are read from copies of its database."""
        self._made: dict[tuple[str, int], datetime] = {}
        self._wall = wall
        self._author = author_login
        self._reviewers = dict(reviewer_logins or {})
        self._rules = Rules(repository=repository, default_branch=default_branch, git=git or Branches())
        for login in (author_login, *self._reviewers.values()):
            self._rules.permissions[login] = "write"

    def grant(self, login: str, permission: Permission) -> None:
        """Say what an account may do."""
        self._rules.permissions[login] = permission

    def as_human(self, login: str) -> Human:
        """Act as the account `login`, which needs no credential here. A new one may read, as on a public repository."""
        self._rules.permissions.setdefault(login, "read")
        return Human(self._rules, login, self._now)

    @property
    def repository(self) -> str:
        return self._rules.repository

    async def author_login(self) -> str:
        await anyio.lowlevel.checkpoint()
        return self._author

    async def reviewer_login(self, reviewer: AgentId) -> str:
        await anyio.lowlevel.checkpoint()
        return self._reviewer(reviewer)

    async def permission(self, login: str) -> Permission:
        await anyio.lowlevel.checkpoint()
        return self._rules.permissions.get(login, "none")

    async def create_issue(self, title: str, body: str, labels: Sequence[str]) -> int:
        await anyio.lowlevel.checkpoint()
        number = self._rules.open_issue(self._author, title, body, labels, self._now())
        return self._note("thing", number)

    async def issue(self, number: int) -> IssueSeen:
        await anyio.lowlevel.checkpoint()
        if number not in self._rules.issues:
            raise NotFound(f"{self.repository}#{number} is no issue of this repository", code=404)
        return self._rules.issues[number]

    async def issues(self, since: datetime | None = None) -> list[IssueSeen]:
        await anyio.lowlevel.checkpoint()
        return [
            issue
            for issue in self._rules.issues.values()
            if _at_or_after(issue.updated_at, since) and self._shown("thing", issue.number)
        ]

    async def close_issue(self, number: int) -> None:
        await anyio.lowlevel.checkpoint()
        self._rules.close(self._author, number, self._now())

    async def comment(self, number: int, body: str) -> int:
        await anyio.lowlevel.checkpoint()
        return self._note("comment", self._rules.comment(self._author, number, body, self._now()))

    async def comments(self, number: int, since: datetime | None = None) -> list[CommentSeen]:
        await anyio.lowlevel.checkpoint()
        if number not in self._rules.comments:
            raise NotFound("Not Found", code=404)
        return [
            comment
            for comment in self._rules.comments[number]
            if _at_or_after(comment.created_at, since) and self._shown("comment", comment.id)
        ]

    async def add_labels(self, number: int, labels: Sequence[str]) -> None:
        await anyio.lowlevel.checkpoint()
        if labels:
            wanted = tuple(dict.fromkeys((*self._rules.labels(number), *labels)))
            self._rules.label(self._author, number, wanted, self._now())

    async def remove_label(self, number: int, label: str) -> None:
        await anyio.lowlevel.checkpoint()
        kept = tuple(name for name in self._rules.labels(number) if name != label)
        self._rules.label(self._author, number, kept, self._now())

    async def open_pull_request(self, title: str, body: str, head: str, base: str) -> int:
        await anyio.lowlevel.checkpoint()
        number = self._rules.open_pull(self._author, title, body, head=head, base=base, now=self._now())
        return self._note("thing", number)

    async def pull_request(self, number: int) -> PullRequestSeen:
        await anyio.lowlevel.checkpoint()
        return self._rules.pull(number, self._now())

    async def pull_requests(
        self, head: str | None = None, since: datetime | None = None
    ) -> list[PullRequestSeen]:
        await anyio.lowlevel.checkpoint()
        now = self._now()
        seen = [self._rules.pull(number, now) for number in self._rules.pulls]
        return [
            replace(pull, mergeable=None, merged_by=None)
            for pull in seen
            if (head is None or pull.head_branch == head)
            and _at_or_after(pull.updated_at, since)
            and self._shown("thing", pull.number)
        ]

    async def submit_review(
        self,
        number: int,
        reviewer: AgentId,
        verdict: Literal["approve", "request_changes"],
        body: str,
        commit: Commit,
    ) -> ReviewSeen:
        await anyio.lowlevel.checkpoint()
        login = self._reviewer(reviewer)
        made = self._rules.review(login, number, verdict, body, commit=commit, now=self._now())
        self._note("review", made.id)
        return made

    async def reviews(self, number: int) -> list[ReviewSeen]:
        await anyio.lowlevel.checkpoint()
        if number not in self._rules.reviews:
            raise NotFound("Not Found", code=404)
        return [review for review in self._rules.reviews[number] if self._shown("review", review.id)]

    async def merge(self, number: int, expected_head: Commit, title: str) -> MergeAnswer:
        await anyio.lowlevel.checkpoint()
        return self._rules.merge(self._author, number, expected_head, title, self._now())

    def _reviewer(self, reviewer: AgentId) -> str:
        if reviewer not in self._reviewers:
            raise Unauthorized(f"no credential for the reviewer {reviewer!r}")
        return self._reviewers[reviewer]

    def _note(self, kind: str, number: int) -> int:
        self._made[kind, number] = self._wall()
        return number

    def _shown(self, kind: str, number: int) -> bool:
        made = self._made.get((kind, number))
        return made is None or self._wall() >= made + self.lag

    def _now(self) -> datetime:
        return self._wall().astimezone(UTC).replace(microsecond=0)


def _at_or_after(moment: datetime, since: datetime | None) -> bool:
    return since is None or moment >= since.replace(microsecond=0)
