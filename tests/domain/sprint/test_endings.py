"""How sprints end, when they are blocked, and what time does to them."""

from datetime import timedelta

import pytest

from caloron_actors.domain import effects as fx
from caloron_actors.domain import events as ev
from caloron_actors.domain.kpis import kpis_of
from caloron_actors.domain.sprint.schedule import next_deadline, runs_alive
from caloron_actors.domain.task import Status
from tests.domain.sprint.plans import T, dag, sha, task
from tests.domain.sprint.play import Play

HOUR = timedelta(hours=1)


def test_b7_all_blocked_is_not_complete() -> None:
    """B7, E13: a sprint whose every task waits for a human has no outcome."""
    play = Play(dag(task("a"), task("b", "a")), begin=False)
    play.start()
    play.tell(ev.EffectRejected(T("a"), play.take(fx.CreateIssue, "a"), "no"))
    play.give_issues()
    assert play.statuses() == {"a": "blocked", "b": "pending"}
    assert play.condition == "blocked"
    assert play.sprint.head.outcome is None
    assert kpis_of(play.sprint).completion == 0


def test_a_blocked_task_does_not_hold_up_the_others() -> None:
    """The condition is `blocked` only when nothing else can go on."""
    play = Play(dag(task("a", by="d1"), task("b", by="d2")))
    play.work("a")
    play.silence("a")
    assert play.condition == "running"
    play.finish("b")
    assert play.condition == "blocked"


def test_d7_a_task_that_was_never_begun_is_a_result() -> None:
    """D7, B8: blocked before its time, then its dependency fails: cancelled, and the sprint ends."""
    play = Play(dag(task("a"), task("b", "a")), begin=False)
    play.start()
    play.tell(ev.EffectRejected(T("b"), play.take(fx.CreateIssue, "b"), "no"))
    play.give_issues()
    play.tell(play.issue_closed("a"))
    stop = play.take(fx.StopRun, "a")
    play.tell(ev.LaunchFailed(task=T("a"), agent=stop.agent, run=1, role="author", reason="given up"))
    play.is_now("b", Status.CANCELLED, "its dependency a is cancelled")
    assert play.sprint.head.outcome == "partial"
    kpis = kpis_of(play.sprint)
    assert (kpis.tasks, kpis.merged, kpis.cancelled) == (2, 0, 2)


def test_a_diamond_with_a_failed_side_is_partial() -> None:
    """E5, E14: what was merged counts, what hangs on the failed side is cancelled, nothing else is."""
    c = task("c", "a", by="ops")
    plan = dag(task("a"), task("b", "a"), c, task("d", "b", "c"), task("e", "b"))
    play = Play(plan)
    play.finish("a", "b", "e")
    for _ in range(3):
        play.launch("c")
        play.ends("c", "failed")
        play.wait(HOUR)
    assert play.statuses() == {"a": "done", "b": "done", "c": "failed", "d": "cancelled", "e": "done"}
    assert play.sprint.head.outcome == "partial"
    assert kpis_of(play.sprint).completion == 0.6


def test_cancelling_a_sprint() -> None:
    """P2: agents are stopped, those at work are told so, open pull requests are labelled and stay open."""
    play = Play(dag(task("a", by="d1"), task("b", by="d2"), task("c", "b", by="d2")))
    play.work("a")
    play.launch("b")
    play.tell(ev.SprintCancelled("maria"))
    assert set(play.statuses().values()) == {"cancelled"}
    assert {note.task for note in play.effects(fx.PostComment)} == {"a", "b"}
    labels = [effect for effect in play.effects(fx.AddLabel) if effect.label == "caloron:sprint-cancelled"]
    assert [(label.task, label.number) for label in labels] == [("a", play.row("a").pull_request)]
    assert not play.effects(fx.CloseIssue)
    assert play.condition == "running", "processes are still alive"
    assert {stop.task for stop in play.effects(fx.StopRun)} == {"a", "b"}
    play.end_review("a", None, stopped=True)
    play.ends("b", "stopped")
    save = play.take(fx.SaveWork, "b")
    assert runs_alive(play.sprint)
    play.tell(ev.WorkSaved(task=T("b"), run=save.run, commit=sha("kept")))
    assert play.sprint.head.outcome == "cancelled"
    assert "ended" in play.refuses(ev.SprintCancelled("omar"))


