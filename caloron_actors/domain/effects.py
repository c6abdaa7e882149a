"""What a sprint wants done in the world: plain values with stable keys. Nothing here does anything."""

from datetime import timedelta
from typing import Literal

import msgspec

from caloron_actors.domain.ids import AgentId, Commit, EffectKey, TaskId


class CreateIssue(msgspec.Struct, frozen=True, tag=True):
    """Open the task's issue."""

    task: TaskId


class AddLabel(msgspec.Struct, frozen=True, tag=True):
    """Put a label on the task's issue or pull request."""

    task: TaskId
    number: int
    label: str


class RemoveLabel(msgspec.Struct, frozen=True, tag=True):
    """Take a label off the task's issue or pull request."""

    task: TaskId
    number: int
    label: str


class PostComment(msgspec.Struct, frozen=True, tag=True):
    """Comment on the task's issue or pull request. `text` may hold words of agents: it is neutralised when posted."""

    task: TaskId
    number: int
    text: str


class CloseIssue(msgspec.Struct, frozen=True, tag=True):
    """Close the task's issue as completed."""

    task: TaskId
    number: int


class PrepareWork(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """Make the author's working copy ready. `head` None: anew from the current base, else reset to that head."""

    task: TaskId
    run: int
    head: Commit | None
    merge_base_in: bool = False


class LaunchAuthor(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """Start the author's process in its prepared working copy."""

    task: TaskId
    agent: AgentId
    run: int


class CollectWork(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """Take what the author changed since `start` as one head commit."""

    task: TaskId
    run: int
    start: Commit
    must_resolve: tuple[str, ...] = ()


class SaveWork(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """Keep what a stopped author changed since `start` on a hidden ref."""

    task: TaskId
    run: int
    start: Commit


class PushBranch(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """Set the task's branch on the forge to `commit`; it stands at `expected` until then (None: does not exist)."""

    task: TaskId
    commit: Commit
    expected: Commit | None


class OpenPullRequest(msgspec.Struct, frozen=True, tag=True):
    """Open the task's pull request from its branch into the base branch."""

    task: TaskId


class LaunchReviewer(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """Check out the head for a reviewer and start its process there."""

    task: TaskId
    agent: AgentId
    run: int
    head: Commit


class SubmitReview(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """Write a reviewer's verdict on the forge as a review of `head`."""

    task: TaskId
    agent: AgentId
    run: int
    verdict: Literal["approve", "request_changes"]
    text: str
    head: Commit


class MergePullRequest(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """Merge the task's pull request while its head is `head`."""

    task: TaskId
    number: int
    head: Commit


class StopRun(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """End a run of an agent's process and prove it gone; one that was never claimed is given up."""

    task: TaskId
    agent: AgentId
    run: int
    grace: timedelta


Effect = (
    CreateIssue
    | AddLabel
    | RemoveLabel
    | PostComment
    | CloseIssue
    | PrepareWork
    | LaunchAuthor
    | CollectWork
    | SaveWork
    | PushBranch
    | OpenPullRequest
    | LaunchReviewer
    | SubmitReview
    | MergePullRequest
    | StopRun
)


class Intent(msgspec.Struct, frozen=True):
    """An effect that a commit has promised. `key` names it for ever: no two intents of a state directory share one."""

    key: EffectKey
    effect: Effect


def lane(effect: Effect) -> str:
    """The queue an effect waits in: effects of one lane are done one after another, lanes do not wait for each other."""
    match effect:
        case AddLabel() | RemoveLabel() | PostComment() | CloseIssue():
            return f"notes:{effect.task}"
        case LaunchReviewer() | SubmitReview():
            return f"review:{effect.task}:{effect.agent}"
        case StopRun():
            return f"stop:{effect.task}:{effect.agent}"
        case MergePullRequest():
            return "merge"
        case _:
            return f"work:{effect.task}"
