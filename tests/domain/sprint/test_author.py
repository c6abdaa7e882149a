"""The author's attempts: launching, failing, leaving nothing, and being counted."""

from datetime import timedelta

import msgspec
import pytest

from caloron_actors.domain import effects as fx
from caloron_actors.domain import events as ev
from caloron_actors.domain.dag import Budget
from caloron_actors.domain.feedback import Feedback
from caloron_actors.domain.ids import AgentId
from caloron_actors.domain.sprint.schedule import next_deadline
from caloron_actors.domain.task import Status
from tests.domain.sprint.plans import AUTHOR_LOGIN, T, dag, sha, task
from tests.domain.sprint.play import Play

MINUTE = timedelta(minutes=1)


def launch_fails(play: Play, name: str) -> None:
    """The launch of an author is given up before its claim."""
    play.prepare(name)
    launch = play.take(fx.LaunchAuthor, name)
    play.tell(
        ev.LaunchFailed(task=launch.task, agent=launch.agent, run=launch.run, role="author", reason="no room")
    )


def test_b11_launches_that_fail_back_off_and_block() -> None:
    """B11: nothing is half-started, the wait doubles, and the fifth failure in a row is a human's."""
    play = Play(dag(task("a")))
    waits = []
    for _ in range(4):
        launch_fails(play, "a")
        play.is_now("a", Status.READY)
        deadline = next_deadline(play.sprint)
        assert deadline is not None
        waits.append((deadline - play.sprint.head.age.lived).total_seconds())
        assert not play.effects(fx.PrepareWork)
        play.wait(timedelta(seconds=waits[-1]))
    assert waits == [1, 2, 4, 8]
    launch_fails(play, "a")
    play.is_now("a", Status.BLOCKED, "could not be started 5 times, the last time: no room")
    assert play.row("a").attempts == 0
    assert play.condition == "blocked"


def test_b11_the_next_start_tries_again_to_launch_what_could_not_be_launched() -> None:
    """B11: the operator may have mended the command, and a task without a pull request has no other way out."""
    play = Play(dag(task("a")))
    for _ in range(5):
        launch_fails(play, "a")
        play.wait(MINUTE)
    play.is_now("a", Status.BLOCKED, "could not be started")
    play.start()
    assert play.take(fx.PrepareWork, "a").run == 6
    assert play.row("a").launch_failures == 0


def test_m3_a_budget_of_attempts_ends_the_task_before_the_round_does() -> None:
    """M3: the plan's budget counts all attempts of the task."""
    play = Play(dag(msgspec.structs.replace(task("a"), budget=Budget(attempts=2))))
    for _ in range(2):
        play.launch("a")
        play.ends("a", "failed", "exit status 3")
        play.wait(MINUTE)
    play.is_now("a", Status.FAILED, "2 attempts failed (its budget is 2)")


def test_e14_what_the_author_says_of_itself_is_shown_and_decides_nothing() -> None:
    """E14: the words stand on the issue when the task is merged; the result is the merge."""
    play = Play(dag(task("a")))
    run = play.launch("a")
    said = Feedback(task_clarity=2, self_assessment="failed")
    play.tell(ev.AuthorEnded(task=T("a"), run=run, result="finished", feedback=said))
    play.collect("a")
    play.push("a")
    play.judge("a", "approve")
    play.merge("a")
    play.is_now("a", Status.DONE)
    assert any("caloron_feedback:" in comment.text for comment in play.effects(fx.PostComment))


def test_the_author_is_told_why_its_last_attempt_did_not_count() -> None:
    """A repeated attempt knows what was wrong; a new round starts without it."""
    play = Play(dag(task("a")))
    play.launch("a")
    play.ends("a", "failed", "exit status 3")
    assert play.row("a").last_failure == "exit status 3"


def test_b11_a_command_that_never_runs_blocks_too() -> None:
    """B11: a harness that claims its run and cannot start the command is a failed launch, each time."""
    play = Play(dag(task("a")))
    for _ in range(5):
        play.launch("a")
        play.ends("a", "not_started", "no such command")
        play.wait(MINUTE)
    play.is_now("a", Status.BLOCKED, "no such command")
    assert play.row("a").attempts == 0


@pytest.mark.parametrize("kind", [fx.PrepareWork, fx.LaunchAuthor])
def test_b11_a_refused_start_is_a_failed_launch(kind: type[fx.Effect]) -> None:
    """B11: a final no to a preparation or a launch leaves nothing that waits for ever."""
    play = Play(dag(task("a")))
    for _ in range(5):
        if kind is fx.LaunchAuthor:
            play.prepare("a")
        refused = ev.EffectRejected(T("a"), play.take(kind, "a"), "the disk is full")
        play.tell(refused)
        play.refuses(refused)
        play.wait(MINUTE)
    play.is_now("a", Status.BLOCKED, "the disk is full")


