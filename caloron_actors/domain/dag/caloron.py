"""Caloron's `dag.json`. Unknown keys are ignored, as its own reader does; issue templates are not part of the plan."""

from datetime import timedelta

from caloron_actors.domain.dag.draft import (
    NEEDS_AGENTS,
    NEEDS_ID,
    NEEDS_TASKS,
    Draft,
    DraftAgent,
    DraftTask,
    about,
)
from caloron_actors.domain.dag.duration import LONGEST
from caloron_actors.domain.dag.plan import EscalationPolicy, ReviewPolicy
from caloron_actors.domain.dag.reader import Mention, Table

_FRAMEWORK = "claude-code"  # what Caloron takes where an agent's inline `spec` names none


def read_caloron(root: Table) -> Draft:
    """Read a `dag.json`; what is wrong is noted in the table's findings.

    A `supervisor_id` counts only where it names an agent of the sprint: Caloron's own daemon may be meant otherwise.
    """
    sprint = root.table("sprint", needed="give the sprint an id in a table 'sprint'")
    agents = tuple(_agent(table) for table in root.tables("agents", needed=NEEDS_AGENTS))
    review, approvals = _review(root.table("review_policy"))
    escalation = root.table("escalation")
    supervisor = escalation.word("supervisor_id")
    known = {agent.id.text for agent in agents if agent.id}
    threshold = _length(escalation, "stall_threshold_minutes", timedelta(minutes=1))
    return Draft(
        id=sprint.word("id", needed=NEEDS_ID),
        goal=sprint.text("goal") or "",
        max_duration=_length(sprint, "max_duration_hours", timedelta(hours=1)),
        start=sprint.moment("start"),
        agents=agents,
        tasks=tuple(_task(table) for table in root.tables("tasks", needed=NEEDS_TASKS)),
        approvals=approvals,
        no_approvals="set review_policy.required_approvals to 0",
        review=review,
        escalation=EscalationPolicy(
            stall_threshold=threshold or EscalationPolicy().stall_threshold,
            human_contact=escalation.line("human_contact") if escalation.given("human_contact") else None,
        ),
        supervisor=supervisor if supervisor and supervisor.text in known else None,
    )


def _agent(table: Table) -> DraftAgent:
    identity = about("agent", table, table.word("id", needed=NEEDS_ID))
    framework = None
    if table.has("spec"):
        spec = table.table("spec")
        framework = spec.word("framework") or Mention(_FRAMEWORK, spec.at("framework"))
    return DraftAgent(
        id=identity,
        role=table.line("role") or "developer",
        framework=framework,
        definition=table.line("definition_path") if table.given("definition_path") else None,
    )


def _task(table: Table) -> DraftTask:
    return DraftTask(
        place=table.place,
        id=about("task", table, table.word("id", needed=NEEDS_ID)),
        title=table.line("title"),
        assigned_to=table.word("assigned_to", needed="name the agent that does the task"),
        reviewed_by=table.words("reviewed_by", or_one=True),
        depends_on=table.words("depends_on"),
    )


def _review(table: Table) -> tuple[ReviewPolicy, int | None]:
    standard = ReviewPolicy()
    approvals = table.whole("required_approvals", least=0)
    if not table.has("required_approvals"):
        approvals = standard.required_approvals
    auto_merge, max_cycles = table.flag("auto_merge"), table.whole("max_review_cycles", least=0)
    policy = ReviewPolicy(
        required_approvals=standard.required_approvals if approvals is None else approvals,
        auto_merge=standard.auto_merge if auto_merge is None else auto_merge,
        max_cycles=standard.max_cycles if max_cycles is None else max_cycles,
    )
    return policy, approvals


def _length(table: Table, key: str, unit: timedelta) -> timedelta | None:
    count = table.number(key)
    if count is None:
        return None
    if count > LONGEST / unit:
        table.refuse(table.at(key), f"is longer than {LONGEST.days} days")
        return None
    return count * unit
