"""An operator stops the service and starts it again, at every moment of a task's life."""

from datetime import timedelta

from caloron_actors.domain import effects as fx
from caloron_actors.domain import events as ev
from caloron_actors.domain.task import Status
from tests.domain.sprint.plans import T, dag, sha, task
from tests.domain.sprint.play import Play

STOP = ev.SprintSuspended("SIGTERM")


def test_while_preparing_the_preparation_is_taken_back() -> None:
    play = Play(dag(task("a")))
    moved = play.tell(STOP)
    assert moved.withdrawn == ("s1/a/PrepareWork/1",)
    stop = play.take(fx.StopRun, "a")
    given_up = ev.LaunchFailed(task=T("a"), agent=stop.agent, run=1, role="author", reason="given up")
    play.tell(given_up)
    assert not play.effects(fx.PrepareWork), "nothing starts while the service stops"
    play.start()
    assert play.take(fx.PrepareWork, "a").run == 2
    assert play.row("a").attempts == 0


def test_while_launching_the_launch_is_taken_back() -> None:
    play = Play(dag(task("a")))
    play.prepare("a")
    moved = play.tell(STOP)
    assert moved.withdrawn == ("s1/a/LaunchAuthor/1",)


def test_while_running_nothing_can_be_taken_back() -> None:
    play = Play(dag(task("a")))
    play.launch("a")
    moved = play.tell(STOP)
    assert moved.withdrawn == ()
    play.take(fx.StopRun, "a")
    play.ends("a", "stopped")
    save = play.take(fx.SaveWork, "a")
    play.tell(ev.WorkSaved(task=T("a"), run=save.run, commit=sha("saved")))
    play.start()
    play.finish("a")
    row = play.row("a")
    assert (row.status, row.attempts, row.failures) == (Status.DONE, 2, 0), "a stopped run is no failed one"


def test_a_review_that_was_stopped_is_done_anew() -> None:
    play = Play(dag(task("a")))
    play.work("a")
    play.start_review("a")
    assert play.tell(STOP).withdrawn == ()
    play.take(fx.StopRun, "a")
    play.end_review("a", None, stopped=True)
    assert not play.effects(fx.LaunchReviewer)
    play.start()
    play.judge("a", "approve")
    play.merge("a")
    assert play.sprint.head.outcome == "succeeded"


def test_a_review_that_was_not_started_is_taken_back() -> None:
    play = Play(dag(task("a")))
    play.work("a")
    assert play.tell(STOP).withdrawn == ("s1/a/LaunchReviewer/rev.1",)


def test_finished_work_is_still_collected_and_pushed() -> None:
    """What an agent has finished before the stop is not thrown away."""
    play = Play(dag(task("a")))
    play.launch("a")
    play.ends("a")
    play.tell(STOP)
    play.collect("a")
    play.push("a")
    assert play.row("a").status is Status.IN_REVIEW
    assert not play.effects(fx.LaunchReviewer)
    play.start()
    assert play.effects(fx.LaunchReviewer)


def test_an_approved_head_is_merged_only_after_the_start() -> None:
    play = Play(dag(task("a")))
    play.work("a")
    play.start_review("a")
    play.end_review("a", "approve")
    play.tell(STOP)
    play.submit("a")
    assert not play.effects(fx.MergePullRequest)
    play.start()
    play.merge("a")


def test_a_restart_without_a_stop_changes_nothing() -> None:
    """A crash of the service: the same limits again are no news."""
    play = Play(dag(task("a")))
    play.launch("a")
    assert play.start().idle
    play.reboot(timedelta(hours=1))
    again = play.start()
    assert (again.changed, again.intents, again.withdrawn) == ((), (), ())
