"""What has happened to a sprint: facts in the past tense, the only input of `step`."""

from datetime import timedelta
from typing import Literal

import msgspec

from caloron_actors.domain.effects import Effect
from caloron_actors.domain.feedback import Feedback
from caloron_actors.domain.ids import AgentId, Commit, TaskId
from caloron_actors.domain.task import Review


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """How much a sprint may do at once and how often it tries. Allowed to differ from one launch to the next."""

    max_agents: int = 4
    failed_attempts: int = 3
    reviewer_asks: int = 3
    conflict_rounds: int = 3
    launch_attempts: int = 5
    retry_first: timedelta = timedelta(seconds=1)
    retry_cap: timedelta = timedelta(seconds=30)
    stop_grace: timedelta = timedelta(seconds=10)


class SprintStarted(msgspec.Struct, frozen=True, tag=True):
    """The service took the sprint up, for the first time or again after it was away."""

    limits: Limits
    author_login: str


class SprintSuspended(msgspec.Struct, frozen=True, tag=True):
    """The operator wants this run of the service to end: agents are stopped, nothing new starts."""

    reason: str


class SprintCancelled(msgspec.Struct, frozen=True, tag=True):
    """The operator gave the sprint up for good."""

    by: str


class TimePassed(msgspec.Struct, frozen=True, tag=True):
    """A deadline of the sprint has been reached, or the tick came round."""


class IssueCreated(msgspec.Struct, frozen=True, tag=True):
    """The task's issue exists."""

    task: TaskId
    number: int


class WorkPrepared(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """The author's working copy stands at `start`."""

    task: TaskId
    run: int
    start: Commit
    conflicts: tuple[str, ...] = ()


class RunStarted(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """A run was claimed by its harness (`role` tells whose run ordinal it is)."""

    task: TaskId
    agent: AgentId
    run: int
    role: Literal["author", "reviewer"]


class LaunchFailed(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """A run was given up before its claim; nothing of it lives or ever will."""

    task: TaskId
    agent: AgentId
    run: int
    role: Literal["author", "reviewer"]
    reason: str


class AuthorEnded(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """The author's process is gone. `result`: `finished` (exit 0), `failed`, `stopped` (by us or as an orphan) or
    `not_started` (its command never ran)."""

    task: TaskId
    run: int
    result: Literal["finished", "failed", "stopped", "not_started"]
    detail: str = ""
    feedback: Feedback | None = None


class ReviewerEnded(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """The reviewer's process is gone; `verdict` None means it gave none (or was stopped), `detail` says why."""

    task: TaskId
    agent: AgentId
    run: int
    verdict: Literal["approve", "request_changes"] | None
    detail: str = ""
    stopped: bool = False


class WorkCollected(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """The author's work is one commit in the mirror."""

    task: TaskId
    run: int
    commit: Commit


class WorkMissing(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """The author left nothing that could be taken; `unresolved` names conflicting paths that are still unresolved."""

    task: TaskId
    run: int
    reason: str
    unresolved: tuple[str, ...] = ()


class WorkSaved(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """What a stopped author had changed is on a hidden ref (`commit` None: it had changed nothing)."""

    task: TaskId
    run: int
    commit: Commit | None


class BranchPushed(msgspec.Struct, frozen=True, tag=True):
    """The task's branch on the forge stands at `commit`, set by us."""

    task: TaskId
    commit: Commit


class PullRequestOpened(msgspec.Struct, frozen=True, tag=True):
    """The task's pull request exists."""

    task: TaskId
    number: int


class ReviewSubmitted(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """A reviewer agent's verdict stands on the forge."""

    task: TaskId
    agent: AgentId
    run: int
    review: Review


class PullRequestMerged(msgspec.Struct, frozen=True, tag=True):
    """The forge says merged, by us or by a human."""

    task: TaskId
    commit: Commit
    by: str | None = None


class MergeConflicted(msgspec.Struct, frozen=True, tag=True):
    """The forge cannot merge `head`: it conflicts with the base branch on `paths`."""

    task: TaskId
    head: Commit
    paths: tuple[str, ...]


class MergeRefused(msgspec.Struct, frozen=True, tag=True):
    """The forge refused the merge of `head` although nothing conflicts (protection, closed, head moved).

    `unanswered`: it did not refuse, but gives no answer to this merge, and another one of the sprint is to go first.
    """

    task: TaskId
    head: Commit
    reason: str
    unanswered: bool = False


class NoteWritten(msgspec.Struct, frozen=True, tag=True):
    """A label, comment or closing was done; it changes nothing in the sprint."""

    task: TaskId


class EffectRejected(msgspec.Struct, frozen=True, tag=True):
    """The world said a final no to an effect."""

    task: TaskId
    effect: Effect
    reason: str


class PullRequestFact(msgspec.Struct, frozen=True, kw_only=True):
    """What a look at the forge told of one pull request of the sprint."""

    number: int
    state: Literal["open", "closed"]
    merged: bool
    merge_commit: Commit | None
    merged_by: str | None
    head: Commit
    reviews: tuple[Review, ...]


class IssueFact(msgspec.Struct, frozen=True, kw_only=True):
    """What a look at the forge told of one issue of the sprint."""

    number: int
    state: Literal["open", "closed"]
    closed_by: str | None


class TaskObserved(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """A look at the forge found the task's issue or pull request. Level-triggered: it tells how things are."""

    task: TaskId
    pull_request: PullRequestFact | None = None
    issue: IssueFact | None = None


class RunFound(msgspec.Struct, frozen=True, kw_only=True):
    """A run of an agent that left a directory. `started`: its command ran, or may run still."""

    agent: AgentId
    run: int
    started: bool


class VerdictFound(msgspec.Struct, frozen=True, kw_only=True):
    """A reviewer agent's verdict that stands on the forge, whichever life of the service wrote it."""

    agent: AgentId
    run: int
    head: Commit | None


class TaskFound(msgspec.Struct, frozen=True, kw_only=True):
    """What the forge and the runs' directories tell of a task that the journal may be behind.

    `labels`: worn by the issue. `pull_request`: the merged one of ours, else the newest. `pull_requests` and `notes`: the
    highest ordinals of ours that were used. `branch`: where the task's branch stands, asked only without an open or
    merged pull request.
    """

    task: TaskId
    issue: IssueFact | None = None
    labels: tuple[str, ...] = ()
    pull_request: PullRequestFact | None = None
    pull_requests: int = 0
    branch: Commit | None = None
    notes: int = 0
    runs: tuple[RunFound, ...] = ()
    verdicts: tuple[VerdictFound, ...] = ()


class SprintRestored(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """The database is a backup, the `copy`th in a row: this is how things stand outside, and no other run lives."""

    copy: int
    author_login: str
    found: tuple[TaskFound, ...]


SprintEvent = SprintStarted | SprintSuspended | SprintCancelled | SprintRestored | TimePassed
"""What happens to a sprint as a whole."""

TaskEvent = (
    IssueCreated
    | WorkPrepared
    | RunStarted
    | LaunchFailed
    | AuthorEnded
    | ReviewerEnded
    | WorkCollected
    | WorkMissing
    | WorkSaved
    | BranchPushed
    | PullRequestOpened
    | ReviewSubmitted
    | PullRequestMerged
    | MergeConflicted
    | MergeRefused
    | NoteWritten
    | EffectRejected
    | TaskObserved
)
"""What happens to one task; its `task` says which."""

Event = SprintEvent | TaskEvent
