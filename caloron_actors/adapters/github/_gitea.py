"""Gitea's dialect (Forgejo's too), `/api/v1`: numbered pages, labels by id, its own words for reviews, POST to merge."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial

import anyio
import msgspec

from caloron_actors.adapters.github import _lists, _wire
from caloron_actors.adapters.github._answers import said
from caloron_actors.adapters.github._calls import Calls, Query, never
from caloron_actors.adapters.github._dialect import Verdict
from caloron_actors.adapters.github._http import Answer
from caloron_actors.domain.ids import Commit
from caloron_actors.ports.errors import PortError, Unavailable
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

HEADERS = {"Accept": "application/json"}
SCHEME = "token"
CHECKING = timedelta(seconds=60)
"""How long Gitea's "try again later" is believed to mean that it still works out the mergeability; then it is a conflict."""
_PAGE = 50
"""The most that Gitea gives by default (MAX_RESPONSE_ITEMS)."""
_STATES: Mapping[str, ReviewState] = {
    "APPROVED": "approved",
    "REQUEST_CHANGES": "changes_requested",
    "COMMENT": "commented",
    "PENDING": "pending",
}
_COLOUR = "#ededed"


class _NewLabel(msgspec.Struct):
    name: str
    color: str


class _Merge(msgspec.Struct):
    head_commit_id: str
    title: str = msgspec.field(name="MergeTitleField")
    how: str = msgspec.field(name="Do", default="merge")


class GiteaDialect:
    """One repository as Gitea tells it; `root` is its path, `/repos/owner/name`."""

    events: Mapping[Verdict, str] = {"approve": "APPROVED", "request_changes": "REQUEST_CHANGES"}
    closed = _wire.IssueChange(state="closed")

    def __init__(self, calls: Calls, root: str) -> None:
        self._calls = calls
        self._root = root
        self._label_ids: dict[str, int] | None = None
        self._making_labels = anyio.Lock()
        self._checking: dict[tuple[int, Commit], datetime] = {}

    async def issues(self, since: datetime | None) -> list[IssueSeen]:
        query: Query = {"state": "all", "type": "issues", "limit": _PAGE, **_since(since)}
        return _lists.issues(await self._calls.numbered(f"{self._root}/issues", list[_wire.Issue], query))

    async def comments(self, number: int, since: datetime | None) -> list[CommentSeen]:
        # Gitea gives an issue's comments in one piece and ignores `page`.
        path = f"{self._root}/issues/{number}/comments"
        return _lists.comments(await self._calls.read(path, list[_wire.Comment], _since(since)))

    async def pulls(self, head: str | None, since: datetime | None) -> list[PullRequestSeen]:
        sort, enough = (
            ("oldest", never) if since is None else ("recentupdate", partial(_lists.reaches, since))
        )
        query: Query = {"state": "all", "sort": sort, "limit": _PAGE}
        found = await self._calls.numbered(f"{self._root}/pulls", list[_wire.Pull], query, enough)
        return _lists.pulls(map(self.pull, found), head, since)

    async def reviews(self, number: int) -> list[ReviewSeen]:
        path = f"{self._root}/pulls/{number}/reviews"
        found = await self._calls.numbered(path, list[_wire.Review], {"limit": _PAGE})
        return _lists.reviews(map(self.review, found))

    def pull(self, wire: _wire.Pull) -> PullRequestSeen:
        # `ref` becomes refs/pull/N/head when the branch is deleted, `label` keeps its name. Gitea says "not mergeable"
        # while it has not looked yet, too.
        if not wire.mergeable:
            wire.mergeable = None
        return _wire.pull(wire, wire.head.label or wire.head.ref)

    def review(self, wire: _wire.Review) -> ReviewSeen | None:
        state: ReviewState | None = "dismissed" if wire.dismissed else _STATES.get(wire.state.upper())
        return None if state is None else _wire.review(wire, state)

    async def labels(self, names: Sequence[str]) -> Sequence[int]:
        """The ids of these labels; missing ones are created."""
        async with self._making_labels:
            known = await self._known_labels()
            for name in names:
                if name not in known:
                    # Until it is known that it was made: Gitea would make a second one of the same name.
                    self._label_ids = None
                    made = await self._calls.write(
                        "POST", f"{self._root}/labels", _NewLabel(name=name, color=_COLOUR), _wire.Id
                    )
                    known[name] = made.id
                    self._label_ids = known
            return [known[name] for name in names]

    async def add_labels(self, number: int, names: Sequence[str]) -> None:
        path = f"{self._root}/issues/{number}/labels"
        for _ in range(2):
            body = _wire.AddLabels(labels=await self.labels(names))
            now_on_it = await self._calls.write("POST", path, body, list[_wire.Label])
            if {label.name for label in now_on_it}.issuperset(names):
                return
            # A label was deleted since it was looked up, and Gitea passes over unknown ids in silence.
            self._label_ids = None
        raise Unavailable(f"POST {path}: the labels did not arrive", ambiguous=True)

    async def remove_label(self, number: int, name: str) -> None:
        path = f"{self._root}/issues/{number}/labels"
        on_it = await self._calls.read(path, list[_wire.Label])
        for label in on_it:
            if label.name == name:
                await self._calls.send("DELETE", f"{path}/{label.id}", None)

    async def merge(self, number: int, expected_head: Commit, title: str) -> MergeAnswer:
        path = f"{self._root}/pulls/{number}/merge"
        body = _Merge(head_commit_id=expected_head, title=title)
        answer = await self._calls.send("POST", path, body, expected=frozenset({405, 409}))
        if answer.status in {405, 409}:
            return await self._not_merged(answer, number, expected_head)
        self._checking.pop((number, expected_head), None)
        # Gitea's answer is empty: the pull request itself tells the merge commit.
        try:
            pull = await self._pull(number)
        except PortError as error:
            raise Unavailable(f"{answer.what}: merged, but not read: {error}", ambiguous=True) from error
        if pull.merge_commit is None:
            return NotMergeable("the forge answered that it merged, and shows the pull request unmerged")
        return Merged(pull.merge_commit)

    async def _not_merged(self, answer: Answer, number: int, expected_head: Commit) -> MergeAnswer:
        """Gitea answers 405 and 409 for a dozen reasons; the pull request tells which it was."""
        reason = said(answer, self._calls.author.token) or "the forge gives no reason"
        pull = await self._pull(number)
        if pull.head != expected_head:
            return HeadMoved()
        if pull.state == "open" and "try again later" in reason.lower():
            since = self._checking.setdefault((number, expected_head), self._calls.wall())
            if self._calls.wall() - since < CHECKING:
                raise Unavailable(f"{answer.what}: {reason}", ambiguous=False)
        if "push out of date" in reason.lower():
            raise Unavailable(f"{answer.what}: the base branch moved meanwhile: {reason}", ambiguous=False)
        self._checking.pop((number, expected_head), None)
        return NotMergeable(reason)

    async def _pull(self, number: int) -> PullRequestSeen:
        return self.pull(await self._calls.read(f"{self._root}/pulls/{number}", _wire.Pull))

    async def _known_labels(self) -> dict[str, int]:
        if self._label_ids is None:
            found = await self._calls.numbered(f"{self._root}/labels", list[_wire.Label], {"limit": _PAGE})
            self._label_ids = {label.name: label.id for label in reversed(found) if label.name}
        return self._label_ids


def _since(since: datetime | None) -> Query:
    return {} if since is None else {"since": _wire.since_text(since)}