def test_a_pull_request_that_opens_after_the_cancel_is_labelled_too() -> None:
    play = Play(dag(task("a", by="d1"), task("b", by="d2")))
    play.launch("b")
    play.launch("a")
    play.ends("a")
    play.collect("a")
    push = play.take(fx.PushBranch, "a")
    play.tell(ev.BranchPushed(T("a"), push.commit))
    play.tell(ev.SprintCancelled("maria"))
    assert "cancelled already" in play.refuses(ev.SprintCancelled("omar"))
    play.take(fx.OpenPullRequest, "a")
    play.tell(ev.PullRequestOpened(T("a"), 77))
    assert fx.AddLabel(T("a"), 77, "caloron:sprint-cancelled") in play.effects(fx.AddLabel)


def test_max_duration_counts_awake_time_since_the_first_start() -> None:
    """`expired`: everything is cancelled at the limit, and that is a deadline the sprint names itself."""
    play = Play(dag(task("a"), task("b"), max_duration=HOUR))
    assert next_deadline(play.sprint) == HOUR
    play.finish("a")
    play.wait(HOUR - timedelta(seconds=1))
    assert play.condition == "running"
    play.wait(timedelta(seconds=1))
    play.is_now("b", Status.CANCELLED, "max_duration of 1:00:00")
    stop = play.take(fx.StopRun, "b")
    play.tell(ev.LaunchFailed(task=T("b"), agent=stop.agent, run=1, role="author", reason="given up"))
    assert play.sprint.head.outcome == "expired"
    assert play.sprint.head.ended_at == HOUR


def test_time_away_is_not_counted() -> None:
    """A reboot, however long, takes nothing from max_duration: no clock has counted it."""
    play = Play(dag(task("a"), max_duration=HOUR))
    play.wait(timedelta(minutes=30))
    play.reboot(timedelta(days=3))
    play.start()
    assert play.condition == "running"
    play.wait(timedelta(minutes=29))
    assert play.condition == "running"
    play.wait(timedelta(minutes=1))
    assert play.sprint.head.ending == "expired"


def test_a_backoff_survives_a_reboot() -> None:
    play = Play(dag(task("a")))
    play.launch("a")
    play.ends("a", "failed")
    play.reboot(HOUR)
    assert play.start().changed == ()
    assert not play.effects(fx.PrepareWork)
    play.wait(timedelta(seconds=1))
    assert play.effects(fx.PrepareWork)


def test_a_stop_before_the_first_start() -> None:
    """A service that is told to end before it has begun begins when it comes back."""
    play = Play(dag(task("a")), begin=False)
    play.tell(ev.SprintSuspended("SIGTERM"))
    assert play.condition == "running"
    assert next_deadline(play.sprint) is None
    play.start()
    play.give_issues()
    play.finish("a")


@pytest.mark.parametrize("event", [ev.SprintSuspended("x"), ev.SprintCancelled("x"), ev.TimePassed()])
def test_a5_an_end_is_final(event: ev.SprintEvent) -> None:
    """A5: a terminal outcome is reached once."""
    play = Play(dag(task("a")))
    play.finish("a")
    assert play.refuses(event) == "the sprint has ended"
    assert play.start().idle


def test_kpis_are_facts() -> None:
    """E14: complete means merged; times are those of the sprint's own clock."""
    play = Play(dag(task("a"), task("b", by="ops")))
    play.work("a")
    play.judge("a", "request_changes")
    play.work("a")
    play.judge("a", "approve")
    play.merge("a")
    play.wait(timedelta(minutes=5))
    kpis = kpis_of(play.sprint)
    assert (kpis.tasks, kpis.merged, kpis.completion) == (2, 1, 0.5)
    assert (kpis.attempts, kpis.review_cycles, kpis.duration) == (2, 1, timedelta(minutes=5))


def test_a_sprint_that_ends_at_once_took_no_time() -> None:
    play = Play(dag(task("a")))
    play.finish("a")
    play.reboot(HOUR)
    assert kpis_of(play.sprint).duration == timedelta(0)


def test_an_unknown_task_is_refused() -> None:
    """B4: nothing is guessed."""
    play = Play(dag(task("a")))
    assert play.refuses(ev.IssueCreated(T("zz"), 9)) == "no task zz"
