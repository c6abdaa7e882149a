"""What the performing of effects needs of the world, gathered once for a sprint."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

from caloron_actors.domain.dag import TaskPlan
from caloron_actors.domain.ids import EffectKey, TaskId, branch_name
from caloron_actors.domain.marker import mark
from caloron_actors.domain.sprint.state import Sprint
from caloron_actors.domain.task import Task
from caloron_actors.ports.commands import Commands
from caloron_actors.ports.errors import Rejected
from caloron_actors.ports.forge import Forge
from caloron_actors.ports.launcher import Launcher
from caloron_actors.ports.workspace import Place, Workspace

SETTLING = timedelta(seconds=10)
"""Longer than a large forge's lists take to show what it has accepted (seconds, as far as is known; none says)."""

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class World:
    """The ports of one sprint. `secret` signs hidden marks; `wall_time` limits an attempt whose task sets no limit.

    `settling`: how long the forge's lists may lag behind what it has accepted; zero for one that reads what it wrote.
    """

    forge: Forge
    workspace: Workspace
    launcher: Launcher
    commands: Commands
    secret: bytes
    wall_time: timedelta
    pause: Callable[[timedelta], Awaitable[None]]
    settling: timedelta = SETTLING

    async def settled(self, look: Callable[[], Awaitable[T | None]]) -> T | None:
        """What `look` finds on the forge. Nothing found is believed only when the lists have had time to settle."""
        found = await look()
        if found is None and self.settling:
            await self.pause(self.settling)
            found = await look()
        return found

    def marked(self, body: str, key: EffectKey) -> str:
        """A body with the hidden mark of the effect it is written for."""
        return f"{body.rstrip()}\n\n{mark(self.secret, key)}"


def task_plan(sprint: Sprint, task: TaskId) -> TaskPlan:
    """What the plan says of a task."""
    return next(plan for plan in sprint.plan.dag.tasks if plan.id == task)


def place_of(sprint: Sprint, task: TaskId) -> Place:
    """The task's working copy: whose it is and its branch."""
    agent = task_plan(sprint, task).assigned_to
    return Place(task=task, agent=agent, branch=branch_name(agent, sprint.head.id, task))


def known_pull_request(task: Task) -> int:
    """The number of the task's pull request. Raises `Rejected` when it has none (any more)."""
    if task.pull_request is None:
        raise Rejected(f"task {task.id} has no pull request")
    return task.pull_request
