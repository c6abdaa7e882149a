"""The author's part of a task: preparing, running, collecting, pushing, and trying again."""

from caloron_actors.domain.effects import (
    CollectWork,
    LaunchAuthor,
    OpenPullRequest,
    PrepareWork,
    PushBranch,
    SaveWork,
)
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
        if task.pull_request is None:
            draft.edit(task.id, author=None)
            ask_for_pull_request(draft, task)
        else:
            reviewing.resume(draft, task.id)
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
    _count_attempt(draft, task)
    return None


def launch_failed(draft: Draft, task: Task, event: LaunchFailed) -> Refused | None:
    """Nothing of the run lives. Try again later, unless it was given up because we wanted it so."""
    run = task.author
    if run is None or run.ordinal != event.run or not run.holds_slot:
        return Refused(STALE)
    _never_ran(draft, task, run, event.reason)
    return None


def start_rejected(
    draft: Draft, task: Task, effect: PrepareWork | LaunchAuthor, reason: str
) -> Refused | None:
    """The world said a final no to the start of a run: a failed launch like any other."""
    run = task.author
    waited = "preparing" if isinstance(effect, PrepareWork) else "launching"
    if run is None or run.ordinal != effect.run or run.phase not in (waited, "stopping"):
        return Refused(STALE)
    agent = draft.task_plan(task.id).assigned_to
    failure = LaunchFailed(task=task.id, agent=agent, run=effect.run, role="author", reason=reason)
    return launch_failed(draft, task, failure)


def ended(draft: Draft, task: Task, event: AuthorEnded) -> Refused | None:
    """The author's process is gone: collect its work, or try again."""
    run = task.author
    if run is None or run.ordinal != event.run or not run.holds_slot:
        return Refused(STALE)
    if event.feedback is not None:
        task = draft.edit(task.id, feedback=event.feedback)
    if event.result == "not_started":
        _never_ran(draft, task, run, event.detail)
        return None
    if not run.counted:
        task = _count_attempt(draft, task)
    task = draft.edit(task.id, launch_failures=0)
    if given_up(task) or run.phase == "stopping" or event.result == "stopped":
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
    if given_up(task):
        return None
    draft.want(PushBranch(task=task.id, commit=event.commit, expected=task.head), run.ordinal)
    return None


def missing(draft: Draft, task: Task, event: WorkMissing) -> Refused | None:
    """There is nothing to push: a failed attempt, or a round of the conflict that did not resolve it."""
    run = task.author
    if run is None or run.ordinal != event.run or run.phase != "collecting":
        return Refused(STALE)
    draft.edit(task.id, author=None)
    if given_up(task):
        return None
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
    if not given_up(task):
        want_again(draft, task.id)
    return None


def pushed(draft: Draft, task: Task, event: BranchPushed) -> Refused | None:
    """The branch stands on the forge: open its pull request, or have the new head reviewed."""
    if event.commit == task.head or event.commit in task.past_heads:
        return Refused(STALE)
    if not given_up(task) and not awaits_forge(task):
        return Refused(STALE)
    move_head(draft, task, event.commit)
    if given_up(task):
        return None
    draft.edit(task.id, failures=0)
    if task.pull_request is None:
        ask_for_pull_request(draft, task)
    else:
        reviewing.enter(draft, task.id)
    return None


def ask_for_pull_request(draft: Draft, task: Task) -> None:
    """The branch stands on the forge and has no pull request."""
    row = draft.edit(task.id, pull_requests=task.pull_requests + 1)
    draft.want(OpenPullRequest(task.id), row.pull_requests)


def opened(draft: Draft, task: Task, event: PullRequestOpened) -> Refused | None:
    """The pull request exists: have it reviewed."""
    if task.pull_request is not None:
        return Refused(f"{task.id} has pull request #{task.pull_request} already")
    if not given_up(task) and not awaits_forge(task):
        return Refused(STALE)
    draft.edit(task.id, pull_request=event.number)
    if not given_up(task):
        reviewing.enter(draft, task.id)
    return None


def awaits_forge(task: Task) -> bool:
    """Whether work is collected and its branch or pull request not yet answered by the forge."""
    return task.status is Status.IN_PROGRESS and task.author is None and not task.wanted


def given_up(task: Task) -> bool:
    """Whether its author has nothing to do for the task, as far as the sprint is concerned."""
    return task.final or task.status is Status.BLOCKED


def _count_attempt(draft: Draft, task: Task) -> Task:
    """The agent's command was started: the attempt counts, however it ends."""
    began = draft.age if task.started_at is None else task.started_at
    status = Status.IN_PROGRESS if task.status is Status.STARTING else task.status
    return draft.edit(task.id, status=status, attempts=task.attempts + 1, started_at=began)


def _never_ran(draft: Draft, task: Task, run: AuthorRun, detail: str) -> None:
    """The harness came and went without the agent's command: no attempt; a failed launch unless we wanted it so."""
    attempts = task.attempts - 1 if run.counted else task.attempts
    task = draft.edit(task.id, author=None, attempts=attempts)
    if given_up(task):
        return
    if run.phase == "stopping":
        want_again(draft, task.id)
    else:
        _launch_again(draft, task, detail)


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
        if not given_up(task):
            want_again(draft, task.id)
        return
    draft.edit_author(task.id, run, phase="saving")
    draft.want(SaveWork(task=task.id, run=run.ordinal, start=run.start), run.ordinal)
