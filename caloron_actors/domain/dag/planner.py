"""A planner's task list: a bare array or `{tasks: […]}`, one agent per task unless the plan assigns it."""

from pathlib import PurePosixPath

import msgspec

from caloron_actors.domain.dag.draft import NEEDS_ID, NEEDS_TASKS, Draft, DraftAgent, DraftTask, about
from caloron_actors.domain.dag.findings import Findings, shown
from caloron_actors.domain.dag.own import one_text
from caloron_actors.domain.dag.plan import ReviewPolicy
from caloron_actors.domain.dag.reader import Mention, Mentions, Table
from caloron_actors.domain.ids import slug


def read_planner(root: Table, name: str, findings: Findings) -> Draft:
    """Read a task list; the sprint is named after the file. What is wrong goes to `findings`.

    A task that names no reviewer is given the agent `reviewer`; one approval is required.
    """
    tables = root.tables("tasks", needed=NEEDS_TASKS)
    tasks = [_task(table) for table in tables]
    frameworks = [table.word("framework") for table in tables]
    agents = _authors(tasks, frameworks, findings)
    reviewer = Mention(_free_name(agents), "")
    tasks = [_reviewed(task, reviewer) for task in tasks]
    for task in tasks:
        for mention in task.reviewed_by.names:
            agents.setdefault(mention.text, DraftAgent(id=mention, role="reviewer"))
    return Draft(
        id=Mention(slug(PurePosixPath(name).stem, "sprint"), ""),
        agents=tuple(agents.values()),
        tasks=tuple(tasks),
        approvals=1,
        no_approvals="write the plan as a file with [review] required_approvals = 0",
        review=ReviewPolicy(required_approvals=1),
    )


def _task(table: Table) -> DraftTask:
    identity = about("task", table, table.word("id", needed=NEEDS_ID))
    return DraftTask(
        place=table.place,
        id=identity,
        title=table.line("title"),
        body=one_text(table, "agent_prompt", "body", "prompt"),
        assigned_to=table.word("assigned_to") if table.has("assigned_to") else identity,
        reviewed_by=table.words("reviewed_by", or_one=True),
        depends_on=table.words("depends_on"),
        required_skills=table.lines("required_skills"),
    )


def _authors(
    tasks: list[DraftTask], frameworks: list[Mention | None], findings: Findings
) -> dict[str, DraftAgent]:
    agents: dict[str, DraftAgent] = {}
    for task, framework in zip(tasks, frameworks, strict=True):
        if task.assigned_to is None:
            continue
        name = task.assigned_to.text
        before = agents.get(name)
        if before is None:
            agents[name] = DraftAgent(
                id=task.assigned_to, framework=framework, implied=task.assigned_to == task.id
            )
        elif before.framework is None:
            agents[name] = DraftAgent(id=before.id, framework=framework, implied=before.implied)
        elif framework is not None and framework.text != before.framework.text:
            findings.add(
                framework.place,
                f"agent {shown(name)} has the framework {shown(before.framework.text)} by {before.framework.place}; "
                "give both tasks one framework, or two agents",
            )
    return agents


def _reviewed(task: DraftTask, reviewer: Mention) -> DraftTask:
    if task.reviewed_by.names or not task.reviewed_by.whole:
        return task
    reviewed_by = Mentions((reviewer,), task.reviewed_by.place)
    return msgspec.structs.replace(task, reviewed_by=reviewed_by)


def _free_name(taken: dict[str, DraftAgent]) -> str:
    """`reviewer`, or `reviewer-2` and so on where a task's author has that name: nobody reviews its own work."""
    number, name = 1, "reviewer"
    while name in taken:
        number += 1
        name = f"reviewer-{number}"
    return name
