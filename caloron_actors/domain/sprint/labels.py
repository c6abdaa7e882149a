"""Which labels a task's issue and pull request wear, derived from where the task stands."""

from caloron_actors.domain.effects import AddLabel, RemoveLabel
from caloron_actors.domain.sprint.draft import Draft
from caloron_actors.domain.task import Rework, Status, Task

TASK = "caloron:task"
"""Worn by every task's issue from its creation (predecessors' label set)."""

_ISSUE = frozenset({"issue:caloron:in-progress", "issue:caloron:blocked", "issue:caloron:done"})
_PULL = frozenset(
    {"pull:caloron:review-pending", "pull:caloron:changes-requested", "pull:caloron:sprint-cancelled"}
)
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


def recall(task: Task, found: tuple[str, ...], *, sprint_cancelled: bool) -> tuple[str, ...]:
    """The row's labels for a task whose issue was found to wear `found`, where nobody knows what was promised since.

    Whatever is wrong, or may become so by a promise that is still open, then differs and is put right by `keep_worn`.
    What a pull request wears is not known, so all of it is put again.
    """
    want = worn(task, sprint_cancelled=sprint_cancelled)
    issue = {f"issue:{name}" for name in found} & _ISSUE
    known = {label for label in task.labels if label.startswith("issue:")}
    right = {label for label in want if label in issue & known}
    wrong = {label for label in issue | known if label not in want}
    pull = {label for label in _PULL if label not in want and task.pull_request is not None}
    return tuple(sorted(right | wrong | pull))


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
