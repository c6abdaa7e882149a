"""The report of a run as Markdown: the numbers, every task with its reason, and the critical facts of each."""

from datetime import timedelta

from caloron_actors.domain.kpis import Kpis, kpis_of
from caloron_actors.domain.marker import one_line
from caloron_actors.domain.sprint.state import Sprint
from caloron_actors.domain.task import Task
from caloron_actors.views.result import RunResult, TaskResult

_ENDS = {
    "succeeded": "Every task is merged.",
    "partial": "The sprint has ended; some tasks were not merged.",
    "cancelled": "The sprint was cancelled.",
    "expired": "The sprint has reached its max_duration.",
    "blocked": "Only a human can move the sprint now. This is an interim report; the same command goes on.",
    "interrupted": "The run was ended before the sprint. This is an interim report; the same command goes on.",
}


def render_report(sprint: Sprint, result: RunResult) -> str:
    """Render the report."""
    dag = sprint.plan.dag
    lines = [
        f"# Sprint {dag.id}: {result.outcome}",
        "",
        _ENDS[result.outcome],
        "",
        *([f"Goal: {dag.goal}", ""] if dag.goal else []),
        f"Repository `{sprint.plan.repository}`, base branch `{result.base_branch}`.",
        "",
        *_numbers(kpis_of(sprint)),
        "",
        "## Tasks",
        "",
        "| task | status | issue | pull request | merged as | attempts | review cycles | took |",
        "|---|---|---|---|---|---|---|---|",
        *(_row(task, sprint.tasks[task], told) for task, told in result.tasks.items()),
        "",
    ]
    reasons = [
        f"- **{task}** ({told.status}): {_cell(told.reason)}"
        for task, told in result.tasks.items()
        if told.reason
    ]
    if reasons:
        lines += ["## Reasons", "", *reasons, ""]
    return "\n".join(lines)


def _numbers(kpis: Kpis) -> list[str]:
    return [
        "## Numbers",
        "",
        f"- merged: {kpis.merged} of {kpis.tasks} tasks ({kpis.completion:.1%})",
        f"- failed: {kpis.failed}, blocked: {kpis.blocked}, cancelled: {kpis.cancelled}",
        f"- attempts: {kpis.attempts}, review cycles: {kpis.review_cycles}, conflict rounds: {kpis.conflict_rounds}",
        f"- duration: {_seconds(kpis.duration)}",
    ]


def _row(name: str, task: Task, told: TaskResult) -> str:
    took = "-"
    if task.started_at is not None and task.ended_at is not None:
        took = _seconds(task.ended_at - task.started_at)
    issue = f"#{told.issue}" if told.issue is not None else "-"
    pull = f"#{told.pull_request}" if told.pull_request is not None else "-"
    merged = f"`{told.merge_commit[:12]}`" if told.merge_commit is not None else "-"
    cells = (name, told.status, issue, pull, merged, str(told.attempts), str(told.review_cycles), took)
    return "| " + " | ".join(cells) + " |"


def _seconds(duration: timedelta) -> str:
    return f"{duration.total_seconds():.1f} s"


def _cell(text: str | None) -> str:
    words = text or ""
    return one_line(words, len(words)).replace("|", "\\|").replace("<", "&lt;")
