"""The outcome of a run as the command prints it with `--json`, and the reasons people are given."""

from typing import Literal

import msgspec

from caloron_actors.domain.ids import Commit, TaskId
from caloron_actors.domain.sprint.schedule import condition
from caloron_actors.domain.sprint.state import Sprint
from caloron_actors.domain.task import Status, Task

RunOutcome = Literal["succeeded", "partial", "cancelled", "expired", "blocked", "interrupted"]


class TaskResult(msgspec.Struct, frozen=True, kw_only=True):
    """One task's end, or where it stands."""

    status: Status
    issue: int | None
    pull_request: int | None
    merge_commit: Commit | None
    attempts: int
    review_cycles: int
    reason: str | None


class RunResult(msgspec.Struct, frozen=True, kw_only=True):
    """The whole answer. `repository` and `report` are absolute paths."""

    sprint: str
    outcome: RunOutcome
    repository: str
    base_branch: str
    report: str
    tasks: dict[TaskId, TaskResult]


def run_outcome(sprint: Sprint) -> RunOutcome:
    """The word for how the sprint stands; `interrupted` when it could go on by itself."""
    if sprint.head.outcome is not None:
        return sprint.head.outcome
    return "blocked" if condition(sprint) == "blocked" else "interrupted"


def run_result(sprint: Sprint, *, repository: str, report: str) -> RunResult:
    """Put a sprint into the command's words."""
    tasks = {
        task.id: TaskResult(
            status=task.status,
            issue=task.issue,
            pull_request=task.pull_request,
            merge_commit=task.merge_commit,
            attempts=task.attempts,
            review_cycles=task.review_cycles,
            reason=reason(sprint, task),
        )
        for task in sprint.tasks.values()
    }
    return RunResult(
        sprint=sprint.head.id,
        outcome=run_outcome(sprint),
        repository=repository,
        base_branch=sprint.plan.base_branch,
        report=report,
        tasks=tasks,
    )


def reason(sprint: Sprint, task: Task) -> str | None:
    """Why a task ended badly or what it waits for; None for one that is done or under way."""
    if task.reason:
        return task.reason
    if task.status is Status.PENDING:
        plan = next(plan for plan in sprint.plan.dag.tasks if plan.id == task.id)
        waits = [sprint.tasks[need] for need in plan.depends_on if not sprint.tasks[need].final]
        words = ", ".join(f"{need.id}: {need.status}" for need in waits)
        return f"waits for {words or 'the sprint to start'}"
    return f"waits for {_lacking(sprint, task)}" if task.status is Status.READY else None


def _lacking(sprint: Sprint, task: Task) -> str:
    """What a ready task lacks."""
    if task.issue is None:
        return "its issue to be opened"
    if task.retry_at is not None:
        return f"its next attempt, the {task.failures + 1}. of this round"
    if sprint.head.suspended is not None:
        return f"the sprint to go on: {sprint.head.suspended}"
    return "a free slot"
