"""What a sprint does next by itself: free tasks, fill slots, send the next merge, and know when it is over."""

from collections.abc import Iterable, Iterator
from datetime import timedelta
from heapq import merge
from typing import Literal

from caloron_actors.domain.effects import CreateIssue, LaunchReviewer, MergePullRequest, PrepareWork
from caloron_actors.domain.ids import AgentId, TaskId
from caloron_actors.domain.instant import Now
from caloron_actors.domain.sprint.draft import Draft
from caloron_actors.domain.sprint.index import Index
from caloron_actors.domain.sprint.merging import cancel
from caloron_actors.domain.sprint.state import Outcome, Sprint
from caloron_actors.domain.task import AuthorRun, Conflict, ReviewRun, Status, Task

Condition = Literal["running", "blocked", "ended"]


def not_begun(tasks: Iterable[Task]) -> bool:
    """Whether the sprint was never started: every plan has a task that needs no other, and `begin` frees it."""
    return all(task.status is Status.PENDING for task in tasks)


def begin(draft: Draft) -> None:
    """Promise an issue for every task, in the order of the plan, and free the tasks that need no other."""
    for plan in draft.plan.dag.tasks:
        draft.want(CreateIssue(plan.id), 1)
        _promote(draft, plan.id)


def proceed(draft: Draft) -> None:
    """Do all that has become possible. Called at the end of every step."""
    _expire(draft)
    _release_dependents(draft)
    if draft.head.suspended is None and draft.head.ending is None:
        _fill_slots(draft)
        _send_merge(draft)
    _end(draft)


def wind_down(draft: Draft, ending: Literal["cancelled", "expired"], reason: str) -> None:
    """Give the sprint up: its open tasks are cancelled, agents stopped, pull requests left open."""
    draft.edit_head(ending=ending)
    for task in list(draft.tasks.values()):
        if task.final:
            continue
        if task.issue is not None and task.started_at is not None:
            draft.note(task.id, task.issue, f"Cancelled: {reason}.")
        cancel(draft, task.id, reason)


def next_deadline(sprint: Sprint) -> timedelta | None:
    """The age at which something becomes possible by the mere passing of time; None when nothing does."""
    if sprint.head.outcome is not None or sprint.head.suspended is not None:
        return None
    waits = [sprint.plan.dag.max_duration]
    for task in _live(sprint):
        waits.append(task.retry_at)
        waits += [review.retry_at for review in task.reviewers if review.phase == "wanted"]
    return min((w for w in waits if w is not None and w > sprint.head.age.lived), default=None)


def condition(sprint: Sprint) -> Condition:
    """Whether the sprint has ended, can go on by itself, or waits for humans only."""
    if sprint.head.outcome is not None:
        return "ended"
    index = sprint.index or Index.of(sprint.plan.dag, sprint.tasks)
    if index.heads or any(_moves_by_itself(task) for task in _live(sprint)):
        return "running"
    rows = sprint.tasks.values()
    no_issue_yet = any(task.status is Status.READY for task in rows)
    return "running" if no_issue_yet or not_begun(rows) else "blocked"


def merge_waits(sprint: Sprint, now: Now) -> bool:
    """Whether another merge could be sent at once if the one under way were not."""
    age = sprint.head.age.at(now).lived
    ready = (task for task in _live(sprint) if task.status is Status.MERGING and not task.merging)
    return any(task.retry_at is None or task.retry_at <= age for task in ready)


def runs_alive(sprint: Sprint) -> bool:
    """Whether any process of an agent lives or may live, or work of one is still to be taken or saved."""
    return any(t.author is not None or any(r.holds_slot for r in t.reviewers) for t in _live(sprint))


def _live(sprint: Sprint) -> Iterator[Task]:
    index = sprint.index or Index.of(sprint.plan.dag, sprint.tasks)
    return (sprint.tasks[task] for task in index.live)


def _moves_by_itself(task: Task) -> bool:
    if task.author is not None or any(r.holds_slot for r in task.reviewers):
        return True
    if task.status is Status.IN_REVIEW:
        return any(review.pending for review in task.reviewers)
    return task.status not in (Status.BLOCKED, Status.HUMAN_ASSIGNED)


def _expire(draft: Draft) -> None:
    limit = draft.plan.dag.max_duration
    if limit is not None and draft.age >= limit and draft.head.ending is None and draft.head.outcome is None:
        wind_down(draft, "expired", f"the sprint has reached its max_duration of {limit}")


