"""What people do on the forge is heeded: merges, closings, reviews and pushes."""

import pytest

from caloron_actors.domain import effects as fx
from caloron_actors.domain import events as ev
from caloron_actors.domain.dag import ReviewPolicy
from caloron_actors.domain.task import Rework, Status
from tests.domain.sprint.plans import AUTHOR_LOGIN, T, dag, review, sha, task
from tests.domain.sprint.play import Play

HUMAN = sha("a human's commit")


def blocked(play: Play) -> None:
    """The task is blocked because its reviewer said nothing."""
    play.work("a")
    play.silence("a")
    play.is_now("a", Status.BLOCKED, "0 of 1 approvals")


def merging() -> Play:
    """A sprint whose only task is approved, its merge promised."""
    play = Play(dag(task("a")))
    play.work("a")
    play.judge("a", "approve")
    assert play.effects(fx.MergePullRequest)
    return play


def test_b8_a_human_approves_a_blocked_task() -> None:
    """B8, F12: a block has exits; an approval by somebody who may decide is one."""
    play = Play(dag(task("a")))
    blocked(play)
    play.tell(play.looked("a", reviews=[review(900, "maria", play.row("a").head)]))
    play.merge("a")
    assert play.sprint.head.outcome == "succeeded"


def test_auto_merge_off_holds_for_a_blocked_task_too() -> None:
    """B6: an approval after the block does not make the service merge what only humans may."""
    play = Play(dag(task("a"), review=ReviewPolicy(auto_merge=False)))
    blocked(play)
    play.tell(play.looked("a", reviews=[review(900, "maria", play.row("a").head)]))
    play.is_now("a", Status.IN_REVIEW, "waits for a human to merge")
    assert not play.effects(fx.MergePullRequest)


def test_b8_a_human_wants_changes_of_a_blocked_task() -> None:
    """B8, F12: the author goes on, and the cycles of the reviewers are not used up by it."""
    play = Play(dag(task("a"), review=ReviewPolicy(max_cycles=0)))
    blocked(play)
    head = play.row("a").head
    play.tell(play.looked("a", reviews=[review(900, "maria", head, "changes_requested", "shorter")]))
    assert play.row("a").round == Rework("shorter", "maria")
    assert (play.row("a").review_cycles, play.row("a").reason) == (0, None)
    play.finish("a")


def test_b8_a_humans_approval_ends_a_quarrel_with_a_reviewer_agent() -> None:
    """B8: the task was blocked for a human, and the human has spoken after the agent."""
    play = Play(dag(task("a"), review=ReviewPolicy(max_cycles=0)))
    head = play.work("a")
    objection = play.judge("a", "request_changes")
    play.is_now("a", Status.BLOCKED, "still wants changes")
    play.tell(play.looked("a", reviews=[objection, review(900, "maria", head)]))
    play.merge("a")


def test_e8_an_approval_does_not_outvote_another_humans_objection() -> None:
    """E8: the objection has to be dismissed or taken back; then the approval counts."""
    play = Play(dag(task("a"), review=ReviewPolicy(max_cycles=0)))
    head = play.work("a")
    play.silence("a")
    objection = review(800, "otto", head, "changes_requested", "no")
    play.tell(play.looked("a", reviews=[objection]))
    play.is_now("a", Status.IN_PROGRESS)
    head = play.work("a")
    play.silence("a")
    objection = review(801, "otto", head, "changes_requested", "still no")
    yes = review(900, "maria", head)
    play.tell(play.looked("a", reviews=[yes]))
    play.tell(play.looked("a", reviews=[objection, yes]))
    play.is_now("a", Status.BLOCKED, "still wants changes")
    dismissed = review(objection.id, objection.login, head, "dismissed")
    play.tell(play.looked("a", reviews=[dismissed, yes]))
    play.merge("a")


def test_b8_a_human_merges_a_blocked_task() -> None:
    """B8, D7: a human's merge is a merge."""
    play = Play(dag(task("a"), task("b", "a")))
    blocked(play)
    play.tell(play.looked("a", merged_by="maria"))
    play.is_now("a", Status.DONE)
    assert "by maria" in play.effects(fx.PostComment)[0].text
    play.finish("b")
    assert play.sprint.head.outcome == "succeeded"


