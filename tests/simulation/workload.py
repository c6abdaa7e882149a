"""What a seed's service has to do: small random plans, and how much it may do at once."""

from datetime import timedelta

from caloron_actors.domain.dag import Agent, Dag, ReviewPolicy, TaskPlan
from caloron_actors.domain.events import Limits
from caloron_actors.domain.ids import AgentId, SprintId, TaskId
from tests.simulation.chance import Chance

AUTHORS = tuple(AgentId(f"dev{n}") for n in range(1, 4))
REVIEWERS = tuple(AgentId(f"rev{n}") for n in range(1, 3))


def drawn_plan(chance: Chance, name: str) -> Dag:
    """One to six tasks of several agents, each after some of those before it, reviewed by none to two."""
    count = 1 + chance.below(6)
    authors = AUTHORS[: 1 + chance.below(3)]
    approvals = chance.pick((0, 1, 1, 1, 2))
    tasks: list[TaskPlan] = []
    for number in range(count):
        before = [task.id for task in tasks]
        needs = chance.some(before, min(len(before), chance.pick((0, 1, 1, 2))))
        tasks.append(
            TaskPlan(
                id=TaskId(f"t{number}"),
                title=f"Do t{number}",
                body="Write it.",
                assigned_to=chance.pick(authors),
                reviewed_by=REVIEWERS[:approvals],
                depends_on=tuple(sorted(needs)),
            )
        )
    return _plan(
        name, tuple(tasks), ReviewPolicy(required_approvals=approvals, max_cycles=chance.pick((1, 3)))
    )


def plain_plan(name: str = "s1", count: int = 6) -> Dag:
    """The plan that speed is measured with: two chains of three tasks, two authors and a reviewer."""
    tasks = tuple(
        TaskPlan(
            id=TaskId(f"t{number}"),
            title=f"Do t{number}",
            assigned_to=AUTHORS[number % 2],
            reviewed_by=REVIEWERS[:1],
            depends_on=(TaskId(f"t{number - 2}"),) if number >= 2 else (),
        )
        for number in range(count)
    )
    return _plan(name, tasks, ReviewPolicy())


def drawn_limits(chance: Chance) -> Limits:
    """How many agents at once, and how patient."""
    return Limits(
        max_agents=1 + chance.below(4),
        failed_attempts=2 + chance.below(3),
        retry_cap=timedelta(seconds=chance.pick((5, 30))),
    )


def _plan(name: str, tasks: tuple[TaskPlan, ...], review: ReviewPolicy) -> Dag:
    named = dict.fromkeys(agent for task in tasks for agent in (task.assigned_to, *task.reviewed_by))
    return Dag(
        id=SprintId(name),
        goal="a goal",
        agents=tuple(Agent(id=agent) for agent in named),
        tasks=tasks,
        review=review,
    )
