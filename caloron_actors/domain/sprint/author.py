"""The author's part of a task: preparing, running, collecting, pushing, and trying again."""

from caloron_actors.domain.effects import CollectWork, LaunchAuthor, OpenPullRequest, PushBranch, SaveWork
from caloron_actors.domain.events import (
    AuthorEnded,
    BranchPushed,
    IssueCreated,
    LaunchFailed,
    PullRequestOpened,
    RunStarted,
    WorkCollected,
    WorkMissing,
    WorkPrepared,
    WorkSaved,
)
from caloron_actors.domain.sprint import reviewing
from caloron_actors.domain.sprint.draft import Draft
from caloron_actors.domain.sprint.state import Refused
from caloron_actors.domain.sprint.turns import (
    attempt_failed,
    block,
    move_head,
    send_back_for_conflict,
    want_again,
)
from caloron_actors.domain.task import AuthorRun, Conflict, Status, Task

STALE = "of an earlier run"


def issue_created(draft: Draft, task: Task, event: IssueCreated) -> Refused | None:
    """Bind the issue to its task, once and for all."""
    if task.issue is not None:
        return Refused(f"{task.id} has issue #{task.issue} already")
    draft.edit(task.id, issue=event.number)
    return None


def prepared(draft: Draft, task: Task, event: WorkPrepared) -> Refused | None:
    """Start the author in its working copy, unless a conflict has gone away by itself."""
    run = task.author
    if run is None or run.ordinal != event.run or run.phase != "preparing":
        return Refused(STALE)
    if isinstance(task.round, Conflict) and not event.conflicts:
        draft.edit(task.id, author=None, status=Status.MERGING)
        return None
    if isinstance(task.round, Conflict):
        draft.edit(task.id, round=Conflict(event.conflicts))
    draft.edit_author(task.id, run, phase="launching", start=event.start, conflicts=event.conflicts)
    agent = draft.task_plan(task.id).assigned_to
    draft.want(LaunchAuthor(task=task.id, agent=agent, run=run.ordinal), run.ordinal)
    return None


def started(draft: Draft, task: Task, event: RunStarted) -> Refused | None:
    """The harness has claimed the author's run."""
    run = task.author
    if run is None or run.ordinal != event.run or run.phase != "launching":
        return Refused(STALE)
    draft.edit_author(task.id, run, phase="running", counted=True)
    began = draft.age if task.started_at is None else task.started_at
    draft.edit(
        task.id,
        status=Status.IN_PROGRESS,
        attempts=task.attempts + 1,
        launch_failures=0,
        started_at=began,
    )
    return None


def launch_failed(draft: Draft, task: Task, event: LaunchFailed) -> Refused | None:
    """Nothing of the run lives. Try again later, unless it was given up because we wanted it so."""
    run = task.author
    if run is None or run.ordinal != event.run:
        return Refused(STALE)
    draft.edit(task.id, author=None)
    if task.final or task.status is Status.BLOCKED:
        return None
    if run.phase == "stopping":
        want_again(draft, task.id)
    else:
        _launch_again(draft, task, event.reason)
    return None


def ended(draft: Draft, task: Task, event: AuthorEnded) -> Refused | None:
    """The author's process is gone: collect its work, or try again."""
    run = task.author
    if run is None or run.ordinal != event.run or not run.holds_slot:
        return Refused(STALE)
    if event.feedback is not None:
        task = draft.edit(task.id, feedback=event.feedback)
    if event.result == "not_started":
        attempts = task.attempts - 1 if run.counted else task.attempts
        task = draft.edit(task.id, author=None, attempts=attempts)
        if not task.final and task.status is not Status.BLOCKED:
            _launch_again(draft, task, event.detail)
        return None
    unwanted = task.final or task.status is Status.BLOCKED or run.phase == "stopping"
    if unwanted or event.result == "stopped":
        _save(draft, task, run)
    elif event.result == "failed":
        draft.edit(task.id, author=None)
        attempt_failed(draft, task.id, event.detail)
    else:
        _collect(draft, task, run)
    return None


def collected(draft: Draft, task: Task, event: WorkCollected) -> Refused | None:
    """The work is one commit: push it."""
    run = task.author
    if run is None or run.ordinal != event.run or run.phase != "collecting":
        return Refused(STALE)
    draft.edit(task.id, author=None)
    draft.want(PushBranch(task=task.id, commit=event.commit, expected=task.head), run.ordinal)
    return None


def missing(draft: Draft, task: Task, event: WorkMissing) -> Refused | None:
    """There is nothing to push: a failed attempt, or a round of the conflict that did not resolve it."""
    run = task.author
    if run is None or run.ordinal != event.run or run.phase != "collecting":
        return Refused(STALE)
    draft.edit(task.id, author=None)
    if event.unresolved:
        send_back_for_conflict(draft, task.id, event.unresolved)
    else:
        attempt_failed(draft, task.id, event.reason)
    return None


def saved(draft: Draft, task: Task, event: WorkSaved) -> Refused | None:
    """A stopped author's work is safe; the attempt is repeated when the sprint goes on."""
    run = task.author
    if run is None or run.ordinal != event.run or run.phase != "saving":
        return Refused(STALE)
    draft.edit(task.id, author=None)
    if not task.final and task.status is not Status.BLOCKED:
        want_again(draft, task.id)
    return None


def pushed(draft: Draft, task: Task, event: BranchPushed) -> Refused | None:
    """The branch stands on the forge: open its pull request, or have the new head reviewed."""
    if task.author is not None or task.wanted:
        return Refused(STALE)
    move_head(draft, task, event.commit)
    draft.edit(task.id, failures=0)
    if task.pull_request is None:
        ordinal = task.pull_requests + 1
        draft.edit(task.id, pull_requests=ordinal)
        draft.want(OpenPullRequest(task.id), ordinal)
    else:
        reviewing.enter(draft, task.id)
    return None


def opened(draft: Draft, task: Task, event: PullRequestOpened) -> Refused | None:
    """The pull request exists: have it reviewed."""
    if task.pull_request is not None:
        return Refused(f"{task.id} has pull request #{task.pull_request} already")
    draft.edit(task.id, pull_request=event.number)
    reviewing.enter(draft, task.id)
    return None


def _launch_again(draft: Draft, task: Task, reason: str) -> None:
    failures = task.launch_failures + 1
    draft.edit(task.id, launch_failures=failures)
    if failures >= draft.head.limits.launch_attempts:
        block(draft, task.id, f"the agent could not be started {failures} times, the last time: {reason}")
        return
    draft.edit(task.id, retry_at=draft.backoff(failures))
    want_again(draft, task.id)


def _collect(draft: Draft, task: Task, run: AuthorRun) -> None:
    if run.start is None:
        attempt_failed(draft, task.id, "the agent ran before its working copy was ready")
        return
    draft.edit_author(task.id, run, phase="collecting")
    effect = CollectWork(task=task.id, run=run.ordinal, start=run.start, must_resolve=run.conflicts)
    draft.want(effect, run.ordinal)


def _save(draft: Draft, task: Task, run: AuthorRun) -> None:
    if run.start is None:
        draft.edit(task.id, author=None)
        if not task.final and task.status is not Status.BLOCKED:
            want_again(draft, task.id)
        return
    draft.edit_author(task.id, run, phase="saving")
    draft.want(SaveWork(task=task.id, run=run.ordinal, start=run.start), run.ordinal)