def test_b8_a_human_closes_the_issue_of_a_blocked_task() -> None:
    """B8: the sprint can always end."""
    play = Play(dag(task("a"), task("b", "a")))
    blocked(play)
    play.tell(play.issue_closed("a"))
    play.is_now("a", Status.CANCELLED, "issue #1 was closed by maria without a merge")
    play.is_now("b", Status.CANCELLED, "its dependency a is cancelled")
    assert play.sprint.head.outcome == "partial"


def test_a_human_merges_while_the_author_works() -> None:
    """The author is stopped, its work is saved, its slot is free at the end."""
    play = Play(dag(task("a")))
    play.work("a")
    play.judge("a", "request_changes")
    play.launch("a")
    play.tell(play.looked("a", merged_by="maria"))
    play.is_now("a", Status.DONE)
    assert play.sprint.head.outcome is None, "a process still lives"
    play.take(fx.StopRun, "a")
    play.ends("a", "stopped")
    play.take(fx.SaveWork, "a")
    play.tell(ev.WorkSaved(task=T("a"), run=2, commit=None))
    assert play.sprint.head.outcome == "succeeded"


def test_c2_a_merge_is_told_once() -> None:
    """C2, C4: a second look at a merged pull request comments and closes nothing again."""
    play = Play(dag(task("a"), task("b")))
    play.work("a")
    seen = play.looked("a", merged_by="maria")
    play.tell(seen)
    assert play.tell(seen).idle
    play.refuses(ev.PullRequestMerged(T("a"), sha("x")))
    assert len(play.effects(fx.PostComment)) == 1


def test_b2_a_cancelled_task_stays_cancelled() -> None:
    """B2: what the forge tells of a task that has ended changes nothing."""
    play = Play(dag(task("a"), task("b")))
    play.work("a")
    seen = play.looked("a", merged_by="maria")
    play.tell(play.issue_closed("a"))
    assert play.tell(seen).idle
    play.refuses(ev.PullRequestMerged(T("a"), sha("x")))
    play.is_now("a", Status.CANCELLED, "maria")


def test_a_merge_without_its_commit_is_looked_at_again() -> None:
    """A forge that has not yet named the merge's commit: neither done nor closed."""
    play = Play(dag(task("a")))
    play.work("a")
    seen = play.looked("a", merged_by="maria")
    assert seen.pull_request is not None
    early = ev.PullRequestFact(
        number=seen.pull_request.number,
        state="closed",
        merged=True,
        merge_commit=None,
        merged_by="maria",
        head=seen.pull_request.head,
        reviews=(),
    )
    play.tell(ev.TaskObserved(task=T("a"), pull_request=early))
    play.is_now("a", Status.IN_REVIEW)
    play.tell(seen)
    play.is_now("a", Status.DONE)


@pytest.mark.parametrize("deed", ["changes", "dismissal", "push", "close", "issue", "cancel", "merge"])
def test_no_merge_fires_after_an_objection(deed: str) -> None:
    """B6: whatever a human does against the approved head takes the merge back."""
    play = merging()
    head, said = play.row("a").head, play.row("a").reviews[0]
    events: dict[str, ev.Event] = {
        "changes": play.looked("a", reviews=[review(900, "maria", head, "changes_requested", "no")]),
        "dismissal": play.looked("a", reviews=[review(said.id, said.login, head, "dismissed")]),
        "push": play.looked("a", head=HUMAN),
        "close": play.looked("a", state="closed"),
        "issue": play.issue_closed("a"),
        "cancel": ev.SprintCancelled("maria"),
        "merge": play.looked("a", merged_by="maria"),
    }
    moved = play.tell(events[deed])
    assert moved.withdrawn == ("s1/a/MergePullRequest/1",)
    assert not play.effects(fx.MergePullRequest)
    after = {"changes": "in_progress", "dismissal": "blocked", "push": "in_review", "close": "in_progress"}
    after |= {"issue": "cancelled", "cancel": "cancelled", "merge": "done"}
    assert play.row("a").status == after[deed]


