"""C6: what a restored sprint takes over and what it does again; nothing of the lost time is taken for something new."""

import pytest
from msgspec.structs import replace

from caloron_actors.domain import effects as fx
from caloron_actors.domain import events as ev
from caloron_actors.domain.ids import AgentId, Commit
from caloron_actors.domain.sprint.restored import adopted
from caloron_actors.domain.sprint.state import Step
from caloron_actors.domain.task import Rework, Status
from tests.domain.sprint.plans import AUTHOR_LOGIN, T, dag, review, sha, task
from tests.domain.sprint.play import Play

DEV, REV = AgentId("dev"), AgentId("rev")
OPEN_ISSUE = ev.IssueFact(number=1, state="open", closed_by=None)
CLOSED_ISSUE = ev.IssueFact(number=1, state="closed", closed_by=AUTHOR_LOGIN)
FOUND = ev.TaskFound(task=T("a"), issue=OPEN_ISSUE)
LATER = sha("of the lost time")


def ran(agent: AgentId, run: int) -> ev.RunFound:
    return ev.RunFound(agent=agent, run=run, started=True)


def pull(
    head: Commit = LATER, *, number: int = 70, merged: bool = False, closed: bool = False
) -> ev.PullRequestFact:
    return ev.PullRequestFact(
        number=number,
        state="closed" if merged or closed else "open",
        merged=merged,
        merge_commit=sha("merged") if merged else None,
        merged_by=AUTHOR_LOGIN if merged else None,
        head=head,
        reviews=(),
    )


def restore(play: Play, *found: ev.TaskFound) -> Step:
    return play.tell(ev.SprintRestored(copy=1, author_login=AUTHOR_LOGIN, found=found))


def kinds(moved: Step) -> list[str]:
    """What was promised but labels."""
    names = [type(intent.effect).__name__ for intent in moved.intents]
    return [name for name in names if name not in ("AddLabel", "RemoveLabel")]


def begun() -> Play:
    return Play(dag(task("a"), task("b", "a")))


def in_review() -> Play:
    play = begun()
    play.work("a")
    return play


def test_nothing_new_changes_nothing_but_the_mark() -> None:
    play = begun()
    play.launch("a")
    before = play.row("a")
    moved = restore(play, replace(FOUND, labels=("caloron:in-progress",), runs=(ran(DEV, 1),)))
    assert (play.row("a"), kinds(moved), moved.withdrawn) == (before, [], ())
    assert play.sprint.head.restored == 1
    assert adopted(play.sprint, (FOUND,)) == {(T("a"), DEV, 1)}


def test_a_merge_is_taken_over_and_said_once() -> None:
    for said, issue, promised in (
        (0, OPEN_ISSUE, ["PostComment", "CloseIssue"]),
        (0, CLOSED_ISSUE, ["PostComment"]),
        (7, OPEN_ISSUE, ["CloseIssue"]),
        (7, CLOSED_ISSUE, []),
    ):
        play = begun()
        found = replace(FOUND, issue=issue, notes=said, pull_request=pull(merged=True), pull_requests=1)
        moved = restore(play, found)
        play.is_now("a", Status.DONE)
        assert [kind for kind in kinds(moved) if kind != "PrepareWork"] == promised
        assert "s1/a/PrepareWork/1" in moved.withdrawn
        assert play.row("b").status is Status.STARTING
        assert play.row("a").notes >= said


def test_an_open_pull_request_is_taken_over_with_its_head_and_its_reviews() -> None:
    """Whatever the journal had its agents do; the run that goes on there is none of the old ones."""
    play = begun()
    play.launch("a")
    asked = review(5, "rev", sha("first"), "changes_requested", "more")
    seen = replace(pull(), reviews=(asked,))
    first = ev.VerdictFound(agent=REV, run=1, head=sha("first"))
    runs = (ran(DEV, 1), ran(DEV, 2), ran(REV, 1), ran(REV, 2))
    found = replace(FOUND, pull_request=seen, pull_requests=1, runs=runs, verdicts=(first,))
    assert adopted(play.sprint, (found,)) == frozenset()
    moved = restore(play, found)
    row = play.row("a")
    assert (row.status, row.head, row.pull_request, row.author) == (Status.IN_REVIEW, LATER, 70, None)
    assert (row.runs, row.review_runs, row.attempts, row.review_cycles) == (2, 3, 2, 1)
    assert row.round == Rework("more", "rev")
    assert kinds(moved) == ["LaunchReviewer"]
    launch = play.effects(fx.LaunchReviewer, "a")[0]
    assert (launch.run, launch.head) == (3, LATER)


