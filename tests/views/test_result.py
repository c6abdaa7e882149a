"""The answer of a run in the command's words, and the reasons that people are given."""

import msgspec
import pytest

from caloron_actors.domain import events as ev
from caloron_actors.domain.effects import StopRun
from caloron_actors.domain.sprint.state import Sprint
from caloron_actors.domain.task import Status
from caloron_actors.views.report import render_report
from caloron_actors.views.result import RunResult, reason, run_outcome, run_result
from tests.domain.sprint.plans import FIRST_BOOT, PATIENT, T, dag, sha, sprint_plan, task
from tests.domain.sprint.play import Play


def told(play: Play) -> RunResult:
    """The result as it is printed."""
    return run_result(play.sprint, repository="/state/forge.git", report="/state/report.md")


def partial() -> Play:
    """A sprint with one merged task, one that was given up, and one that needed it."""
    play = Play(dag(task("a"), task("b", by="ops"), task("c", "b")))
    play.finish("a")
    play.tell(play.issue_closed("b"))
    stop = play.take(StopRun, "b")
    play.tell(ev.LaunchFailed(task=T("b"), agent=stop.agent, run=1, role="author", reason="given up"))
    return play


def test_e13_the_result_of_a_partial_sprint() -> None:
    """E13, E5: every task with its status, and a reason for each that was not merged."""
    result = told(partial())
    assert result.outcome == "partial"
    assert result.tasks[T("a")].merge_commit == sha("merge-a")
    assert result.tasks[T("a")].reason is None
    assert result.tasks[T("b")].reason == "issue #2 was closed by maria without a merge"
    assert result.tasks[T("c")].reason == "its dependency b is cancelled"


def test_the_result_as_json() -> None:
    """The command's contract: these keys, statuses as words, numbers or null."""
    printed = msgspec.json.decode(msgspec.json.encode(told(partial())))
    assert sorted(printed) == ["base_branch", "outcome", "report", "repository", "sprint", "tasks"]
    assert printed["tasks"]["c"] == {
        "status": "cancelled",
        "issue": 3,
        "pull_request": None,
        "merge_commit": None,
        "attempts": 0,
        "review_cycles": 0,
        "reason": "its dependency b is cancelled",
    }


def test_e13_outcomes_that_are_not_ends() -> None:
    """E13, B7: interrupted while it could go on, blocked when only humans can move it."""
    play = Play(dag(task("a")))
    assert run_outcome(play.sprint) == "interrupted"
    play.work("a")
    play.silence("a")
    assert run_outcome(play.sprint) == "blocked"
    assert "0 of 1 approvals" in (told(play).tasks[T("a")].reason or "")


def test_what_waits_says_for_what() -> None:
    play = Play(dag(task("a"), task("b", "a"), task("c")), begin=False)
    assert {row.reason for row in told(play).tasks.values()} == {
        "waits for the sprint to start",
        "waits for a: pending",
    }
    play.start()
    assert reason(play.sprint, play.row("a")) == "waits for its issue to be opened"
    play.give_issues()
    assert reason(play.sprint, play.row("a")) is None
    assert reason(play.sprint, play.row("b")) == "waits for a: starting"
    assert reason(play.sprint, play.row("c")) == "waits for a free slot"
    play.launch("a")
    play.ends("a", "failed")
    assert "next attempt" in (reason(play.sprint, play.row("a")) or "")


@pytest.mark.parametrize("status", [Status.BLOCKED, Status.CANCELLED, Status.FAILED])
def test_bad_ends_have_a_reason(status: Status) -> None:
    play = Play(dag(task("a")))
    match status:
        case Status.BLOCKED:
            play.work("a")
            play.silence("a")
        case Status.CANCELLED:
            play.tell(play.issue_closed("a"))
        case _:
            for _ in range(3):
                play.launch("a")
                play.ends("a", "failed")
                play.wait(PATIENT.retry_cap)
    assert play.row("a").status is status
    assert told(play).tasks[T("a")].reason


def test_the_report_of_a_partial_sprint() -> None:
    """E14: merged tasks over all tasks, as the forge tells it."""
    play = partial()
    report = render_report(play.sprint, told(play))
    assert report.startswith("# Sprint s1: partial\n")
    assert "- merged: 1 of 3 tasks (33.3%)" in report
    assert f"| a | done | #1 | #101 | `{sha('merge-a')[:12]}` | 1 | 0 | 0.0 s |" in report
    assert "| c | cancelled | #3 | - | - | 0 | 0 | - |" in report
    assert "- **b** (cancelled): issue #2 was closed by maria without a merge" in report


def test_a_report_before_anything_has_happened() -> None:
    sprint = Sprint.new(sprint_plan(dag(task("a"))), FIRST_BOOT, PATIENT)
    report = render_report(sprint, run_result(sprint, repository="/r", report="/p"))
    assert report.startswith("# Sprint s1: interrupted\n")
    assert "waits for the sprint to start" in report


def test_foreign_words_in_a_report_are_text() -> None:
    """No column, line, tag or control character comes out of a reason."""
    play = Play(dag(task("a")))
    play.tell(play.issue_closed("a", "x|y\n# big <script>\x1b[31m"))
    report = render_report(play.sprint, told(play))
    line = next(line for line in report.splitlines() if line.startswith("- **a**"))
    assert "x\\|y # big &lt;script>" in line
    assert "\x1b" not in report
