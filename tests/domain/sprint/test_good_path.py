"""The life of tasks that go well: in order, in parallel, in the limits of slots."""

from datetime import timedelta

from caloron_actors.domain import effects as fx
from caloron_actors.domain import events as ev
from caloron_actors.domain.dag import ReviewPolicy
from caloron_actors.domain.sprint.schedule import next_deadline
from caloron_actors.domain.task import Status
from tests.domain.sprint.plans import T, dag, sha, task
from tests.domain.sprint.play import Play


def test_every_task_is_merged_after_its_needs() -> None:
    """A5, E5: the last merge, and nothing else, ends the sprint."""
    play = Play(dag(task("a"), task("b", "a"), task("c", "a"), task("d", "b", "c")))
    assert play.statuses() == {"a": "starting", "b": "pending", "c": "pending", "d": "pending"}
    play.finish("a", "b", "c")
    assert play.condition == "running"
    play.finish("d")
    assert set(play.statuses().values()) == {"done"}
    assert play.sprint.head.outcome == "succeeded"
    assert play.condition == "ended"
    assert [play.row(name).attempts for name in "abcd"] == [1, 1, 1, 1]


def test_the_order_of_effects_of_one_task() -> None:
    play = Play(dag(task("a")))
    play.finish("a")
    notes = (fx.AddLabel, fx.RemoveLabel)
    kinds = [type(effect).__name__ for effect in play.past if not isinstance(effect, notes)]
    assert kinds == [
        "CreateIssue",
        "PrepareWork",
        "LaunchAuthor",
        "CollectWork",
        "PushBranch",
        "OpenPullRequest",
        "LaunchReviewer",
        "SubmitReview",
        "MergePullRequest",
        "PostComment",
        "CloseIssue",
    ]


def test_a4_a_ready_task_starts_without_any_event_of_its_issue() -> None:
    """A4: ready tasks are known before the first event, and one starts as soon as its issue has a number."""
    play = Play(dag(task("a"), task("b")), begin=False)
    play.start()
    assert play.statuses() == {"a": "ready", "b": "ready"}
    assert not play.effects(fx.PrepareWork)
    play.tell(ev.IssueCreated(T("b"), 7))
    assert [effect.task for effect in play.effects(fx.PrepareWork)] == ["b"]


def test_b4_an_issue_is_bound_to_the_task_that_asked_for_it() -> None:
    """B3, B4: by the number its creation gave, once and for all."""
    play = Play(dag(task("a", by="d1"), task("b", by="d2")), begin=False)
    play.start()
    play.tell(ev.IssueCreated(T("b"), 1))
    play.tell(ev.IssueCreated(T("a"), 2))
    assert (play.row("a").issue, play.row("b").issue) == (2, 1)
    assert "already" in play.refuses(ev.IssueCreated(T("b"), 3))
    assert play.row("b").issue == 1


def test_j1_independent_tasks_of_two_agents_run_at_once() -> None:
    """J1: what the plan lets run in parallel does."""
    play = Play(dag(task("a", by="d1"), task("b", by="d2"), task("c", "a", "b", by="d1")))
    assert {effect.task for effect in play.effects(fx.PrepareWork)} == {"a", "b"}


def test_one_agent_runs_one_attempt_at_a_time() -> None:
    """H6: a second task of the same agent waits for the first one's process."""
    play = Play(dag(task("a"), task("b")))
    assert [effect.task for effect in play.effects(fx.PrepareWork)] == ["a"]
    play.launch("a")
    play.ends("a")
    assert not play.effects(fx.PrepareWork, "b"), "its work is not collected yet"
    play.collect("a")
    assert play.effects(fx.PrepareWork, "b")


def test_slots_go_to_the_longest_remaining_path() -> None:
    """The critical path first, then the plan's order."""
    limits = ev.Limits(max_agents=1)
    plan = dag(task("short", by="d1"), task("long", by="d2"), task("next", "long", by="d2"))
    play = Play(plan, limits, begin=False)
    play.start()
    play.tell(ev.IssueCreated(T("next"), 3))
    play.tell(ev.IssueCreated(T("long"), 2))
    play.tell(ev.IssueCreated(T("short"), 1))
    assert [effect.task for effect in play.effects(fx.PrepareWork)] == ["long"]
    play.launch("long")
    play.ends("long")
    assert [effect.task for effect in play.effects(fx.PrepareWork)] == ["short"]


