"""Which labels a task's issue and pull request wear, derived from where the task stands."""

from caloron_actors.domain.effects import AddLabel, RemoveLabel
from caloron_actors.domain.sprint.draft import Draft
from caloron_actors.domain.task import Rework, Status, Task

TASK = "caloron:task"
"""Worn by every task's issue from its creation (predecessors' label set)."""

_WORKING = (Status.STARTING, Status.IN_PROGRESS, Status.IN_REVIEW, Status.MERGING)


def worn(task: Task, *, sprint_cancelled: bool) -> tuple[str, ...]:
    """The labels the task should wear now, each with `issue:` or `pull:` before it."""
    labels: list[str] = []
    if task.issue is not None:
        if task.status in _WORKING:
            labels.append("issue:caloron:in-progress")
        elif task.status is Status.BLOCKED:
            labels.append("issue:caloron:blocked")
        elif task.status is Status.DONE:
            labels.append("issue:caloron:done")
    if task.pull_request is not None:
        if task.status is Status.IN_REVIEW:
            labels.append("pull:caloron:review-pending")
        elif task.status is Status.IN_PROGRESS and isinstance(task.round, Rework):
            labels.append("pull:caloron:changes-requested")
        elif task.status is Status.CANCELLED and sprint_cancelled:
            labels.append("pull:caloron:sprint-cancelled")
    return tuple(labels)


def keep_worn(draft: Draft) -> None:
    """Promise the labels that changed. Called at the end of every step."""
    cancelled = draft.head.ending is not None
    for task in [draft.tasks[touched] for touched in draft.touched]:
        want = worn(task, sprint_cancelled=cancelled)
        if want == task.labels:
            continue
        number = task.notes
        for label in sorted(set(task.labels) ^ set(want)):
            kind, _, name = label.partition(":")
            target = task.issue if kind == "issue" else task.pull_request
            if target is None:
                continue
            number += 1
            effect = AddLabel if label in want else RemoveLabel
            draft.want(effect(task.id, target, name), number)
        draft.edit(task.id, labels=want, notes=number)
