"""The forge port over HTTP: GitHub, Gitea and the embedded forge, one repository, the service's credentials."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Literal, Self
from urllib.parse import quote

from caloron_actors import __version__
from caloron_actors.adapters.github import _gitea, _github, _wire
from caloron_actors.adapters.github._calls import Calls
from caloron_actors.adapters.github._dialect import Dialect, Verdict
from caloron_actors.adapters.github._http import Http, Transport
from caloron_actors.adapters.github._limits import Credential, Limits
from caloron_actors.domain.ids import REPOSITORY_RULE, AgentId, Commit, is_repository
from caloron_actors.ports.errors import NotFound, Rejected, Unauthorized, Unavailable
from caloron_actors.ports.forge import CommentSeen, IssueSeen, MergeAnswer, PullRequestSeen, ReviewSeen

Permission = Literal["admin", "write", "read", "none"]
_PERMISSIONS: Mapping[str, Permission] = {
    "owner": "admin",
    "admin": "admin",
    "maintain": "write",
    "write": "write",
    "triage": "read",
    "read": "read",
}
_NO_DETOUR = frozenset({"", ".", ".."})
"""Path parts that a URL would swallow, so that the request would mean another thing."""


class GitHubForge:
    """One repository on one forge, see `ports.forge.Forge`. Use as an async context manager.

    `base_url` is the API's root: `https://api.github.com`, `https://host/api/v3`, `https://host/api/v1` (Gitea) or
    the embedded forge's; with `uds` the connection goes to that Unix socket and `base_url` only names the host.
    Each credential is used at this origin alone.
    """

    def __init__(
        self,
        base_url: str,
        repository: str,
        author: Credential,
        reviewers: Mapping[AgentId, Credential],
        wall: Callable[[], datetime],
        *,
        dialect: Literal["github", "gitea"] = "github",
        uds: Path | None = None,
        limits: Limits | None = None,
        transport: Transport | None = None,
    ) -> None:
        """Raise ValueError for a base URL or a repository name that cannot be one. `wall` gives aware instants.

        The directory of `uds` must exist.
        """
        if not is_repository(repository):
            raise ValueError(f"a repository is {REPOSITORY_RULE}")
        spoken = _github if dialect == "github" else _gitea
        limits = limits or Limits()
        headers = {**spoken.HEADERS, "User-Agent": f"caloron-actors/{__version__}"}
        self._http = Http(base_url, headers=headers, limits=limits, uds=uds, transport=transport)
        self._calls = Calls(self._http, author, spoken.SCHEME, wall, limits)
        self._repository = repository
        self._root = f"/repos/{repository}"
        self._dialect: Dialect = (
            _github.GitHubDialect(self._calls, self._root)
            if dialect == "github"
            else _gitea.GiteaDialect(self._calls, self._root)
        )
        self._reviewers = dict(reviewers)
        self._logins: dict[str, str] = {}

    async def __aenter__(self) -> Self:
        await self._http.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.__aexit__(kind, error, trace)

    @property
    def repository(self) -> str:
        return self._repository

    async def author_login(self) -> str:
        return await self._login(self._calls.author)

    async def reviewer_login(self, reviewer: AgentId) -> str:
        return await self._login(self._reviewer(reviewer))

    async def permission(self, login: str) -> Permission:
        if login in _NO_DETOUR:
            return "none"
        try:
            told = await self._calls.read(
                f"{self._root}/collaborators/{quote(login, safe='')}/permission", _wire.Permission
            )
        except NotFound:
            # No such account, or none that may see this repository.
            return "none"
        return _PERMISSIONS.get(told.permission, "none")

    async def create_issue(self, title: str, body: str, labels: Sequence[str]) -> int:
        wanted = await self._dialect.labels(labels)
        issue = _wire.NewIssue(title=title, body=body, labels=wanted)
        return (await self._calls.write("POST", f"{self._root}/issues", issue, _wire.Number)).number

    async def issue(self, number: int) -> IssueSeen:
        told = await self._calls.read(f"{self._root}/issues/{number}", _wire.Issue)
        if told.pull_request is not None or told.number != number:
            # A transferred issue answers from its new repository.
            raise NotFound(f"{self._repository}#{number} is no issue of this repository")
        return _wire.issue(told)

    async def issues(self, since: datetime | None = None) -> list[IssueSeen]:
        return await self._dialect.issues(since)

    async def close_issue(self, number: int) -> None:
        await self._calls.write("PATCH", f"{self._root}/issues/{number}", self._dialect.closed, _wire.Number)

    async def comment(self, number: int, body: str) -> int:
        comment = _wire.NewComment(body=body)
        return (
            await self._calls.write("POST", f"{self._root}/issues/{number}/comments", comment, _wire.Id)
        ).id

    async def comments(self, number: int, since: datetime | None = None) -> list[CommentSeen]:
        return await self._dialect.comments(number, since)

    async def add_labels(self, number: int, labels: Sequence[str]) -> None:
        if labels:
            await self._dialect.add_labels(number, labels)

    async def remove_label(self, number: int, label: str) -> None:
        if label in _NO_DETOUR:
            raise Rejected(f"{label!r} cannot be a label")
        await self._dialect.remove_label(number, label)

    async def open_pull_request(self, title: str, body: str, head: str, base: str) -> int:
        pull = _wire.NewPull(title=title, body=body, head=head, base=base)
        return (await self._calls.write("POST", f"{self._root}/pulls", pull, _wire.Number)).number

    async def pull_request(self, number: int) -> PullRequestSeen:
        return self._dialect.pull(await self._calls.read(f"{self._root}/pulls/{number}", _wire.Pull))

    async def pull_requests(
        self, head: str | None = None, since: datetime | None = None
    ) -> list[PullRequestSeen]:
        return await self._dialect.pulls(head, since)

    async def submit_review(
        self, number: int, reviewer: AgentId, verdict: Verdict, body: str, commit: Commit
    ) -> ReviewSeen:
        path = f"{self._root}/pulls/{number}/reviews"
        review = _wire.NewReview(body=body, event=self._dialect.events[verdict], commit_id=commit)
        told = await self._calls.write("POST", path, review, _wire.Review, as_=self._reviewer(reviewer))
        seen = self._dialect.review(told)
        if seen is None:
            raise Unavailable(
                f"POST {path}: the answer is a review in no state that is known", ambiguous=True
            )
        return seen

    async def reviews(self, number: int) -> list[ReviewSeen]:
        return await self._dialect.reviews(number)

    async def merge(self, number: int, expected_head: Commit, title: str) -> MergeAnswer:
        return await self._dialect.merge(number, expected_head, title)

    def _reviewer(self, reviewer: AgentId) -> Credential:
        credential = self._reviewers.get(reviewer)
        if credential is None:
            raise Unauthorized(f"no credential for the reviewer {reviewer!r}")
        return credential

    async def _login(self, credential: Credential) -> str:
        if credential.login is not None:
            return credential.login
        if credential.token not in self._logins:
            self._logins[credential.token] = (
                await self._calls.read("/user", _wire.User, as_=credential)
            ).login
        return self._logins[credential.token]
