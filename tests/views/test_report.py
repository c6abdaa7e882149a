"""The report: what agents said stays inside its line."""

from msgspec.structs import replace

from caloron_actors.domain.events import Limits
from caloron_actors.domain.sprint.state import Sprint
from caloron_actors.domain.task import Status
from caloron_actors.views.report import render_report
from caloron_actors.views.result import run_result
from tests.domain.sprint.plans import FIRST_BOOT, T, dag, sprint_plan, task


def test_a_reason_cannot_leave_its_line_or_reach_a_terminal_raw() -> None:
    sprint = Sprint.new(sprint_plan(dag(task("a"))), FIRST_BOOT, Limits())
    row = sprint.tasks[T("a")]
    sprint.tasks[T("a")] = replace(row, status=Status.BLOCKED, reason="one\n# two | \x1b[31mred")
    report = render_report(sprint, run_result(sprint, repository="/r", report="/p"))
    assert "- **a** (blocked): one # two \\| [31mred\n" in report
