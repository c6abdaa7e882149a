"""Where a task goes when it does not go on: back to its author, to a human, or to its end."""

from caloron_actors.domain.ids import Commit, TaskId
from caloron_actors.domain.sprint.draft import Draft
from caloron_actors.domain.task import Conflict, FirstWork, Rework, Status, Task


def attempt_failed(draft: Draft, task: TaskId, reason: str) -> None:
    """Count a failed attempt of the present round; after the last allowed one the task ends or waits for a human."""
    row = draft.edit(task, failures=draft.tasks[task].failures + 1, last_failure=reason)
    budget = draft.task_plan(task).budget.attempts
    spent = budget is not None and row.attempts >= budget
    if row.failures < draft.head.limits.failed_attempts and not spent:
        draft.edit(task, retry_at=draft.backoff(row.failures))
        want_again(draft, task)
        return
    limit = f" (its budget is {budget})" if spent else ""
    words = f"{row.failures} attempts failed{limit}, the last one: {reason}"
    if isinstance(row.round, Conflict):
        paths = ", ".join(row.round.paths)
        block(draft, task, f"the conflict with {draft.plan.base_branch} was not resolved ({paths}): {words}")
    else:
        fail(draft, task, words)


def fail(draft: Draft, task: TaskId, reason: str) -> None:
    """End a task that its author could not do; its pull request, if any, stays open."""
    draft.stop_reviewers(task)
    draft.unsend_merge(task)
    draft.edit(task, status=Status.FAILED, reason=reason, ended_at=draft.age, wanted=False, retry_at=None)


def send_back_for_conflict(draft: Draft, task: TaskId, paths: tuple[str, ...]) -> None:
    """Give a conflict to its author, a limited number of times."""
    row = draft.tasks[task]
    if row.conflict_rounds >= draft.head.limits.conflict_rounds:
        where = ", ".join(paths)
        words = f"still conflicts with {draft.plan.base_branch} after {row.conflict_rounds} rounds: {where}"
        block(draft, task, words)
        return
    send_back(draft, task)
    draft.edit(task, conflict_rounds=row.conflict_rounds + 1, round=Conflict(paths))


def move_head(draft: Draft, task: Task, head: Commit) -> None:
    """The branch stands elsewhere on the forge. Earlier heads are kept to know an outdated look at the forge by."""
    past = (*task.past_heads, task.head) if task.head is not None and task.head != head else task.past_heads
    draft.edit(task.id, head=head, past_heads=past)


def send_back(draft: Draft, task: TaskId) -> None:
    """Give the task to its author again, in the same working copy: a new round with fresh attempts."""
    draft.stop_reviewers(task)
    draft.unsend_merge(task)
    left = tuple(r for r in draft.tasks[task].reviewers if r.phase == "stopping")
    draft.edit(
        task,
        status=Status.IN_PROGRESS,
        reason=None,
        wanted=True,
        retry_at=None,
        failures=0,
        launch_failures=0,
        last_failure="",
        reviewers=left,
        merge_refusals=0,
    )


def send_back_for_changes(draft: Draft, task: TaskId, text: str, who: str) -> None:
    """Give a change request to the author, at most `max_cycles` times; the next one is for `on_exhausted` to decide."""
    policy = draft.plan.dag.review
    row = draft.tasks[task]
    if row.review_cycles < policy.max_cycles:
        send_back(draft, task)
        draft.edit(task, review_cycles=row.review_cycles + 1, round=Rework(text, who))
        return
    words = f"{who} still wants changes after {row.review_cycles} rounds of rework: {text}"
    if policy.on_exhausted == "abandon":
        fail(draft, task, words)
    else:
        block(draft, task, words)


def block(draft: Draft, task: TaskId, reason: str) -> None:
    """Leave the task to a human."""
    draft.stop_author(task)
    draft.stop_reviewers(task)
    draft.unsend_merge(task)
    draft.edit(task, status=Status.BLOCKED, reason=reason, wanted=False, retry_at=None)


def retry_launches(draft: Draft) -> None:
    """Free what was blocked only because its agent could not be started: the operator may have mended the command."""
    for task in list(draft.tasks.values()):
        if task.status is Status.BLOCKED and task.launch_failures and task.author is None:
            draft.edit(task.id, reason=None, launch_failures=0)
            want_again(draft, task.id)


def want_again(draft: Draft, task: TaskId) -> None:
    """Have the author run again as soon as a slot is free and `retry_at` has come."""
    row = draft.tasks[task]
    status = Status.READY if isinstance(row.round, FirstWork) else Status.IN_PROGRESS
    draft.edit(task, wanted=True, status=status)
