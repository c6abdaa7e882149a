"""Reviews: rework, cycles, who counts, and reviewers that say nothing."""

from datetime import timedelta
from typing import Literal

import pytest

from caloron_actors.domain import effects as fx
from caloron_actors.domain import events as ev
from caloron_actors.domain.dag import ReviewPolicy
from caloron_actors.domain.ids import AgentId
from caloron_actors.domain.task import Rework, Status
from tests.domain.sprint.plans import AUTHOR_LOGIN, T, dag, review, sha, task
from tests.domain.sprint.play import Play

MINUTE = timedelta(minutes=1)
TWO = ("rev", "eve")


def test_b1_a_rework_comes_back_to_review() -> None:
    """B1, E11: changes requested, new work in the same branch, reviewed again, merged."""
    play = Play(dag(task("a")))
    first = play.work("a")
    play.judge("a", "request_changes", text="tests, please")
    row = play.row("a")
    assert (row.status, row.round) == (Status.IN_PROGRESS, Rework("tests, please", "rev"))
    assert play.effects(fx.PrepareWork) == [fx.PrepareWork(task=T("a"), run=2, head=first)]
    second = play.work("a")
    assert play.effects(fx.LaunchReviewer)[0].head == second
    play.judge("a", "approve")
    play.merge("a")
    row = play.row("a")
    assert (row.attempts, row.review_cycles, row.pull_requests) == (2, 1, 1)


@pytest.mark.parametrize(("policy", "status"), [("escalate", Status.BLOCKED), ("abandon", Status.FAILED)])
def test_b12_e8_cycles_are_bounded_and_nothing_is_forced(
    policy: Literal["escalate", "abandon"], status: Status
) -> None:
    """B12, E8, F11: after max_cycles the next change request ends in a human or in failure, never in a merge."""
    plan = dag(task("a"), task("b", "a"), review=ReviewPolicy(max_cycles=2, on_exhausted=policy))
    play = Play(plan)
    for _ in range(3):
        play.work("a")
        play.judge("a", "request_changes", text="still wrong")
    play.is_now("a", status, "rev still wants changes after 2 rounds of rework: still wrong")
    assert not [effect for effect in play.past if isinstance(effect, fx.MergePullRequest)]
    assert (play.row("a").attempts, play.row("a").review_cycles) == (3, 2)
    if status is Status.FAILED:
        play.is_now("b", Status.CANCELLED, "a is failed")
        assert play.sprint.head.outcome == "partial"
    else:
        assert play.condition == "blocked"
        assert play.sprint.head.outcome is None


def test_max_cycles_zero_never_sends_back() -> None:
    play = Play(dag(task("a"), review=ReviewPolicy(max_cycles=0)))
    play.work("a")
    play.judge("a", "request_changes")
    play.is_now("a", Status.BLOCKED, "after 0 rounds")


def test_e3_a_silent_reviewer_is_asked_three_times_and_never_approves() -> None:
    """E3, E4: no verdict is no approval; after the third silence a human is needed."""
    play = Play(dag(task("a")))
    play.work("a")
    play.silence("a", times=3)
    play.is_now("a", Status.BLOCKED, "0 of 1 approvals; rev gave no verdict when asked 3 times")
    assert not [effect for effect in play.past if isinstance(effect, fx.MergePullRequest)]
    assert play.row("a").review_runs == 3
    assert play.condition == "blocked"


def test_a_reviewer_that_finds_its_voice() -> None:
    play = Play(dag(task("a")))
    play.work("a")
    play.silence("a", times=2)
    play.judge("a", "approve")
    play.merge("a")


def test_b11_a_reviewer_that_cannot_start() -> None:
    """B11: launches that fail, or are refused, end with a human, not with a slot that is held for ever."""
    play = Play(dag(task("a")))
    play.work("a")
    for turn in range(5):
        launch = play.take(fx.LaunchReviewer, "a")
        event: ev.TaskEvent = ev.EffectRejected(T("a"), launch, "no room")
        if turn % 2:
            event = ev.LaunchFailed(
                task=T("a"), agent=launch.agent, run=launch.run, role="reviewer", reason="no room"
            )
        play.tell(event)
        play.wait(MINUTE)
    play.is_now("a", Status.BLOCKED, "rev could not be started 5 times, the last time: no room")


def test_one_reviewer_of_two_that_cannot_start_is_not_needed() -> None:
    """Enough approvals are enough: the merge goes on when the other reviewer has given up."""
    play = Play(dag(task("a", reviewed_by=TWO)))
    play.work("a")
    play.judge("a", "approve", "rev")
    for _ in range(5):
        launch = play.take(fx.LaunchReviewer, "a", "eve")
        play.tell(
            ev.LaunchFailed(task=T("a"), agent=launch.agent, run=launch.run, role="reviewer", reason="no")
        )
        play.wait(MINUTE)
    play.merge("a")


