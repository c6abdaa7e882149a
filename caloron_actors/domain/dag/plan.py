"""The types of a sprint's plan. Immutable once a sprint has started; every format is read into these."""

from datetime import timedelta
from typing import Literal

import msgspec

from caloron_actors.domain.ids import AgentId, SprintId, TaskId


class Agent(msgspec.Struct, frozen=True, kw_only=True):
    """A named role instance of a sprint. `framework` None means the bundled stub or the command line's command."""

    id: AgentId
    role: str = "developer"
    framework: str | None = None
    definition: str | None = None


class Budget(msgspec.Struct, frozen=True, kw_only=True):
    """What one task may cost. None means no limit of its own."""

    tokens: int | None = None
    money: float | None = None
    wall_time: timedelta | None = None
    attempts: int | None = None


class TaskPlan(msgspec.Struct, frozen=True, kw_only=True):
    """One task as planned: one issue, one branch, one pull request at a time."""

    id: TaskId
    title: str
    body: str = ""
    assigned_to: AgentId
    reviewed_by: tuple[AgentId, ...] = ()
    depends_on: tuple[TaskId, ...] = ()
    required_skills: tuple[str, ...] = ()
    budget: Budget = Budget()


class ReviewPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """When a pull request may be merged. `max_cycles`: how often a change request sends the author back."""

    required_approvals: int = 1
    auto_merge: bool = True
    max_cycles: int = 3
    require_checks: bool = False
    on_exhausted: Literal["escalate", "abandon"] = "escalate"


class EscalationPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """When trouble is acted upon, and who is told."""

    stall_threshold: timedelta = timedelta(minutes=20)
    probe_wait: timedelta = timedelta(minutes=10)
    supervisor: AgentId | None = None
    human_contact: str | None = None


class Dag(msgspec.Struct, frozen=True, kw_only=True):
    """A validated sprint plan. `repository` and `base_branch` None mean: what the caller's repository says."""

    id: SprintId
    goal: str = ""
    repository: str | None = None
    base_branch: str | None = None
    max_duration: timedelta | None = None
    start: str | None = None
    agents: tuple[Agent, ...]
    tasks: tuple[TaskPlan, ...]
    review: ReviewPolicy = ReviewPolicy()
    escalation: EscalationPolicy = EscalationPolicy()

    def agent(self, agent_id: AgentId) -> Agent:
        """The agent of that id. Raises KeyError for an id the plan does not have (a validated plan never asks)."""
        for agent in self.agents:
            if agent.id == agent_id:
                return agent
        raise KeyError(agent_id)

    def needed_reviewers(self) -> tuple[AgentId, ...]:
        """The reviewers that some task needs, in the order the tasks name them; none where no approval is required."""
        if self.review.required_approvals == 0:
            return ()
        return tuple(dict.fromkeys(reviewer for task in self.tasks for reviewer in task.reviewed_by))

    def authors(self) -> tuple[AgentId, ...]:
        """The agents that some task is assigned to, in the order of the tasks."""
        return tuple(dict.fromkeys(task.assigned_to for task in self.tasks))


class Mistake(msgspec.Struct, frozen=True):
    """One thing wrong with a plan: where (`tasks[2].depends_on`), what, and what would be right."""

    place: str
    message: str

    def __str__(self) -> str:
        return f"{self.place}: {self.message}" if self.place else self.message
