"""One repository as GitHub would keep it: who may do what, and what follows from it. No port, no clock, no git."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from msgspec.structs import replace

from caloron_actors.adapters.memory._forge_git import GitModel
from caloron_actors.domain.ids import Commit
from caloron_actors.ports.errors import NotFound, Rejected, Unauthorized
from caloron_actors.ports.forge import (
    CommentSeen,
    HeadMoved,
    IssueSeen,
    MergeAnswer,
    Merged,
    NotMergeable,
    PullRequestSeen,
    ReviewSeen,
)

Permission = Literal["admin", "write", "read", "none"]
Verdict = Literal["approve", "request_changes", "comment"]
_STATES: Mapping[Verdict, Literal["approved", "changes_requested", "commented"]] = {
    "approve": "approved",
    "request_changes": "changes_requested",
    "comment": "commented",
}
BODY_LIMIT = 65536
"""Characters of a body, GitHub's own limit."""
_CLOSING = re.compile(r"\b(?:close[sd]?|fix(?:e[sd])?|resolve[sd]?):?\s+#(\d+)\b", re.IGNORECASE)


@dataclass
class Rules:
    """The rows of one repository. Every act names who acts and when; a refusal raises the port's error."""

    repository: str
    default_branch: str
    git: GitModel
    permissions: dict[str, Permission] = field(default_factory=dict)
    issues: dict[int, IssueSeen] = field(default_factory=dict)
    pulls: dict[int, PullRequestSeen] = field(default_factory=dict)
    pull_labels: dict[int, tuple[str, ...]] = field(default_factory=dict)
    comments: dict[int, list[CommentSeen]] = field(default_factory=dict)
    reviews: dict[int, list[ReviewSeen]] = field(default_factory=dict)
    heads: dict[int, set[Commit]] = field(default_factory=dict)
    ids: int = 0

    def open_issue(self, who: str, title: str, body: str, labels: Sequence[str], now: datetime) -> int:
        """The new issue's number. Labels of someone without write access are dropped, as GitHub does."""
        _text(title, body)
        number = self._next_number()
        kept = tuple(dict.fromkeys(labels)) if self.may_write(who) else ()
        self.issues[number] = IssueSeen(
            number=number, title=title, body=body, state="open", author=who, labels=kept, updated_at=now
        )
        self.comments[number] = []
        return number

    def close(self, who: str, number: int, now: datetime) -> None:
        """Close an issue or, unmerged, a pull request."""
        thing = self._thing(number)
        if not self.may_write(who) and who != thing.author:
            raise Unauthorized("Must have write access or be the author", code=403)
        if number in self.pulls:
            self._look(number, now)
            if self.pulls[number].state == "open":
                self.pulls[number] = replace(self.pulls[number], state="closed", updated_at=now)
        elif thing.state == "open":
            self.issues[number] = replace(self.issues[number], state="closed", closed_by=who, updated_at=now)

    def comment(self, who: str, number: int, body: str, now: datetime) -> int:
        self._thing(number)
        _text("-", body)
        if not body.strip():
            raise Rejected("Validation Failed: body cannot be blank", code=422)
        made = CommentSeen(id=self._next_id(), author=who, body=body, created_at=now)
        self.comments[number].append(made)
        self._touch(number, now)
        return made.id

    def label(self, who: str, number: int, labels: tuple[str, ...], now: datetime) -> None:
        """Set the labels of an issue or pull request."""
        if not self.may_write(who):
            raise Unauthorized("Must have write access to label", code=403)
        if labels == self.labels(number):
            return
        if number in self.issues:
            self.issues[number] = replace(self.issues[number], labels=labels)
        else:
            self.pull_labels[number] = labels
        self._touch(number, now)

    def labels(self, number: int) -> tuple[str, ...]:
        self._thing(number)
        return self.issues[number].labels if number in self.issues else self.pull_labels[number]

    def open_pull(self, who: str, title: str, body: str, *, head: str, base: str, now: datetime) -> int:
        _text(title, body)
        commit = self.git.head(head)
        if commit is None or self.git.head(base) is None:
            raise Rejected(f"Validation Failed: {'head' if commit is None else 'base'} invalid", code=422)
        for number in list(self.pulls):
            other = self._look(number, now)
            if other.state == "open" and (other.head_branch, other.base_branch) == (head, base):
                raise Rejected(f"Validation Failed: A pull request already exists for {head}", code=422)
        if not self.git.ahead(base, commit):
            raise Rejected(f"Validation Failed: No commits between {base} and {head}", code=422)
        number = self._next_number()
        self.pulls[number] = PullRequestSeen(
            number=number,
            title=title,
            body=body,
            state="open",
            author=who,
            head_branch=head,
            head=commit,
            base_branch=base,
            merged=False,
            updated_at=now,
        )
        self.pull_labels[number], self.comments[number], self.reviews[number] = (), [], []
        self.heads[number] = {commit}
        return number

    def pull(self, number: int, now: datetime) -> PullRequestSeen:
        """A pull request with its mergeability."""
        if number not in self.pulls:
            raise NotFound("Not Found", code=404)
        seen = self._look(number, now)
        if seen.state != "open":
            return seen
        return replace(seen, mergeable=self.git.mergeable(seen.base_branch, seen.head))

    def review(
        self, who: str, number: int, verdict: Verdict, body: str, *, commit: Commit | None, now: datetime
    ) -> ReviewSeen:
        """Review at `commit`, None for the head."""
        pull = self.pull(number, now)
        _text("-", body)
        if verdict != "comment" and who == pull.author:
            act = "approve" if verdict == "approve" else "request changes on"
            raise Rejected(f"Validation Failed: Can not {act} your own pull request", code=422)
        if verdict != "approve" and not body.strip():
            raise Rejected("Validation Failed: a review without approval needs a body", code=422)
        if commit is not None and commit not in self.heads[number]:
            raise Rejected("Validation Failed: commit_id is no commit of the pull request", code=422)
        made = ReviewSeen(
            id=self._next_id(),
            author=who,
            state=_STATES[verdict],
            body=body,
            commit=commit or pull.head,
            submitted_at=now,
        )
        self.reviews[number].append(made)
        self._touch(number, now)
        return made

    def merge(self, who: str, number: int, expected: Commit | None, title: str, now: datetime) -> MergeAnswer:
        """Merge while the head is `expected`, None for any head."""
        pull = self.pull(number, now)
        if not self.may_write(who):
            raise Unauthorized("Must have write access to merge", code=403)
        if pull.state != "open":
            return NotMergeable("Pull Request is closed")
        if expected is not None and pull.head != expected:
            return HeadMoved()
        if not pull.mergeable:
            return NotMergeable("Pull Request is not mergeable")
        made = self.git.merge(pull.base_branch, pull.head, title)
        self.pulls[number] = replace(
            self.pulls[number], state="closed", merged=True, merge_commit=made, merged_by=who, updated_at=now
        )
        if pull.base_branch == self.default_branch:
            for closed in {int(digits) for digits in _CLOSING.findall(pull.body)}:
                if closed in self.issues and self.issues[closed].state == "open":
                    self.issues[closed] = replace(
                        self.issues[closed], state="closed", closed_by=who, updated_at=now
                    )
        return Merged(made)

    def may_write(self, who: str) -> bool:
        return self.permissions.get(who, "none") in {"admin", "write"}

    def _look(self, number: int, now: datetime) -> PullRequestSeen:
        """Let an open pull request follow its branches: a push moves its head, a deleted branch closes it.

        A head that came into the base by another way is merged.
        """
        pull = self.pulls[number]
        if pull.state != "open":
            return pull
        head, base = self.git.head(pull.head_branch), self.git.head(pull.base_branch)
        if head is None or base is None:
            self.pulls[number] = replace(pull, state="closed", updated_at=now)
            return self.pulls[number]
        if head != pull.head:
            self.heads[number].add(head)
            pull = replace(pull, head=head, updated_at=now)
        if not self.git.ahead(pull.base_branch, head):
            pull = replace(pull, state="closed", merged=True, merge_commit=base, updated_at=now)
        self.pulls[number] = pull
        return pull

    def _thing(self, number: int) -> IssueSeen | PullRequestSeen:
        thing = self.issues.get(number) or self.pulls.get(number)
        if thing is None:
            raise NotFound("Not Found", code=404)
        return thing

    def _touch(self, number: int, now: datetime) -> None:
        if number in self.issues:
            self.issues[number] = replace(self.issues[number], updated_at=now)
        else:
            self.pulls[number] = replace(self.pulls[number], updated_at=now)

    def _next_number(self) -> int:
        return len(self.issues) + len(self.pulls) + 1

    def _next_id(self) -> int:
        self.ids += 1
        return self.ids


def _text(title: str, body: str) -> None:
    if not title.strip():
        raise Rejected("Validation Failed: title is missing", code=422)
    if len(body) > BODY_LIMIT:
        raise Rejected(f"Validation Failed: body is too long (maximum is {BODY_LIMIT} characters)", code=422)
