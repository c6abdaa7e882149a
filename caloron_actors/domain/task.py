"""A task of a running sprint: its row, its status words, and the parts a row is made of."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Literal

import msgspec

from caloron_actors.domain.feedback import Feedback
from caloron_actors.domain.ids import AgentId, Commit, TaskId


class Status(StrEnum):
    """Where a task stands. The words are those of the command's JSON and of the forge's labels."""

    PENDING = "pending"
    READY = "ready"
    STARTING = "starting"
    IN_PROGRESS = "in_progress"
    IN_REVIEW = "in_review"
    MERGING = "merging"
    DONE = "done"
    BLOCKED = "blocked"
    HUMAN_ASSIGNED = "human_assigned"
    CANCELLED = "cancelled"
    FAILED = "failed"


FINAL = frozenset({Status.DONE, Status.CANCELLED, Status.FAILED})
"""Statuses no event leads out of."""


class FirstWork(msgspec.Struct, frozen=True, tag=True):
    """The author works on the task for the first time, from the current base branch."""


class Rework(msgspec.Struct, frozen=True, tag=True):
    """The author is sent back. `text` says why, in a reviewer's or a human's words."""

    text: str
    who: str


class Conflict(msgspec.Struct, frozen=True, tag=True):
    """The author is sent back because its branch conflicts with the base branch on `paths`."""

    paths: tuple[str, ...]


Round = FirstWork | Rework | Conflict


class AuthorRun(msgspec.Struct, frozen=True, kw_only=True):
    """The author's present run. `phase`: what the service waits for; a slot is held until the process has ended."""

    ordinal: int
    phase: Literal["preparing", "launching", "running", "stopping", "collecting", "saving"]
    start: Commit | None = None
    conflicts: tuple[str, ...] = ()
    counted: bool = False

    @property
    def holds_slot(self) -> bool:
        """Whether a process of this run lives or may live."""
        return self.phase in ("preparing", "launching", "running", "stopping")


class ReviewRun(msgspec.Struct, frozen=True, kw_only=True):
    """A reviewer's work on one head. `asked` counts its runs that gave no verdict, `run` is the present or last run."""

    agent: AgentId
    head: Commit
    phase: Literal["wanted", "launching", "running", "stopping", "submitting", "done", "silent"] = "wanted"
    run: int = 0
    asked: int = 0
    launch_failures: int = 0
    last_failure: str = ""
    retry_at: timedelta | None = None

    @property
    def holds_slot(self) -> bool:
        """Whether a process of this reviewer lives or may live."""
        return self.phase in ("launching", "running", "stopping")

    @property
    def pending(self) -> bool:
        """Whether this reviewer's verdict is still to come."""
        return self.phase not in ("done", "silent")


class Review(msgspec.Struct, frozen=True, kw_only=True):
    """A decisive review as the forge told it, by a login that may decide. `by_agent`: written for a reviewer agent."""

    id: int
    login: str
    state: Literal["approved", "changes_requested", "dismissed"]
    head: Commit | None
    text: str
    submitted_at: datetime
    by_agent: bool = False


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """One task's row. All times are ages of the sprint (`Age.lived`).

    `wanted`: an author's run is wanted and waits for a slot. `head`: where the branch stands on the forge,
    `past_heads`: where we had set it before.
    `failures`, `last_failure` and `launch_failures` belong to the present round. `merging`: a merge was sent and is not
    answered yet.
    `labels`: what was put on the forge, as `issue:` or `pull:` and the label. `notes` numbers labels and comments.
    """

    id: TaskId
    status: Status = Status.PENDING
    reason: str | None = None
    ready_at: timedelta | None = None
    started_at: timedelta | None = None
    ended_at: timedelta | None = None
    retry_at: timedelta | None = None

    issue: int | None = None
    pull_request: int | None = None
    pull_requests: int = 0
    closed_unmerged: int = 0
    head: Commit | None = None
    past_heads: tuple[Commit, ...] = ()
    merge_commit: Commit | None = None

    round: Round = FirstWork()
    wanted: bool = False
    runs: int = 0
    attempts: int = 0
    failures: int = 0
    launch_failures: int = 0
    last_failure: str = ""
    review_cycles: int = 0
    conflict_rounds: int = 0
    author: AuthorRun | None = None
    reviewers: tuple[ReviewRun, ...] = ()
    review_runs: int = 0
    reviews: tuple[Review, ...] = ()
    merging: bool = False
    merges: int = 0
    merge_refusals: int = 0
    feedback: Feedback | None = None
    labels: tuple[str, ...] = ()
    notes: int = 0

    @property
    def final(self) -> bool:
        """Whether nothing can happen to this task any more."""
        return self.status in FINAL