def test_our_own_merge_closes_its_issue() -> None:
    """A look that sees the issue closed by the merge under way, and the pull request not yet, cancels nothing."""
    play = merging()
    play.tell(play.issue_closed("a", AUTHOR_LOGIN))
    play.is_now("a", Status.MERGING)
    play.merge("a")
    play.is_now("a", Status.DONE)


def test_a_pull_request_closed_twice_is_for_a_human() -> None:
    """Once: back to the author with the reason. Twice: nobody opens a third one."""
    play = Play(dag(task("a")))
    play.work("a")
    closed = play.looked("a", state="closed")
    play.tell(closed)
    row = play.row("a")
    assert (row.status, row.pull_request) == (Status.IN_PROGRESS, None)
    assert isinstance(row.round, Rework)
    assert "closed without a merge" in row.round.text
    assert play.tell(closed).idle
    first = closed.pull_request
    play.work("a")
    assert first is not None
    assert play.row("a").pull_request not in (None, first.number)
    play.tell(play.looked("a", state="closed"))
    play.is_now("a", Status.BLOCKED, "the 2. time")
    assert play.condition == "running", "its reviewer is not stopped yet"
    stop = play.take(fx.StopRun, "a")
    play.tell(
        ev.LaunchFailed(task=T("a"), agent=stop.agent, run=stop.run, role="reviewer", reason="given up")
    )
    assert play.condition == "blocked"


@pytest.mark.parametrize("moment", ["waiting", "running", "pushing"])
def test_a_pull_request_closed_during_a_rework(moment: str) -> None:
    """The work that is under way goes on, is pushed, and gets a pull request of its own."""
    play = Play(dag(task("a")))
    play.work("a")
    play.judge("a", "request_changes")
    closed = play.looked("a", state="closed")
    if moment != "waiting":
        play.launch("a")
    if moment == "pushing":
        play.ends("a")
        play.collect("a")
    play.tell(closed)
    if moment == "waiting":
        play.launch("a")
    if moment != "pushing":
        play.ends("a")
        play.collect("a")
    play.push("a")
    play.is_now("a", Status.IN_REVIEW)
    play.judge("a", "approve")
    play.merge("a")
    row = play.row("a")
    assert (row.pull_requests, row.closed_unmerged, row.attempts) == (2, 1, 2)


def test_b1_a_decisive_review_ends_a_rework_that_has_not_begun() -> None:
    """B1: whoever wanted changes now approves, and nobody works for nothing."""
    play = Play(dag(task("a"), task("b")), ev.Limits(max_agents=1))
    head = play.work("a")
    play.launch("b")
    play.ends("b")
    play.start_review("a")
    play.end_review("a", "request_changes", text="hm")
    play.collect("b")
    said = play.submit("a")
    assert play.row("a").author is not None
    stop = play.tell(ev.SprintSuspended("SIGTERM"))
    assert stop.withdrawn
    play.tell(
        ev.LaunchFailed(task=T("a"), agent=play.take(fx.StopRun, "a").agent, run=2, role="author", reason="")
    )
    play.tell(play.looked("a", reviews=[said, review(900, "rev", head)]))
    play.is_now("a", Status.MERGING)
    play.start()
    play.merge("a")


def test_an_old_look_at_the_forge_moves_nothing_back() -> None:
    """A look from before our push names a head that was ours: it is outdated, not a human's push."""
    play = Play(dag(task("a")))
    play.work("a")
    before = play.looked("a")
    play.judge("a", "request_changes")
    second = play.work("a")
    assert play.tell(before).idle
    assert play.row("a").head == second


def test_a_dismissal_is_final() -> None:
    """An outdated look does not revive an approval that was dismissed."""
    play = Play(dag(task("a"), review=ReviewPolicy(auto_merge=False)))
    head = play.work("a")
    said = play.judge("a", "approve")
    before = play.looked("a", reviews=[said])
    play.tell(play.looked("a", reviews=[review(said.id, said.login, head, "dismissed")]))
    play.is_now("a", Status.BLOCKED, "0 of 1 approvals")
    assert play.tell(before).idle
    play.is_now("a", Status.BLOCKED, "0 of 1 approvals")
