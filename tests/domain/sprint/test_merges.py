"""What stands in the way of a merge: conflicts, refusals, and a forge that has moved on."""

from datetime import timedelta

import pytest

from caloron_actors.domain import effects as fx
from caloron_actors.domain import events as ev
from caloron_actors.domain.ids import Commit
from caloron_actors.domain.task import Conflict, Status
from tests.domain.sprint.plans import AUTHOR_LOGIN, T, dag, review, sha, task
from tests.domain.sprint.play import Play

PATHS = ("a.txt", "b.txt")
MINUTE = timedelta(minutes=1)


def approved() -> tuple[Play, Commit]:
    """A sprint whose only task is approved; its head."""
    play = Play(dag(task("a")))
    head = play.work("a")
    play.judge("a", "approve")
    return play, head


def conflicts(play: Play) -> None:
    """The merge meets a conflict."""
    merge = play.take(fx.MergePullRequest, "a")
    play.tell(ev.MergeConflicted(T("a"), merge.head, PATHS))


def test_e9_a_conflict_goes_back_to_its_author() -> None:
    """E9: same branch, the base merged in, the paths named; resolved work is reviewed again and merged."""
    play, head = approved()
    conflicts(play)
    row = play.row("a")
    assert (row.status, row.round, row.conflict_rounds) == (Status.IN_PROGRESS, Conflict(PATHS), 1)
    assert play.effects(fx.PrepareWork)[0] == fx.PrepareWork(
        task=T("a"), run=2, head=head, merge_base_in=True
    )
    play.launch("a", conflicts=("a.txt",))
    assert play.row("a").round == Conflict(("a.txt",))
    play.ends("a")
    assert play.effects(fx.CollectWork)[0].must_resolve == ("a.txt",)
    play.collect("a")
    play.push("a")
    play.judge("a", "approve")
    play.merge("a")
    assert (play.row("a").review_cycles, play.row("a").attempts) == (0, 2)


def test_e9_three_rounds_of_conflict_then_a_human() -> None:
    """E9: bounded, and never merged with markers."""
    play, _ = approved()
    for _ in range(3):
        conflicts(play)
        play.work("a", conflicts=PATHS)
        play.judge("a", "approve")
    conflicts(play)
    play.is_now("a", Status.BLOCKED, "still conflicts with main after 3 rounds: a.txt, b.txt")
    assert play.condition == "blocked"


def test_e9_a_conflict_that_its_author_never_resolves() -> None:
    """E9: unresolved work is a round; no work at all is a failed attempt; both end with a human."""
    play, _ = approved()
    conflicts(play)
    for _ in range(3):
        play.launch("a", conflicts=PATHS)
        play.ends("a")
        play.no_work("a", unresolved=PATHS)
    play.is_now("a", Status.BLOCKED, "after 3 rounds")
    assert play.row("a").attempts == 4


def test_e9_an_author_that_does_nothing_about_its_conflict() -> None:
    play, _ = approved()
    conflicts(play)
    for _ in range(3):
        play.launch("a", conflicts=PATHS)
        play.ends("a")
        play.no_work("a")
        play.wait(MINUTE)
    play.is_now("a", Status.BLOCKED, "the conflict with main was not resolved (a.txt, b.txt)")


def test_a_conflict_that_goes_away_by_itself() -> None:
    """The approved head is merged without another run."""
    play, _ = approved()
    conflicts(play)
    play.prepare("a", conflicts=())
    assert not play.effects(fx.LaunchAuthor)
    play.merge("a")
    assert (play.row("a").attempts, play.row("a").conflict_rounds) == (1, 1)


