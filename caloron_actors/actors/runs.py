"""Which runs of a sprint may live, found by agent: what its actors have to look after when they start."""

from collections.abc import Iterable

from caloron_actors.actors.agent import Role
from caloron_actors.domain.dag import Dag
from caloron_actors.domain.ids import AgentId, TaskId
from caloron_actors.domain.sprint.state import Sprint
from caloron_actors.domain.task import Task
from caloron_actors.ports.launcher import RunId


class Runs:
    """Look-ups into a plan, made once: an agent that is back is answered without a look at everybody's tasks."""

    def __init__(self, dag: Dag) -> None:
        self._authors = {plan.id: plan.assigned_to for plan in dag.tasks}
        self._tasks: dict[AgentId, list[TaskId]] = {}
        for plan in dag.tasks:
            for agent in {plan.assigned_to, *plan.reviewed_by}:
                self._tasks.setdefault(agent, []).append(plan.id)

    def role(self, run: RunId) -> Role:
        """What the run's agent is to its task."""
        return "author" if self._authors[run.task] == run.agent else "reviewer"

    def alive(self, sprint: Sprint) -> list[RunId]:
        """The runs whose process was started and whose end is not yet known."""
        return [run for task in sprint.tasks.values() for run in self._of_task(sprint, task)]

    def alive_of(self, sprint: Sprint, agent: AgentId) -> list[RunId]:
        """Those of one agent."""
        tasks = (sprint.tasks[task] for task in self._tasks.get(agent, ()))
        return [run for task in tasks for run in self._of_task(sprint, task) if run.agent == agent]

    def _of_task(self, sprint: Sprint, task: Task) -> Iterable[RunId]:
        if task.author is not None and task.author.phase in ("running", "stopping"):
            yield RunId(sprint.head.id, task.id, self._authors[task.id], task.author.ordinal)
        for review in task.reviewers:
            if review.phase in ("running", "stopping"):
                yield RunId(sprint.head.id, task.id, review.agent, review.run)
