"""The order that a plan's dependencies allow: levels, dependents, and how much work still hangs on a task."""

from collections.abc import Callable

from caloron_actors.domain.dag.plan import Dag, TaskPlan
from caloron_actors.domain.ids import TaskId


def topological(dag: Dag) -> tuple[TaskId, ...]:
    """The tasks, every one after its dependencies: level by level, in the plan's order within a level.

    A task's level is the length of the longest chain of dependencies below it. Raises ValueError for a plan with a
    cycle or an unknown dependency, which no validated plan has.
    """
    waiting = {task.id: len(task.depends_on) for task in dag.tasks}
    rank = {task.id: index for index, task in enumerate(dag.tasks)}
    after = dependents(dag)
    ordered: list[TaskId] = []
    level = [task.id for task in dag.tasks if not task.depends_on]
    while level:
        ordered += level
        freed: list[TaskId] = []
        for task_id in level:
            for following in after[task_id]:
                waiting[following] -= 1
                if waiting[following] == 0:
                    freed.append(following)
        level = sorted(freed, key=rank.__getitem__)
    if len(ordered) != len(dag.tasks):
        raise ValueError("the plan's dependencies have no order")
    return tuple(ordered)


def dependents(dag: Dag) -> dict[TaskId, tuple[TaskId, ...]]:
    """For every task the tasks that name it as a dependency, in the plan's order."""
    after: dict[TaskId, list[TaskId]] = {task.id: [] for task in dag.tasks}
    for task in dag.tasks:
        for dependency in task.depends_on:
            after.setdefault(dependency, []).append(task.id)
    return {task_id: tuple(following) for task_id, following in after.items()}


def critical_path(dag: Dag, weight: Callable[[TaskPlan], float]) -> dict[TaskId, float]:
    """For every task the heaviest chain from it to a task nothing depends on, its own weight included.

    In the unit of `weight`, which must not be negative; the maximum is the length of the plan's critical path.
    """
    tasks = {task.id: task for task in dag.tasks}
    after = dependents(dag)
    heaviest: dict[TaskId, float] = {}
    for task_id in reversed(topological(dag)):
        rest = max((heaviest[following] for following in after[task_id]), default=0.0)
        heaviest[task_id] = weight(tasks[task_id]) + rest
    return {task.id: heaviest[task.id] for task in dag.tasks}


def remaining_path(dag: Dag) -> dict[TaskId, int]:
    """For every task the number of tasks in the longest chain from it to a task nothing depends on, itself included."""
    return {task_id: int(length) for task_id, length in critical_path(dag, lambda _: 1).items()}
