"""Short ways to write plans, rows, reviews and times in the tests of the engine."""

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Literal

from caloron_actors.domain.dag import Agent, Dag, ReviewPolicy, TaskPlan
from caloron_actors.domain.events import Limits
from caloron_actors.domain.ids import AgentId, Commit, SprintId, TaskId
from caloron_actors.domain.instant import Now
from caloron_actors.domain.sprint.state import SprintPlan
from caloron_actors.domain.task import Review

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
AUTHOR_LOGIN = "caloron"
REVIEWER = AgentId("rev")
FIRST_BOOT = Now(wall=START, awake=timedelta(hours=1), boot_id="boot-1")


def T(name: str) -> TaskId:  # noqa: N802 - as short as a literal
    """A task's id."""
    return TaskId(name)


def sha(name: str) -> Commit:
    """A commit that `name` stands for."""
    return Commit(hashlib.sha256(name.encode()).hexdigest()[:40])


def task(
    name: str,
    *needs: str,
    by: str = "dev",
    reviewed_by: tuple[str, ...] = (REVIEWER,),
    body: str = "",
) -> TaskPlan:
    """A task as planned: `needs` are the tasks it depends on."""
    return TaskPlan(
        id=TaskId(name),
        title=f"Do {name}",
        body=body,
        assigned_to=AgentId(by),
        reviewed_by=tuple(AgentId(reviewer) for reviewer in reviewed_by),
        depends_on=tuple(TaskId(need) for need in needs),
    )


def dag(*tasks: TaskPlan, review: ReviewPolicy | None = None, max_duration: timedelta | None = None) -> Dag:
    """A plan with the agents that its tasks name."""
    named = dict.fromkeys(a for plan in tasks for a in (plan.assigned_to, *plan.reviewed_by))
    return Dag(
        id=SprintId("s1"),
        goal="a goal",
        max_duration=max_duration,
        agents=tuple(Agent(id=name) for name in named),
        tasks=tasks,
        review=review or ReviewPolicy(),
    )


def sprint_plan(plan: Dag) -> SprintPlan:
    """A plan as a sprint has it."""
    return SprintPlan(dag=plan, source="/repo", repository="local/repo", base_branch="main")


def review(
    number: int,
    login: str,
    head: Commit | None,
    state: Literal["approved", "changes_requested", "dismissed"] = "approved",
    text: str = "",
) -> Review:
    """A decisive review; a higher number is a later one."""
    return Review(
        id=number,
        login=login,
        state=state,
        head=head,
        text=text,
        submitted_at=START + timedelta(minutes=number),
    )


PATIENT = Limits()
"""The limits of a sprint that was started without options."""