def test_a_verdict_on_the_present_head_is_not_asked_for_again() -> None:
    play = begun()
    yes = replace(review(5, "rev", LATER), by_agent=True)
    verdict = ev.VerdictFound(agent=REV, run=1, head=LATER)
    moved = restore(
        play,
        replace(FOUND, pull_request=replace(pull(), reviews=(yes,)), pull_requests=1, verdicts=(verdict,)),
    )
    assert play.row("a").status is Status.MERGING
    assert kinds(moved) == ["MergePullRequest"]


def test_a_verdict_that_the_journal_waits_for_may_stand_already() -> None:
    play = in_review()
    play.start_review("a")
    row = play.row("a")
    assert row.head is not None
    assert row.pull_request is not None
    yes = replace(review(5, "rev", row.head), by_agent=True)
    seen = replace(pull(row.head, number=row.pull_request), reviews=(yes,))
    verdict = ev.VerdictFound(agent=REV, run=1, head=row.head)
    found = replace(
        FOUND, pull_request=seen, pull_requests=1, runs=(ran(DEV, 1), ran(REV, 1)), verdicts=(verdict,)
    )
    assert adopted(play.sprint, (found,)) == frozenset()
    restore(play, found)
    assert play.row("a").status is Status.MERGING


def test_a_reviewer_that_was_asked_again_since_is_asked_anew() -> None:
    """A run that is the last goes on, one that is not does not."""
    play = in_review()
    play.start_review("a")
    row = play.row("a")
    assert row.head is not None
    assert row.pull_request is not None
    seen = pull(row.head, number=row.pull_request)
    same = replace(FOUND, pull_request=seen, pull_requests=1, runs=(ran(DEV, 1), ran(REV, 1)))
    assert adopted(play.sprint, (same,)) == {(T("a"), REV, 1)}
    found = replace(same, runs=(*same.runs, ran(REV, 2)))
    assert adopted(play.sprint, (found,)) == frozenset()
    moved = restore(play, found)
    assert kinds(moved) == ["LaunchReviewer"]
    assert play.row("a").reviewers[0].run == 3


def test_a_working_copy_is_not_prepared_again_for_a_run_that_was() -> None:
    """C6: the run of that number has ended or was ended; the work is done again under the next number."""
    play = begun()
    moved = restore(play, replace(FOUND, runs=(ran(DEV, 1),)))
    assert moved.withdrawn == ("s1/a/PrepareWork/1",)
    assert [effect.run for effect in play.effects(fx.PrepareWork, "a")] == [2]
    assert play.row("a").attempts == 1


def test_a_launch_that_was_carried_out_since_goes_on() -> None:
    play = begun()
    play.prepare("a")
    moved = restore(play, replace(FOUND, runs=(ran(DEV, 1),)))
    assert moved.withdrawn == ()
    assert play.row("a").attempts == 0, "it is counted when it is told"
    effect = play.take(fx.LaunchAuthor, "a")
    play.tell(ev.RunStarted(task=T("a"), agent=DEV, run=effect.run, role="author"))
    assert play.row("a").attempts == 1


def test_an_author_that_was_sent_back_since_is_sent_back_anew() -> None:
    play = begun()
    play.launch("a")
    moved = restore(play, replace(FOUND, runs=(ran(DEV, 1), ran(DEV, 2))))
    assert kinds(moved) == ["PrepareWork"]
    assert [effect.run for effect in play.effects(fx.PrepareWork, "a")] == [3]


