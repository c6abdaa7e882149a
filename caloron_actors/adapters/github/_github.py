"""GitHub's dialect, which the embedded forge speaks too."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from urllib.parse import quote

import msgspec

from caloron_actors.adapters.github import _lists, _wire
from caloron_actors.adapters.github._answers import clean, decode, said
from caloron_actors.adapters.github._calls import Calls, Query, never
from caloron_actors.adapters.github._dialect import Verdict
from caloron_actors.domain.ids import Commit, is_commit
from caloron_actors.ports.errors import NotFound, Unavailable
from caloron_actors.ports.forge import (
    CommentSeen,
    HeadMoved,
    IssueSeen,
    MergeAnswer,
    Merged,
    NotMergeable,
    PullRequestSeen,
    ReviewSeen,
    ReviewState,
)

HEADERS = {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"}
SCHEME = "Bearer"
_PAGE = 100
_STATES: Mapping[str, ReviewState] = {
    "APPROVED": "approved",
    "CHANGES_REQUESTED": "changes_requested",
    "COMMENTED": "commented",
    "DISMISSED": "dismissed",
    "PENDING": "pending",
}
_BASE_MOVED = "base branch was modified"


class _Merge(msgspec.Struct):
    sha: str
    commit_title: str
    merge_method: str = "merge"


class GitHubDialect:
    """One repository as GitHub tells it; `root` is its path, `/repos/owner/name`."""

    events: Mapping[Verdict, str] = {"approve": "APPROVE", "request_changes": "REQUEST_CHANGES"}
    closed = _wire.IssueChange(state="closed", state_reason="completed")

    def __init__(self, calls: Calls, root: str) -> None:
        self._calls = calls
        self._root = root

    async def issues(self, since: datetime | None) -> list[IssueSeen]:
        # By creation nothing moves to an earlier page while the list is read, so nothing is missed.
        query: Query = {
            "state": "all",
            "sort": "created",
            "direction": "asc",
            "per_page": _PAGE,
            **_since(since),
        }
        return _lists.issues(await self._calls.linked(f"{self._root}/issues", list[_wire.Issue], query))

    async def comments(self, number: int, since: datetime | None) -> list[CommentSeen]:
        path = f"{self._root}/issues/{number}/comments"
        return _lists.comments(
            await self._calls.linked(path, list[_wire.Comment], {"per_page": _PAGE, **_since(since)})
        )

    async def pulls(self, head: str | None, since: datetime | None) -> list[PullRequestSeen]:
        order: Query = {"sort": "created", "direction": "asc"}
        enough = never
        if head is not None:
            order = {**order, "head": f"{self._root.split('/')[2]}:{head}"}
        elif since is not None:
            # GitHub's list knows no `since`: newest update first, until older ones come.
            order, enough = {"sort": "updated", "direction": "desc"}, partial(_lists.reaches, since)
        query: Query = {"state": "all", "per_page": _PAGE, **order}
        found = await self._calls.linked(f"{self._root}/pulls", list[_wire.Pull], query, enough)
        return _lists.pulls(map(self.pull, found), head, since)

    async def reviews(self, number: int) -> list[ReviewSeen]:
        path = f"{self._root}/pulls/{number}/reviews"
        return _lists.reviews(
            map(self.review, await self._calls.linked(path, list[_wire.Review], {"per_page": _PAGE}))
        )

    def pull(self, wire: _wire.Pull) -> PullRequestSeen:
        return _wire.pull(wire, wire.head.ref)

    def review(self, wire: _wire.Review) -> ReviewSeen | None:
        state = _STATES.get(wire.state.upper())
        return None if state is None else _wire.review(wire, state)

    async def labels(self, names: Sequence[str]) -> Sequence[str]:
        return names

    async def add_labels(self, number: int, names: Sequence[str]) -> None:
        path = f"{self._root}/issues/{number}/labels"
        await self._calls.write("POST", path, _wire.AddLabels(labels=names), list[_wire.Label])

    async def remove_label(self, number: int, name: str) -> None:
        path = f"{self._root}/issues/{number}"
        try:
            await self._calls.write(
                "DELETE", f"{path}/labels/{quote(name, safe='')}", None, list[_wire.Label]
            )
        except NotFound:
            # Either the label is not on it, which is the aim, or there is no such issue, which this raises.
            await self._calls.read(path, _wire.Number)

    async def merge(self, number: int, expected_head: Commit, title: str) -> MergeAnswer:
        body = _Merge(sha=expected_head, commit_title=title)
        path = f"{self._root}/pulls/{number}/merge"
        answer = await self._calls.send("PUT", path, body, expected=frozenset({405, 409}))
        if answer.status == 409:
            return HeadMoved()
        if answer.status == 405:
            reason = said(answer, self._calls.author.token) or "the forge gives no reason"
            if _BASE_MOVED in reason.lower():
                # Another merge came in between: nothing is wrong with this one.
                raise Unavailable(f"{answer.what}: {reason}", ambiguous=False)
            return NotMergeable(reason)
        done = decode(answer, _wire.MergeDone, write=True)
        if not done.merged:
            return NotMergeable(clean(done.message or "the forge answered that it did not merge"))
        if done.sha is None or not is_commit(done.sha):
            raise Unavailable(f"{answer.what}: the answer names no merge commit", ambiguous=True)
        return Merged(Commit(done.sha))


def _since(since: datetime | None) -> Query:
    return {} if since is None else {"since": _wire.since_text(since)}
