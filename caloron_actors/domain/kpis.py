"""A sprint's numbers, from facts alone: what the forge says is merged, what was counted while it ran."""

from datetime import timedelta

import msgspec

from caloron_actors.domain.sprint.state import Sprint
from caloron_actors.domain.task import Status


class Kpis(msgspec.Struct, frozen=True, kw_only=True):
    """The numbers of a sprint so far. `completion` is merged tasks over all tasks, from 0 to 1, three decimals."""

    tasks: int
    merged: int
    failed: int
    blocked: int
    cancelled: int
    completion: float
    attempts: int
    review_cycles: int
    conflict_rounds: int
    duration: timedelta


def kpis_of(sprint: Sprint) -> Kpis:
    """Count. A task is complete only when it is merged, whatever anybody said of it."""
    rows = sprint.tasks.values()
    merged = sum(task.status is Status.DONE for task in rows)
    return Kpis(
        tasks=len(rows),
        merged=merged,
        failed=sum(task.status is Status.FAILED for task in rows),
        blocked=sum(task.status in (Status.BLOCKED, Status.HUMAN_ASSIGNED) for task in rows),
        cancelled=sum(task.status is Status.CANCELLED for task in rows),
        completion=round(merged / len(rows), 3) if rows else 0.0,
        attempts=sum(task.attempts for task in rows),
        review_cycles=sum(task.review_cycles for task in rows),
        conflict_rounds=sum(task.conflict_rounds for task in rows),
        duration=sprint.head.age.lived if sprint.head.ended_at is None else sprint.head.ended_at,
    )
