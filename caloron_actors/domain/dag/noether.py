"""Noether's DagState `{sprint_id, tasks: {id: {…}}}`, taken as the plan of a sprint that has not started yet."""

from caloron_actors.domain.dag.draft import NEEDS_ID, NEEDS_TASKS, Draft, DraftAgent, DraftTask, about
from caloron_actors.domain.dag.findings import shown
from caloron_actors.domain.dag.plan import ReviewPolicy
from caloron_actors.domain.dag.reader import Mention, Mentions, Table

_UNSTARTED = {"Pending", "Ready"}
_STARTED = {"InProgress", "InReview", "Done", "Blocked", "Escalated", "Cancelled"}


def read_noether(root: Table) -> Draft:
    """Read a DagState; what is wrong is noted in the table's findings.

    Agents are those that the tasks name. One approval is required of every task when any task has a reviewer.
    """
    tasks = _tasks(root)
    approvals = 1 if any(task.reviewed_by.names for task in tasks) else 0
    return Draft(
        id=root.word("sprint_id", needed=NEEDS_ID),
        agents=_agents(tasks),
        tasks=tasks,
        approvals=approvals,
        no_approvals="leave reviewer_id out of every task",
        review=ReviewPolicy(required_approvals=approvals),
    )


def _tasks(root: Table) -> tuple[DraftTask, ...]:
    table = root.table("tasks")
    if not table.keys:
        root.refuse(table.place, f"is empty; {NEEDS_TASKS}")
    if not root.few_enough(len(table.keys), table.place):
        return ()
    return tuple(_task(Mention(key, table.at(key)), table.table(key)) for key in table.keys)


def _task(key: Mention, table: Table) -> DraftTask:
    about("task", table, key)
    identity = table.word("id")
    if identity and identity.text != key.text:
        table.refuse(
            identity.place, f"is {shown(identity.text)}, but the task stands under {shown(key.text)}"
        )
    _refuse_started(table)
    reviewer = table.word("reviewer_id")
    return DraftTask(
        place=table.place,
        id=key,
        title=table.line("title") if table.given("title") else None,
        assigned_to=_named(table.word("agent_id")) or key,
        reviewed_by=Mentions(
            (reviewer,) if reviewer and reviewer.text else (),
            table.at("reviewer_id"),
            whole=reviewer is not None or not table.has("reviewer_id"),
        ),
        depends_on=table.words("depends_on"),
    )


def _refuse_started(table: Table) -> None:
    status = table.word("status")
    if status is None or status.text in _UNSTARTED:
        return
    if status.text in _STARTED:
        table.refuse(
            status.place,
            f"is {status.text}: this sprint has already started; only tasks that are Pending or Ready can be planned",
        )
    else:
        table.refuse(status.place, f"{shown(status.text)} is no status; a task of a plan is Pending or Ready")


def _named(mention: Mention | None) -> Mention | None:
    return mention if mention and mention.text else None


def _agents(tasks: tuple[DraftTask, ...]) -> tuple[DraftAgent, ...]:
    agents: dict[str, DraftAgent] = {}
    for task in tasks:
        if task.assigned_to is not None:
            implied = task.assigned_to == task.id
            agents.setdefault(task.assigned_to.text, DraftAgent(id=task.assigned_to, implied=implied))
    for task in tasks:
        for name in task.reviewed_by.names:
            agents.setdefault(name.text, DraftAgent(id=name, role="reviewer"))
    return tuple(agents.values())