def test_b6_two_approvals_of_two_logins() -> None:
    """B6: required_approvals counts distinct reviewers, and waits for both."""
    play = Play(dag(task("a", reviewed_by=TWO), review=ReviewPolicy(required_approvals=2)))
    play.work("a")
    play.judge("a", "approve", "rev")
    play.is_now("a", Status.IN_REVIEW)
    play.judge("a", "approve", "eve")
    play.merge("a")


def test_b6_the_same_login_twice_is_one_approval() -> None:
    """B6: a second approval of the same person does not stand for the missing one."""
    play = Play(dag(task("a", reviewed_by=TWO), review=ReviewPolicy(required_approvals=2)))
    head = play.work("a")
    play.judge("a", "approve", "rev")
    play.tell(play.looked("a", reviews=[review(901, "rev", head), review(902, "rev", head)]))
    play.silence("a", "eve")
    play.is_now("a", Status.BLOCKED, "1 of 2 approvals")


def test_b6_self_review_is_ignored() -> None:
    """B6: the account that opens the pull requests approves none of them."""
    play = Play(dag(task("a")))
    head = play.work("a")
    play.tell(play.looked("a", reviews=[review(900, AUTHOR_LOGIN, head)]))
    play.silence("a")
    play.is_now("a", Status.BLOCKED, "0 of 1 approvals")
    assert play.row("a").reviews == ()


def test_b6_stale_approvals_are_dropped_on_push() -> None:
    """B6, E11: a push by anybody makes every earlier approval worthless."""
    play = Play(dag(task("a"), review=ReviewPolicy(auto_merge=False)))
    old = play.work("a")
    said = play.judge("a", "approve")
    human = sha("a human's commit")
    play.tell(play.looked("a", head=human, reviews=[said]))
    row = play.row("a")
    assert (row.status, row.head, row.past_heads) == (Status.IN_REVIEW, human, (old,))
    assert play.effects(fx.LaunchReviewer)[0].head == human


def test_b6_auto_merge_off_waits_for_a_human() -> None:
    """B6: approved and left alone; the sprint is blocked on the human's merge, which frees the dependents."""
    play = Play(dag(task("a"), task("b", "a"), review=ReviewPolicy(auto_merge=False)))
    play.work("a")
    play.judge("a", "approve")
    play.is_now("a", Status.IN_REVIEW, "waits for a human to merge")
    assert play.condition == "blocked"
    assert not play.effects(fx.MergePullRequest)
    play.tell(play.looked("a", merged_by="maria"))
    play.is_now("a", Status.DONE)
    assert play.effects(fx.PrepareWork, "b")


def test_a_rejected_review_is_no_verdict() -> None:
    """A review that the forge does not take counts for nothing."""
    play = Play(dag(task("a")))
    play.work("a")
    play.start_review("a")
    play.end_review("a", "approve")
    rejected = ev.EffectRejected(T("a"), play.take(fx.SubmitReview, "a"), "422")
    play.tell(rejected)
    play.is_now("a", Status.BLOCKED, "refused by the forge: 422")
    assert play.tell(rejected).idle


def test_a_change_request_outweighs_approvals() -> None:
    """E8: one standing objection is enough, however many approve."""
    play = Play(dag(task("a", reviewed_by=TWO)))
    play.work("a")
    play.judge("a", "approve", "rev")
    play.judge("a", "request_changes", "eve", "no")
    assert play.row("a").round == Rework("no", "eve")


def test_a_change_request_stops_the_other_reviewer() -> None:
    """Its verdict would be about a head that nobody wants any more."""
    play = Play(dag(task("a", reviewed_by=TWO)))
    play.work("a")
    play.start_review("a", "eve")
    play.judge("a", "request_changes", "rev")
    stop = play.take(fx.StopRun, "a")
    assert stop.agent == "eve"
    play.end_review("a", "approve", "eve")
    assert not play.effects(fx.SubmitReview), "what a stopped reviewer still says is dropped"
    play.work("a")
    assert {launch.agent for launch in play.effects(fx.LaunchReviewer)} == {"rev", "eve"}


def test_c2_a_verdict_told_twice() -> None:
    """C2: the second telling changes nothing."""
    play = Play(dag(task("a", reviewed_by=TWO)))
    play.work("a")
    run = play.start_review("a")
    play.end_review("a", "approve")
    again = ev.ReviewerEnded(
        task=T("a"), agent=AgentId("rev"), run=run, verdict="request_changes", detail="x"
    )
    play.refuses(again)
    said = play.submit("a")
    event = ev.ReviewSubmitted(task=T("a"), agent=AgentId("rev"), run=run, review=said)
    assert play.tell(event).idle