def _release_dependents(draft: Draft) -> None:
    """Free the tasks that waited for one that is done now; cancel those whose dependency will never be."""
    ended = [task for task, before in draft.touched.items() if draft.tasks[task].final and not before.final]
    while ended:
        need = draft.tasks[ended.pop()]
        for task in draft.index.plan.dependents.get(need.id, ()):
            row = draft.tasks[task]
            if need.status is Status.DONE:
                _promote(draft, task)
            elif (
                row.ready_at is None and not row.final
            ):  # blocked before its time counts too: it would never end
                cancel(draft, task, f"its dependency {need.id} is {need.status}")
                ended.append(task)


def _promote(draft: Draft, task: TaskId) -> None:
    if draft.tasks[task].status is not Status.PENDING:
        return
    if all(draft.tasks[need].status is Status.DONE for need in draft.task_plan(task).depends_on):
        draft.edit(task, status=Status.READY, ready_at=draft.age, wanted=True)


def _fill_slots(draft: Draft) -> None:
    """Start authors and reviewers while slots are free: the most urgent task first, its reviewer before an author."""
    live = [draft.tasks[task] for task in draft.index.live]
    busy = {agent for task in live for agent in _busy_agents(draft, task)}
    free = draft.head.limits.max_agents - sum(_slots(task) for task in live)
    urgency = draft.index.plan.urgency
    waiting = sorted(_candidates(draft, live), key=lambda c: (urgency[c[0]], c[1] is None))
    queued = ((head[2], None) for head in draft.index.heads)
    for task, review in merge(waiting, queued, key=lambda c: (urgency[c[0]], c[1] is None)):
        if free <= 0:
            return
        agent = draft.task_plan(task).assigned_to if review is None else review.agent
        if agent in busy:
            continue
        busy.add(agent)
        free -= 1
        if review is None:
            _start_author(draft, task)
        else:
            _start_reviewer(draft, task, review)


def _busy_agents(draft: Draft, task: Task) -> Iterator[AgentId]:
    if task.author is not None:
        yield draft.task_plan(task.id).assigned_to
    for review in task.reviewers:
        if review.holds_slot:
            yield review.agent


def _slots(task: Task) -> int:
    author = task.author is not None and task.author.holds_slot
    return author + sum(review.holds_slot for review in task.reviewers)


def _candidates(draft: Draft, live: list[Task]) -> Iterator[tuple[TaskId, ReviewRun | None]]:
    for task in live:
        if task.wanted and task.author is None and task.issue is not None and _due(draft, task.retry_at):
            yield task.id, None
        if task.status is Status.IN_REVIEW:
            for review in task.reviewers:
                if review.phase == "wanted" and _due(draft, review.retry_at):
                    yield task.id, review


def _due(draft: Draft, at: timedelta | None) -> bool:
    return at is None or at <= draft.age


def _start_author(draft: Draft, task: TaskId) -> None:
    row = draft.tasks[task]
    run = row.runs + 1
    status = Status.STARTING if row.status is Status.READY else row.status
    author = AuthorRun(ordinal=run, phase="preparing")
    draft.edit(task, status=status, wanted=False, retry_at=None, runs=run, author=author)
    merge_base_in = isinstance(row.round, Conflict)
    draft.want(PrepareWork(task=task, run=run, head=row.head, merge_base_in=merge_base_in), run)


def _start_reviewer(draft: Draft, task: TaskId, review: ReviewRun) -> None:
    row = draft.tasks[task]
    run = row.review_runs + 1
    draft.edit(task, review_runs=run)
    draft.edit_review(task, review, phase="launching", run=run, retry_at=None)
    effect = LaunchReviewer(task=task, agent=review.agent, run=run, head=review.head)
    draft.want(effect, f"{review.agent}.{run}")


def _send_merge(draft: Draft) -> None:
    """Send the next merge when none is under way: one at a time into the base branch, critical path first."""
    ready = [t for t in (draft.tasks[task] for task in draft.index.live) if t.status is Status.MERGING]
    train = [task for task in ready if _due(draft, task.retry_at)]
    if not train or any(task.merging for task in ready):
        return
    first = min(train, key=lambda task: draft.index.plan.urgency[task.id])
    if first.pull_request is not None and first.head is not None:
        row = draft.edit(first.id, merging=True, retry_at=None, merges=first.merges + 1)
        draft.want(MergePullRequest(task=first.id, number=first.pull_request, head=first.head), row.merges)


def _end(draft: Draft) -> None:
    """The sprint is over when every task is and no process is left."""
    if draft.head.outcome is not None or draft.index.open or draft.index.live:
        return
    outcome: Outcome = "partial"
    if all(task.status is Status.DONE for task in draft.tasks.values()):
        outcome = "succeeded"
    elif draft.head.ending is not None:
        outcome = draft.head.ending
    draft.edit_head(outcome=outcome, ended_at=draft.age)
