"""A plan as a file gives it: every name with its place, nothing checked yet, and the step from there to a `Dag`."""

from datetime import timedelta

import msgspec

from caloron_actors.domain.dag.plan import Agent, Budget, Dag, EscalationPolicy, ReviewPolicy, TaskPlan
from caloron_actors.domain.dag.reader import Mention, Mentions, Table
from caloron_actors.domain.ids import AgentId, SprintId, TaskId, is_id

NEEDS_TASKS = "a sprint needs at least one task"
NEEDS_AGENTS = "a sprint needs at least one agent"
NEEDS_ID = "give it an id of lower-case letters, digits, '-' and '_'"


class DraftAgent(msgspec.Struct, frozen=True, kw_only=True):
    """An agent as given. `implied`: it was made from a task's id, whose mistakes are the task's."""

    id: Mention | None
    role: str = "developer"
    framework: Mention | None = None
    definition: str | None = None
    implied: bool = False


class DraftTask(msgspec.Struct, frozen=True, kw_only=True):
    """A task as given. None where the file gives nothing that could be read, which is noted already."""

    place: str
    id: Mention | None
    title: str | None
    body: str = ""
    assigned_to: Mention | None
    reviewed_by: Mentions
    depends_on: Mentions
    required_skills: tuple[str, ...] = ()
    budget: Budget = Budget()


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """A plan as given. `approvals` None: unreadable, so nothing is said about reviewers that may be missing.

    `no_approvals` is what to do in this format for a sprint without approvals, for messages.
    """

    id: Mention | None
    goal: str = ""
    repository: Mention | None = None
    base_branch: Mention | None = None
    max_duration: timedelta | None = None
    start: str | None = None
    agents: tuple[DraftAgent, ...]
    tasks: tuple[DraftTask, ...]
    approvals: int | None
    no_approvals: str
    review: ReviewPolicy = ReviewPolicy()
    escalation: EscalationPolicy = EscalationPolicy()
    supervisor: Mention | None = None


def about(kind: str, table: Table, mention: Mention | None) -> Mention | None:
    """Make the messages of `table` name what it describes by its id, and give the id back."""
    if mention is not None:
        table.about = f"{kind} {mention.text}" if is_id(mention.text) else kind
    return mention


def finish(draft: Draft) -> Dag:
    """Make the plan of a draft in which no mistake was found. Raises ValueError for any other."""
    return Dag(
        id=SprintId(_name(draft.id)),
        goal=draft.goal,
        repository=draft.repository.text if draft.repository else None,
        base_branch=draft.base_branch.text if draft.base_branch else None,
        max_duration=draft.max_duration,
        start=draft.start,
        agents=tuple(_agent(agent) for agent in draft.agents),
        tasks=tuple(_task(task) for task in draft.tasks),
        review=draft.review,
        escalation=msgspec.structs.replace(
            draft.escalation, supervisor=AgentId(draft.supervisor.text) if draft.supervisor else None
        ),
    )


def _agent(agent: DraftAgent) -> Agent:
    return Agent(
        id=AgentId(_name(agent.id)),
        role=agent.role,
        framework=agent.framework.text if agent.framework else None,
        definition=agent.definition,
    )


def _task(task: DraftTask) -> TaskPlan:
    return TaskPlan(
        id=TaskId(_name(task.id)),
        title=task.title or _name(task.id),
        body=task.body,
        assigned_to=AgentId(_name(task.assigned_to)),
        reviewed_by=tuple(AgentId(name.text) for name in task.reviewed_by.names),
        depends_on=tuple(TaskId(name.text) for name in task.depends_on.names),
        required_skills=task.required_skills,
        budget=task.budget,
    )


def _name(mention: Mention | None) -> str:
    if mention is None:
        raise ValueError("a draft with mistakes cannot be finished")
    return mention.text
