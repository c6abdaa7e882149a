"""`step`: the one function that moves a sprint. Pure: the same sprint, event and time give the same step."""

from typing import assert_never

from caloron_actors.domain import events as ev
from caloron_actors.domain.effects import (
    CollectWork,
    CreateIssue,
    LaunchAuthor,
    LaunchReviewer,
    MergePullRequest,
    OpenPullRequest,
    PrepareWork,
    PushBranch,
    SaveWork,
    SubmitReview,
)
from caloron_actors.domain.instant import Now
from caloron_actors.domain.sprint import author, labels, merging, restored, reviewing, schedule
from caloron_actors.domain.sprint.draft import Draft
from caloron_actors.domain.sprint.state import Refused, Sprint, Step
from caloron_actors.domain.sprint.turns import block, retry_launches
from caloron_actors.domain.task import Status, Task
from caloron_actors.domain.transitions import TABLE


def step(sprint: Sprint, event: ev.Event, now: Now) -> Step | Refused:
    """Apply an event: the sprint after it and what it makes necessary, or why it does not fit."""
    draft = Draft(sprint, now)
    refused = _whole(draft, event) if isinstance(event, ev.SprintEvent) else _task(draft, event)
    if refused is not None:
        return refused
    schedule.proceed(draft)
    labels.keep_worn(draft)
    return draft.done()


def _whole(draft: Draft, event: ev.SprintEvent) -> Refused | None:
    if draft.head.outcome is not None and not isinstance(event, ev.SprintStarted | ev.SprintRestored):
        return Refused("the sprint has ended")
    match event:
        case ev.SprintStarted():
            if schedule.not_begun(draft.tasks.values()):
                schedule.begin(draft)
            draft.edit_head(limits=event.limits, author_login=event.author_login, suspended=None)
            retry_launches(draft)
        case ev.SprintSuspended():
            draft.edit_head(suspended=event.reason)
            for task in draft.tasks:
                draft.stop_author(task)
                draft.stop_reviewers(task)
        case ev.SprintCancelled() if draft.head.ending is not None:
            return Refused(f"the sprint is {draft.head.ending} already")
        case ev.SprintCancelled():
            schedule.wind_down(draft, "cancelled", f"the sprint was cancelled by {event.by}")
        case ev.SprintRestored():
            restored.reconcile(draft, event)
        case ev.TimePassed():
            pass
        case _:
            assert_never(event)
    return None


def _task(draft: Draft, event: ev.TaskEvent) -> Refused | None:
    task = draft.tasks.get(event.task)
    if task is None:
        return Refused(f"no task {event.task}")
    allowed = TABLE.get((task.status, type(event)))
    if allowed is None:
        return Refused(f"{type(event).__name__} does not fit a task that is {task.status}")
    refused = _apply(draft, task, event)
    after = draft.tasks[task.id].status
    if refused is None and after not in allowed:
        raise AssertionError(f"{type(event).__name__} led {task.id} from {task.status} to {after}")
    return refused


def _apply(draft: Draft, task: Task, event: ev.TaskEvent) -> Refused | None:  # noqa: C901, PLR0911, PLR0912 - one line a kind
    match event:
        case ev.IssueCreated():
            return author.issue_created(draft, task, event)
        case ev.WorkPrepared():
            return author.prepared(draft, task, event)
        case ev.RunStarted():
            if event.role == "author":
                return author.started(draft, task, event)
            return reviewing.started(draft, task, event)
        case ev.LaunchFailed():
            if event.role == "author":
                return author.launch_failed(draft, task, event)
            return reviewing.launch_failed(draft, task, event)
        case ev.AuthorEnded():
            return author.ended(draft, task, event)
        case ev.ReviewerEnded():
            return reviewing.ended(draft, task, event)
        case ev.WorkCollected():
            return author.collected(draft, task, event)
        case ev.WorkMissing():
            return author.missing(draft, task, event)
        case ev.WorkSaved():
            return author.saved(draft, task, event)
        case ev.BranchPushed():
            return author.pushed(draft, task, event)
        case ev.PullRequestOpened():
            return author.opened(draft, task, event)
        case ev.ReviewSubmitted():
            return reviewing.submitted(draft, task, event)
        case ev.PullRequestMerged():
            return merging.merged(draft, task, event)
        case ev.MergeConflicted():
            return merging.conflicted(draft, task, event)
        case ev.MergeRefused():
            return merging.refused(draft, task, event)
        case ev.TaskObserved():
            return merging.observed(draft, task, event)
        case ev.EffectRejected():
            return _rejected(draft, task, event)
        case ev.NoteWritten():
            return None
        case _:
            assert_never(event)


def _rejected(draft: Draft, task: Task, event: ev.EffectRejected) -> Refused | None:  # noqa: PLR0911 - one line a kind
    """The world said a final no to something the task needs: what that leads to depends on what was asked."""
    effect = event.effect
    match effect:
        case PrepareWork() | LaunchAuthor():
            return author.start_rejected(draft, task, effect, event.reason)
        case LaunchReviewer():
            failure = ev.LaunchFailed(
                task=task.id, agent=effect.agent, run=effect.run, role="reviewer", reason=event.reason
            )
            return reviewing.launch_failed(draft, task, failure)
        case CollectWork():
            lost = ev.WorkMissing(task=task.id, run=effect.run, reason=event.reason)
            return author.missing(draft, task, lost)
        case SaveWork():
            return author.saved(draft, task, ev.WorkSaved(task=task.id, run=effect.run, commit=None))
        case SubmitReview():
            reviewing.submission_rejected(draft, task, effect, event.reason)
        case MergePullRequest():
            refused = ev.MergeRefused(task=task.id, head=effect.head, reason=event.reason)
            return merging.refused(draft, task, refused)
        case CreateIssue() | PushBranch() | OpenPullRequest():
            return _creation_rejected(draft, task, effect, event.reason)
        case _:
            pass
    return None


def _creation_rejected(
    draft: Draft, task: Task, effect: CreateIssue | PushBranch | OpenPullRequest, reason: str
) -> Refused | None:
    if task.final or task.status is Status.BLOCKED:
        return None
    awaited = task.issue is None if isinstance(effect, CreateIssue) else author.awaits_forge(task)
    if not awaited:
        return Refused(author.STALE)
    block(draft, task.id, f"{type(effect).__name__} was refused: {reason}")
    return None