def test_reviewers_count_towards_the_slots() -> None:
    """J9: with one slot a review waits until the author of another task is gone, and goes before the next author."""
    plan = dag(task("a", by="d1"), task("b", by="d2"), task("c", by="d3"))
    play = Play(plan, ev.Limits(max_agents=1))
    play.launch("a")
    play.ends("a")
    play.launch("b")
    play.collect("a")
    play.push("a")
    assert not play.effects(fx.LaunchReviewer)
    play.ends("b")
    assert [effect.task for effect in play.effects(fx.LaunchReviewer)] == ["a"]
    assert not play.effects(fx.PrepareWork, "c")


def test_one_merge_at_a_time_critical_path_first() -> None:
    plan = dag(task("a", by="d1"), task("b", by="d2"), task("c", by="d3"), task("d", "c", by="d3"))
    play = Play(plan, ev.Limits(max_agents=8))
    for name in "abc":
        play.work(name)
    for name in "acb":
        play.judge(name, "approve")
    assert [effect.task for effect in play.effects(fx.MergePullRequest)] == ["a"]
    play.merge("a")
    assert [effect.task for effect in play.effects(fx.MergePullRequest)] == ["c"]
    play.merge("c")
    assert [effect.task for effect in play.effects(fx.MergePullRequest)] == ["b"]


def test_a_merge_names_the_reviewed_head() -> None:
    play = Play(dag(task("a")))
    head = play.work("a")
    play.judge("a", "approve")
    (merge,) = play.effects(fx.MergePullRequest)
    assert (merge.head, merge.number) == (head, play.row("a").pull_request)


def test_no_approval_required_means_no_reviewer_is_asked() -> None:
    play = Play(dag(task("a", reviewed_by=()), review=ReviewPolicy(required_approvals=0)))
    play.work("a")
    assert not play.effects(fx.LaunchReviewer)
    play.merge("a")
    assert play.sprint.head.outcome == "succeeded"


def test_labels_over_the_life_of_a_task() -> None:
    """Predecessors 2.14-c: what was put on is what is taken off, and `done` comes with a comment and the closing."""
    play = Play(dag(task("a")))
    play.work("a")
    pull = play.row("a").pull_request
    play.judge("a", "request_changes")
    play.work("a")
    play.judge("a", "approve")
    play.merge("a")
    seen = [
        ("+" if isinstance(effect, fx.AddLabel) else "-", effect.number, effect.label)
        for effect in play.past
        if isinstance(effect, fx.AddLabel | fx.RemoveLabel)
    ]
    assert seen == [
        ("+", 1, "caloron:in-progress"),
        ("+", pull, "caloron:review-pending"),
        ("+", pull, "caloron:changes-requested"),
        ("-", pull, "caloron:review-pending"),
        ("-", pull, "caloron:changes-requested"),
        ("+", pull, "caloron:review-pending"),
        ("-", pull, "caloron:review-pending"),
        ("+", 1, "caloron:done"),
        ("-", 1, "caloron:in-progress"),
    ]
    (comment,) = play.effects(fx.PostComment)
    assert sha("merge-a") in comment.text
    assert play.effects(fx.CloseIssue) == [fx.CloseIssue(T("a"), 1)]


def test_a_step_that_only_moves_the_clock_is_idle() -> None:
    play = Play(dag(task("a")))
    moved = play.tell(ev.TimePassed())
    assert moved.idle
    assert play.tell(ev.NoteWritten(T("a"))).idle
    assert next_deadline(play.sprint) is None


def test_times_are_ages_of_the_sprint() -> None:
    play = Play(dag(task("a")))
    play.wait(timedelta(seconds=10))
    play.launch("a")
    play.wait(timedelta(seconds=20))
    play.ends("a")
    play.collect("a")
    play.push("a")
    play.judge("a", "approve")
    play.merge("a")
    row = play.row("a")
    assert (row.ready_at, row.started_at) == (timedelta(0), timedelta(seconds=10))
    assert (row.ended_at, play.sprint.head.ended_at) == (timedelta(seconds=30), timedelta(seconds=30))
    assert row.status is Status.DONE