def test_e2_an_agent_that_fails_is_tried_three_times() -> None:
    """E2, E5: exit status is heeded; dependents of a failed task are cancelled; the outcome is partial."""
    play = Play(dag(task("a"), task("b", "a"), task("c", "b")))
    for seconds in (1, 2):
        play.launch("a")
        play.ends("a", "failed", "exit status 1")
        play.is_now("a", Status.READY)
        assert next_deadline(play.sprint) == play.sprint.head.age.lived + timedelta(seconds=seconds)
        play.wait(MINUTE)
    play.launch("a")
    play.ends("a", "failed", "exit status 1")
    play.is_now("a", Status.FAILED, "3 attempts failed, the last one: exit status 1")
    play.is_now("b", Status.CANCELLED, "its dependency a is failed")
    play.is_now("c", Status.CANCELLED, "its dependency b is cancelled")
    assert play.row("a").attempts == 3
    assert play.sprint.head.outcome == "partial"
    assert play.row("a").ended_at is not None


def test_e5_no_change_is_a_failed_attempt() -> None:
    """E5: an agent that exits 0 without any change has not done the task."""
    play = Play(dag(task("a")))
    for _ in range(3):
        play.launch("a")
        play.ends("a")
        play.no_work("a")
        play.wait(MINUTE)
    play.is_now("a", Status.FAILED, "changed nothing")


def test_j2_a_retry_of_the_first_work_starts_from_the_base() -> None:
    """J2: nothing of a failed attempt gets into the next one."""
    play = Play(dag(task("a")))
    play.launch("a")
    play.ends("a", "failed")
    play.wait(MINUTE)
    assert play.effects(fx.PrepareWork)[0].head is None


def test_a_failed_rework_is_repeated_at_the_head_of_the_branch() -> None:
    """A rework is a new round with fresh attempts, and never starts from anything but the branch."""
    play = Play(dag(task("a")))
    head = play.work("a")
    play.judge("a", "request_changes")
    for _ in range(2):
        assert play.effects(fx.PrepareWork)[0].head == head
        play.launch("a")
        play.ends("a", "failed")
        play.is_now("a", Status.IN_PROGRESS)
        play.wait(MINUTE)
    play.work("a")
    row = play.row("a")
    assert (row.attempts, row.failures, row.review_cycles) == (4, 0, 1)


def test_an_agent_that_ends_before_its_start_was_told() -> None:
    """Whatever order the news come in, the attempt counts and its work is taken."""
    play = Play(dag(task("a")))
    play.prepare("a")
    launch = play.take(fx.LaunchAuthor, "a")
    play.ends("a")
    play.is_now("a", Status.IN_PROGRESS)
    play.refuses(ev.RunStarted(task=launch.task, agent=launch.agent, run=launch.run, role="author"))
    play.collect("a")
    play.push("a")
    assert play.row("a").attempts == 1


def test_b11_a_run_that_vanished_was_no_attempt() -> None:
    """B11: claimed, then nowhere to be found: launched again, and not counted."""
    play = Play(dag(task("a")))
    run = play.launch("a")
    play.tell(ev.LaunchFailed(task=T("a"), agent=AgentId("dev"), run=run, role="author", reason="gone"))
    play.is_now("a", Status.READY)
    assert (play.row("a").attempts, play.row("a").launch_failures) == (0, 1)


def test_a_stop_before_the_command_is_no_failed_launch() -> None:
    """Suspending again and again while the agent starts never blocks its task."""
    play = Play(dag(task("a")))
    for _ in range(6):
        play.launch("a")
        play.tell(ev.SprintSuspended("SIGTERM"))
        play.take(fx.StopRun, "a")
        play.ends("a", "not_started")
        play.start()
    row = play.row("a")
    assert (row.status, row.launch_failures, row.attempts) == (Status.STARTING, 0, 0)


def test_b8_work_that_is_collected_for_nobody() -> None:
    """B8: a task that was given up while its work was collected still comes to its end."""
    play = Play(dag(task("a"), task("b")))
    play.launch("a")
    play.ends("a")
    play.tell(play.issue_closed("a"))
    play.is_now("a", Status.CANCELLED, "maria")
    play.collect("a")
    assert play.row("a").author is None
    assert not play.effects(fx.PushBranch, "a")
    play.finish("b")
    assert play.sprint.head.outcome == "partial"


