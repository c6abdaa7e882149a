"""The world outside a sprint: a forge and processes, as far as a sprint can see them. What happens is drawn from a tape."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal, TypeVar

from caloron_actors.domain.events import IssueFact, PullRequestFact
from caloron_actors.domain.ids import AgentId, Commit, TaskId
from caloron_actors.domain.task import Review
from tests.domain.sprint.plans import START, sha

C = TypeVar("C")
ReviewState = Literal["approved", "changes_requested"]


class Tape:
    """Choices made beforehand. At its end it begins anew, or gives the first choice for ever."""

    def __init__(self, choices: bytes, *, again: bool = False) -> None:
        self._choices = choices
        self._again = again
        self._at = 0

    @property
    def over(self) -> bool:
        """Whether every choice was used."""
        return self._at >= len(self._choices)

    def one_of(self, options: Sequence[C]) -> C:
        """Choose; the first option is the good one."""
        if self.over and self._again:
            self._at = 0
        if self.over:
            return options[0]
        self._at += 1
        return options[self._choices[self._at - 1] % len(options)]


@dataclass
class Pull:
    """A pull request on the forge."""

    number: int
    open: bool = True
    merge_commit: Commit | None = None
    merged_by: str | None = None
    reviews: dict[int, Review] = field(default_factory=dict)


@dataclass
class Place:
    """What the forge has of one task."""

    issue: int | None = None
    issue_closed_by: str | None = None
    branch: Commit | None = None
    pulls: dict[int, Pull] = field(default_factory=dict)

    @property
    def open_pull(self) -> Pull | None:
        """The branch's open pull request; there is at most one."""
        return next((pull for pull in self.pulls.values() if pull.open), None)


class TinyForge:
    """Issues, branches, pull requests and reviews of one sprint."""

    def __init__(self) -> None:
        self.places: dict[TaskId, Place] = {}
        self._numbers = 0

    def place(self, task: TaskId) -> Place:
        """What there is of a task."""
        return self.places.setdefault(task, Place())

    def number(self) -> int:
        """The next number."""
        self._numbers += 1
        return self._numbers

    def commit(self) -> Commit:
        """A commit nobody has made before."""
        return sha(f"commit {self.number()}")

    def at(self) -> datetime:
        """The forge's clock: later than everything before."""
        return START + timedelta(minutes=self.number())

    def review(self, pull: Pull, login: str, state: ReviewState, head: Commit) -> Review:
        """Somebody reviews a commit."""
        number = self.number()
        said = Review(id=number, login=login, state=state, head=head, text=state, submitted_at=self.at())
        pull.reviews[number] = said
        return said

    def merge(self, place: Place, pull: Pull, by: str) -> Commit:
        """Merge; the pull request's closing keyword closes the issue."""
        pull.open, pull.merged_by, pull.merge_commit = False, by, self.commit()
        place.issue_closed_by = by
        return pull.merge_commit

    def pull_fact(self, task: TaskId, number: int | None) -> PullRequestFact | None:
        """What a look tells of a pull request."""
        place = self.place(task)
        pull = place.pulls.get(number or 0)
        if pull is None or place.branch is None:
            return None
        return PullRequestFact(
            number=pull.number,
            state="open" if pull.open else "closed",
            merged=pull.merge_commit is not None,
            merge_commit=pull.merge_commit,
            merged_by=pull.merged_by,
            head=place.branch,
            reviews=tuple(pull.reviews.values()),
        )

    def issue_fact(self, task: TaskId) -> IssueFact | None:
        """What a look tells of a task's issue."""
        place = self.place(task)
        if place.issue is None:
            return None
        closed = place.issue_closed_by
        return IssueFact(number=place.issue, state="closed" if closed else "open", closed_by=closed)


@dataclass
class Process:
    """A run of an agent. `watched`: the sprint has taken note of its start, so its end will be told."""

    task: TaskId
    agent: AgentId
    run: int
    role: Literal["author", "reviewer"]
    head: Commit | None = None
    started: bool = True
    alive: bool = True
    watched: bool = False
