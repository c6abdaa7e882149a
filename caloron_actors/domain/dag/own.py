"""The project's own format, the same keys in TOML and JSON; unknown keys are refused.

    [sprint]      id, goal, repository, base_branch, max_duration, start
    [[agents]]    id, role, framework, definition
    [[tasks]]     id, title, body or prompt, assigned_to, reviewed_by (text or array), depends_on, required_skills,
                  budget = {tokens, money, wall_time, attempts}
    [review]      required_approvals, auto_merge, max_cycles, require_checks, on_exhausted = "escalate" | "abandon"
    [escalation]  stall_threshold, probe_wait, supervisor, human_contact

Needed: sprint.id, an agent with an id, a task with id and assigned_to. Everything else has the defaults of `plan`.
Durations are written `90s`, `20m`, `2h`, `1h30m`.
"""

from caloron_actors.domain.dag.draft import (
    NEEDS_AGENTS,
    NEEDS_ID,
    NEEDS_TASKS,
    Draft,
    DraftAgent,
    DraftTask,
    about,
)
from caloron_actors.domain.dag.plan import Budget, EscalationPolicy, ReviewPolicy
from caloron_actors.domain.dag.reader import Table


def read_own(root: Table) -> Draft:
    """Read a plan in the project's own format; what is wrong is noted in the table's findings."""
    sprint = root.table("sprint", needed="give the sprint an id in a table 'sprint'")
    review, approvals = _review(root.table("review"))
    escalation = root.table("escalation")
    draft = Draft(
        id=sprint.word("id", needed=NEEDS_ID),
        goal=sprint.text("goal") or "",
        repository=sprint.word("repository"),
        base_branch=sprint.word("base_branch"),
        max_duration=sprint.duration("max_duration"),
        start=sprint.moment("start"),
        agents=tuple(_agent(table) for table in root.tables("agents", needed=NEEDS_AGENTS)),
        tasks=tuple(_task(table) for table in root.tables("tasks", needed=NEEDS_TASKS)),
        approvals=approvals,
        no_approvals="set review.required_approvals to 0",
        review=review,
        escalation=_escalation(escalation),
        supervisor=escalation.word("supervisor"),
    )
    for table in (root, sprint, escalation):
        table.refuse_unknown()
    return draft


def _agent(table: Table) -> DraftAgent:
    agent = DraftAgent(
        id=about("agent", table, table.word("id", needed=NEEDS_ID)),
        role=table.line("role") or "developer",
        framework=table.word("framework"),
        definition=table.line("definition"),
    )
    table.refuse_unknown()
    return agent


def _task(table: Table) -> DraftTask:
    task = DraftTask(
        place=table.place,
        id=about("task", table, table.word("id", needed=NEEDS_ID)),
        title=table.line("title"),
        body=one_text(table, "body", "prompt"),
        assigned_to=table.word("assigned_to", needed="name the agent that does the task"),
        reviewed_by=table.words("reviewed_by", or_one=True),
        depends_on=table.words("depends_on"),
        required_skills=table.lines("required_skills"),
        budget=_budget(table.table("budget")),
    )
    table.refuse_unknown()
    return task


def one_text(table: Table, *keys: str) -> str:
    """The text of the one of several keys that mean the same; two of them given are a mistake."""
    texts = {key: table.text(key) for key in keys}
    given = [key for key in keys if table.has(key)]
    if len(given) > 1:
        table.refuse(
            table.at(given[1]), f"means the same as '{given[0]}', which is given too; keep one of them"
        )
    return next((text for text in texts.values() if text is not None), "")


def _budget(table: Table) -> Budget:
    budget = Budget(
        tokens=table.whole("tokens", least=1),
        money=table.number("money"),
        wall_time=table.duration("wall_time"),
        attempts=table.whole("attempts", least=1),
    )
    table.refuse_unknown()
    return budget


def _review(table: Table) -> tuple[ReviewPolicy, int | None]:
    standard = ReviewPolicy()
    approvals = table.whole("required_approvals", least=0)
    if not table.has("required_approvals"):
        approvals = standard.required_approvals
    auto_merge, require_checks = table.flag("auto_merge"), table.flag("require_checks")
    max_cycles = table.whole("max_cycles", least=0)
    on_exhausted = table.word("on_exhausted")
    if on_exhausted and on_exhausted.text not in {"escalate", "abandon"}:
        table.refuse(on_exhausted.place, "must be 'escalate' or 'abandon'")
    table.refuse_unknown()
    policy = ReviewPolicy(
        required_approvals=standard.required_approvals if approvals is None else approvals,
        auto_merge=standard.auto_merge if auto_merge is None else auto_merge,
        max_cycles=standard.max_cycles if max_cycles is None else max_cycles,
        require_checks=standard.require_checks if require_checks is None else require_checks,
        on_exhausted="abandon" if on_exhausted and on_exhausted.text == "abandon" else "escalate",
    )
    return policy, approvals


def _escalation(table: Table) -> EscalationPolicy:
    standard = EscalationPolicy()
    return EscalationPolicy(
        stall_threshold=table.duration("stall_threshold") or standard.stall_threshold,
        probe_wait=table.duration("probe_wait") or standard.probe_wait,
        human_contact=table.line("human_contact"),
    )