@pytest.mark.parametrize("answer", ["missing", "rejected"])
def test_b8_work_that_is_missing_for_nobody(answer: str) -> None:
    """B8: the same when there was nothing to collect, or it could not be collected."""
    play = Play(dag(task("a")))
    play.launch("a")
    play.ends("a")
    play.tell(ev.SprintCancelled("maria"))
    if answer == "missing":
        play.no_work("a")
    else:
        play.tell(ev.EffectRejected(T("a"), play.take(fx.CollectWork, "a"), "no"))
    play.is_now("a", Status.CANCELLED, "maria")
    assert play.sprint.head.outcome == "cancelled"


def test_a_push_is_told_twice() -> None:
    """C2: one pull request is asked for, however often the push is told."""
    play = Play(dag(task("a")))
    play.launch("a")
    play.ends("a")
    commit = play.collect("a")
    play.take(fx.PushBranch, "a")
    pushed = ev.BranchPushed(T("a"), commit)
    play.tell(pushed)
    assert "earlier" in play.refuses(pushed)
    assert len(play.effects(fx.OpenPullRequest)) == 1


def test_a_push_that_comes_too_late_is_remembered() -> None:
    """The branch's place is a fact, also for a task that was cancelled meanwhile; nothing follows from it."""
    play = Play(dag(task("a")))
    play.launch("a")
    play.ends("a")
    commit = play.collect("a")
    play.tell(play.issue_closed("a"))
    play.tell(ev.BranchPushed(T("a"), commit))
    assert play.row("a").head == commit
    assert not play.effects(fx.OpenPullRequest)


@pytest.mark.parametrize("kind", [fx.PushBranch, fx.OpenPullRequest])
def test_a_refused_push_or_pull_request_is_for_a_human(kind: type[fx.Effect]) -> None:
    """E6: a forge's no is never turned into an empty success; and it counts once."""
    play = Play(dag(task("a")))
    play.launch("a")
    play.ends("a")
    commit = play.collect("a")
    if kind is fx.OpenPullRequest:
        play.take(fx.PushBranch, "a")
        play.tell(ev.BranchPushed(T("a"), commit))
    effect = play.take(kind, "a")
    play.tell(ev.EffectRejected(T("a"), effect, "not allowed"))
    play.is_now("a", Status.BLOCKED, f"{kind.__name__} was refused: not allowed")
    assert play.tell(ev.EffectRejected(T("a"), effect, "not allowed")).idle


def test_a_refusal_of_long_ago_blocks_nobody() -> None:
    """C2: what was refused in an earlier round has no bearing on the author of today."""
    play = Play(dag(task("a")))
    play.work("a")
    play.judge("a", "request_changes")
    play.launch("a")
    old = fx.PushBranch(task=T("a"), commit=sha("old"), expected=None)
    play.refuses(ev.EffectRejected(T("a"), old, "no"))
    play.refuses(ev.EffectRejected(T("a"), fx.OpenPullRequest(T("a")), "no"))
    play.refuses(ev.EffectRejected(T("a"), fx.CreateIssue(T("a")), "no"))
    play.is_now("a", Status.IN_PROGRESS)


def test_an_issue_that_cannot_be_created_blocks_its_task() -> None:
    """E6: there is no issue number 0."""
    play = Play(dag(task("a"), task("b", "a")), begin=False)
    play.start()
    effect = play.take(fx.CreateIssue, "a")
    play.tell(ev.EffectRejected(T("a"), effect, "issues are disabled"))
    play.is_now("a", Status.BLOCKED, "issues are disabled")
    assert play.condition == "blocked"


def test_an_orphaned_author_is_repeated_not_failed() -> None:
    """A run that stopped itself because nobody claimed it was not wrong."""
    play = Play(dag(task("a")))
    play.launch("a")
    play.ends("a", "stopped")
    save = play.take(fx.SaveWork, "a")
    play.tell(ev.EffectRejected(T("a"), save, "nothing to save"))
    row = play.row("a")
    assert (row.status, row.failures, row.attempts) == (Status.STARTING, 0, 1)


def test_the_limits_of_a_later_launch_apply() -> None:
    play = Play(dag(task("a", by="d1"), task("b", by="d2")), ev.Limits(max_agents=1))
    assert len(play.effects(fx.PrepareWork)) == 1
    play.tell(ev.SprintStarted(ev.Limits(max_agents=2), AUTHOR_LOGIN))
    assert len(play.effects(fx.PrepareWork)) == 2
