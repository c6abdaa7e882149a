"""What is derived from a sprint's rows so that a step costs as much in a plan of 2,000 tasks as in one of 20."""

from bisect import bisect_left
from collections.abc import Iterable, Mapping

import msgspec

from caloron_actors.domain.dag import Dag, TaskPlan, dependents, remaining_path
from caloron_actors.domain.ids import AgentId, TaskId
from caloron_actors.domain.task import Status, Task

Urgency = tuple[int, int, TaskId]


class PlanIndex(msgspec.Struct, frozen=True):
    """Look-ups into a plan, made once: a task's plan, who needs it, and its urgency (longest way to go first)."""

    plans: dict[TaskId, TaskPlan]
    dependents: Mapping[TaskId, tuple[TaskId, ...]]
    urgency: dict[TaskId, Urgency]

    @classmethod
    def of(cls, dag: Dag) -> "PlanIndex":
        """Index a plan."""
        remaining = remaining_path(dag)
        urgency = {plan.id: (-remaining[plan.id], n, plan.id) for n, plan in enumerate(dag.tasks)}
        plans = {plan.id: plan for plan in dag.tasks}
        return cls(plans=plans, dependents=dependents(dag), urgency=urgency)


class Index(msgspec.Struct, frozen=True):
    """Which tasks a step has to look at.

    `queues`: for each agent its ready tasks that only lack a slot, most urgent first; `heads`: the first of each queue,
    most urgent first. `live`: tasks under way, or waiting for a time or a human. Pending tasks, final ones and ready
    ones without an issue are in neither. `open`: how many are not final.
    """

    plan: PlanIndex
    queues: dict[AgentId, tuple[Urgency, ...]]
    heads: tuple[Urgency, ...]
    live: frozenset[TaskId]
    open: int

    @classmethod
    def of(cls, dag: Dag, tasks: Mapping[TaskId, Task]) -> "Index":
        """Index a whole sprint, once when it is loaded."""
        plan = PlanIndex.of(dag)
        queues: dict[AgentId, tuple[Urgency, ...]] = {}
        for urgency in sorted(plan.urgency[t.id] for t in tasks.values() if _queued(t)):
            agent = plan.plans[urgency[2]].assigned_to
            queues[agent] = (*queues.get(agent, ()), urgency)
        return cls(
            plan=plan,
            queues=queues,
            heads=tuple(sorted(queue[0] for queue in queues.values())),
            live=frozenset(t.id for t in tasks.values() if _live(t)),
            open=sum(not t.final for t in tasks.values()),
        )

    def moved(self, before: Mapping[TaskId, Task], after: Iterable[Task]) -> "Index":
        """The index after the rows `after` have taken the place of theirs in `before`."""
        queues, heads, live, still_open = self.queues, self.heads, set(self.live), self.open
        for task in after:
            was = before[task.id]
            if _queued(was) is not _queued(task):
                agent = self.plan.plans[task.id].assigned_to
                old = queues.get(agent, ())
                new = _toggled(old, self.plan.urgency[task.id])
                queues = {**queues, agent: new} if new else {a: q for a, q in queues.items() if a != agent}
                if old[:1] != new[:1]:
                    heads = _swapped(heads, old[:1], new[:1])
            (live.add if _live(task) else live.discard)(task.id)
            still_open -= task.final and not was.final
        return Index(plan=self.plan, queues=queues, heads=heads, live=frozenset(live), open=still_open)


def _toggled(queue: tuple[Urgency, ...], urgency: Urgency) -> tuple[Urgency, ...]:
    """The sorted queue without `urgency` if it was there, with it if it was not."""
    at = bisect_left(queue, urgency)
    if queue[at : at + 1] == (urgency,):
        return queue[:at] + queue[at + 1 :]
    return (*queue[:at], urgency, *queue[at:])


def _swapped(
    heads: tuple[Urgency, ...], old: tuple[Urgency, ...], new: tuple[Urgency, ...]
) -> tuple[Urgency, ...]:
    for urgency in (*old, *new):
        heads = _toggled(heads, urgency)
    return heads


def _queued(task: Task) -> bool:
    ready = task.status is Status.READY and task.wanted
    return ready and task.issue is not None and task.author is None and task.retry_at is None


def _live(task: Task) -> bool:
    if task.author is not None or any(review.holds_slot for review in task.reviewers):
        return True
    if task.status is Status.READY:
        return task.retry_at is not None
    return not task.final and task.status is not Status.PENDING