def test_a_branch_that_was_pushed_since_gets_its_pull_request() -> None:
    play = begun()
    moved = restore(play, replace(FOUND, branch=LATER, runs=(ran(DEV, 1),)))
    assert kinds(moved) == ["OpenPullRequest"]
    play.take(fx.OpenPullRequest, "a")
    play.tell(ev.PullRequestOpened(T("a"), 9))
    assert (play.row("a").status, play.row("a").head) == (Status.IN_REVIEW, LATER)


def test_a_push_that_is_owed_finds_its_branch_as_it_wants_it() -> None:
    play = begun()
    play.launch("a")
    play.ends("a")
    commit = play.collect("a")
    moved = restore(play, replace(FOUND, branch=commit, runs=(ran(DEV, 1),)))
    assert (kinds(moved), moved.withdrawn) == ([], ())
    play.push("a")
    assert play.row("a").head == commit


def test_what_was_owed_for_work_that_was_overtaken_is_taken_back() -> None:
    """By the numbers that it was promised under, whatever the lost time has counted."""
    play = begun()
    play.launch("a")
    play.ends("a")
    play.collect("a")
    runs = (ran(DEV, 1), ran(DEV, 2), ran(DEV, 3))
    moved = restore(play, replace(FOUND, pull_request=pull(), pull_requests=1, runs=runs))
    assert moved.withdrawn == ("s1/a/PushBranch/1",)
    assert play.effects(fx.PushBranch) == []
    assert play.row("a").runs == 3


def test_a_pull_request_that_was_closed_since_goes_back_to_its_author() -> None:
    play = begun()
    moved = restore(play, replace(FOUND, pull_request=pull(closed=True), pull_requests=1, branch=LATER))
    row = play.row("a")
    assert (row.closed_unmerged, row.pull_request, row.head) == (1, None, LATER)
    assert kinds(moved) == ["PrepareWork"]
    play.work("a")
    assert any(isinstance(effect, fx.OpenPullRequest) for effect in play.past)
    assert play.row("a").pull_requests == 2


def test_a_human_who_has_closed_the_issue_is_heard_and_our_own_account_is_not() -> None:
    for who, status in (("maria", Status.CANCELLED), (AUTHOR_LOGIN, Status.STARTING)):
        play = begun()
        restore(play, replace(FOUND, issue=replace(CLOSED_ISSUE, closed_by=who)))
        assert play.row("a").status is status
        play.try_tell(play.issue_closed("b", by=who))
        assert (play.row("b").status is Status.CANCELLED) is (who == "maria")


@pytest.mark.parametrize("begun_before", [True, False])
def test_an_issue_that_was_opened_since_is_not_opened_again(*, begun_before: bool) -> None:
    """Also by a sprint that is stored only now: its name is known."""
    play = Play(dag(task("a"), task("b", "a")), begin=False)
    if begun_before:
        play.start()
    moved = restore(play, FOUND)
    assert ("s1/a/CreateIssue/1" in moved.withdrawn) is begun_before
    play.start()
    assert play.row("a").issue == 1
    assert [effect.task for effect in play.effects(fx.CreateIssue)] == ["b"]
    assert play.row("a").status is Status.STARTING


def test_labels_are_put_right() -> None:
    """Those of the lost time are taken off, those that are promised still are not counted on."""
    play = begun()
    moved = restore(play, replace(FOUND, labels=("caloron:task", "caloron:blocked")))
    labels = [i.effect for i in moved.intents if isinstance(i.effect, fx.AddLabel | fx.RemoveLabel)]
    assert [(type(e).__name__, e.label) for e in labels] == [
        ("RemoveLabel", "caloron:blocked"),
        ("AddLabel", "caloron:in-progress"),
    ]


def test_an_ended_sprint_takes_the_mark_and_nothing_else() -> None:
    play = begun()
    play.finish("a", "b")
    moved = restore(play)
    assert (kinds(moved), moved.changed, play.sprint.head.restored) == ([], (), 1)