@pytest.mark.parametrize("deed", ["push", "dismissal", "changes", "close"])
def test_b6_a_conflict_that_goes_away_after_the_approval_did(deed: str) -> None:
    """B6: what was approved before the conflict is looked at again before it is merged."""
    play, head = approved()
    said = play.row("a").reviews[0]
    conflicts(play)
    play.tell(ev.SprintSuspended("SIGTERM"))
    stop = play.take(fx.StopRun, "a")
    play.tell(ev.LaunchFailed(task=T("a"), agent=stop.agent, run=2, role="author", reason="given up"))
    seen = {
        "push": play.looked("a", head=sha("human")),
        "dismissal": play.looked("a", reviews=[review(said.id, said.login, head, "dismissed")]),
        "changes": play.looked("a", reviews=[review(900, "maria", head, "changes_requested", "no")]),
        "close": play.looked("a", state="closed"),
    }
    play.tell(seen[deed])
    play.start()
    play.prepare("a", conflicts=())
    assert not play.effects(fx.MergePullRequest)
    if deed == "close":
        play.take(fx.OpenPullRequest, "a")
        play.tell(ev.PullRequestOpened(T("a"), play.number()))
        play.judge("a", "approve")
    elif deed == "changes":
        assert play.row("a").review_cycles == 1
        play.finish("a")
        return
    else:
        play.judge("a", "approve")
    play.merge("a")


def test_a_refused_merge_is_tried_again_then_left_to_a_human() -> None:
    """E7: nothing is bypassed; the third refusal in a row is a human's."""
    play, head = approved()
    for turn in range(3):
        assert play.take(fx.MergePullRequest, "a").head == head
        refused = ev.MergeRefused(T("a"), head, "protected")
        play.tell(refused)
        play.refuses(refused)
        if turn < 2:
            assert not play.effects(fx.MergePullRequest)
            play.wait(MINUTE)
    play.is_now("a", Status.BLOCKED, "refused the merge 3 times, the last time: protected")
    play.wait(timedelta(hours=1))
    assert not play.effects(fx.MergePullRequest)


def test_a_rejected_merge_is_a_refused_one() -> None:
    play, _ = approved()
    play.tell(ev.EffectRejected(T("a"), play.take(fx.MergePullRequest, "a"), "403"))
    assert play.row("a").merge_refusals == 1
    play.wait(MINUTE)
    play.merge("a")


def test_an_answer_about_an_earlier_head_is_refused() -> None:
    play, _ = approved()
    assert "earlier head" in play.refuses(ev.MergeConflicted(T("a"), sha("old"), PATHS))
    assert "earlier head" in play.refuses(ev.MergeRefused(T("a"), sha("old"), "moved"))
    play.merge("a")


def test_a_refused_merge_lets_the_next_one_go() -> None:
    """The train does not stand still while one of it waits."""
    play = Play(dag(task("a", by="d1"), task("b", by="d2")))
    heads = {name: play.work(name) for name in "ab"}
    for name in "ab":
        play.judge(name, "approve")
    play.take(fx.MergePullRequest, "a")
    play.tell(ev.MergeRefused(T("a"), heads["a"], "a check is running"))
    play.merge("b")
    play.wait(MINUTE)
    play.merge("a")


def test_an_unanswered_merge_lets_the_next_one_go_and_is_not_counted() -> None:
    """Whatever became of it: it is sent anew as often as needed, and no human is called."""
    play = Play(dag(task("a", by="d1"), task("b", by="d2")))
    heads = {name: play.work(name) for name in "ab"}
    for name in "ab":
        play.judge(name, "approve")
    for _ in range(5):
        play.take(fx.MergePullRequest, "a")
        play.tell(ev.MergeRefused(T("a"), heads["a"], "502", unanswered=True))
        play.wait(MINUTE)
        assert (play.row("a").status, play.row("a").merge_refusals) == (Status.MERGING, 0)
        if play.row("b").status is not Status.DONE:
            play.merge("b")
            play.wait(MINUTE)
    play.merge("a")


@pytest.mark.parametrize("by", [AUTHOR_LOGIN, AUTHOR_LOGIN.upper()])
@pytest.mark.parametrize("unanswered", [True, False])
def test_an_issue_that_its_own_merge_closed_cancels_nothing(by: str, unanswered: bool) -> None:
    """The merge was accepted, its answer lost, and the list of pull requests does not show it yet."""
    play, head = approved()
    if unanswered:
        play.tell(ev.MergeRefused(T("a"), head, "502", unanswered=True))
    play.tell(play.issue_closed("a", by=by))
    play.is_now("a", Status.MERGING)
    play.tell(play.looked("a", merged_by=by))
    play.is_now("a", Status.DONE)
    said = [effect.text for effect in play.effects(fx.PostComment) if effect.text.startswith("Done")]
    assert said == [f"Done: merged as {sha('merge-a')}."]
