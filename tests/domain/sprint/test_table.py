"""Tests made from the table of transitions: what is missing is refused, what is there leads only where it says."""

from collections.abc import Callable
from typing import get_args

import pytest
from msgspec.structs import replace

from caloron_actors.domain import effects as fx
from caloron_actors.domain import events as ev
from caloron_actors.domain.dag import ReviewPolicy
from caloron_actors.domain.ids import AgentId
from caloron_actors.domain.sprint.state import Refused, Sprint
from caloron_actors.domain.task import FINAL, Status, Task
from caloron_actors.domain.transitions import OPEN, TABLE
from tests.domain.sprint.plans import T, dag, review, sha, task
from tests.domain.sprint.play import Play

KINDS: tuple[type[ev.TaskEvent], ...] = get_args(ev.TaskEvent)
DEV, REV = AgentId("dev"), AgentId("rev")
PAIRS = [(status, kind) for status in Status for kind in KINDS]


def _begun() -> Play:
    return Play(dag(task("a"), task("b", "a"), review=ReviewPolicy(max_cycles=1)))


def _pending() -> Play:
    return Play(dag(task("z", by="ops"), task("a", "z"), task("b", "a")))


def _ready() -> Play:
    play = Play(dag(task("a"), task("b", "a")), begin=False)
    play.start()
    return play


def _running() -> Play:
    play = _begun()
    play.launch("a")
    return play


def _in_review() -> Play:
    play = _begun()
    play.work("a")
    play.start_review("a")
    return play


def _merging() -> Play:
    play = _begun()
    play.work("a")
    play.judge("a", "approve")
    return play


def _done() -> Play:
    play = _begun()
    play.finish("a")
    return play


def _blocked() -> Play:
    play = _begun()
    play.work("a")
    play.silence("a")
    return play


def _human_assigned() -> Play:
    """No event leads there yet; the row is put there by hand."""
    play = _blocked()
    row = replace(play.row("a"), status=Status.HUMAN_ASSIGNED)
    play.sprint = Sprint(
        plan=play.sprint.plan, head=play.sprint.head, tasks={**play.sprint.tasks, T("a"): row}
    )
    return play


def _cancelled() -> Play:
    play = _running()
    play.tell(play.issue_closed("a"))
    return play


def _failed() -> Play:
    play = _begun()
    for _ in range(3):
        play.launch("a")
        play.ends("a", "failed")
        play.wait(play.limits.retry_cap)
    return play


STAGES: dict[Status, Callable[[], Play]] = {
    Status.PENDING: _pending,
    Status.READY: _ready,
    Status.STARTING: _begun,
    Status.IN_PROGRESS: _running,
    Status.IN_REVIEW: _in_review,
    Status.MERGING: _merging,
    Status.DONE: _done,
    Status.BLOCKED: _blocked,
    Status.HUMAN_ASSIGNED: _human_assigned,
    Status.CANCELLED: _cancelled,
    Status.FAILED: _failed,
}


def samples(row: Task) -> list[ev.TaskEvent]:
    """Events of every kind that name what the row has: its runs, its head, its numbers."""
    head, run = row.head or sha("head"), row.runs
    rev = row.reviewers[0].run if row.reviewers else 1
    said = review(901, "rev", head)
    pull = ev.PullRequestFact(
        number=row.pull_request or 5,
        state="open",
        merged=False,
        merge_commit=None,
        merged_by=None,
        head=head,
        reviews=(),
    )
    asked = review(902, "maria", head, "changes_requested", "no")
    looks = [
        pull,
        replace(pull, head=sha("human")),
        replace(pull, state="closed"),
        replace(pull, state="closed", merged=True, merge_commit=sha("m"), merged_by="maria"),
        replace(pull, reviews=(said,)),
        replace(pull, reviews=(asked,)),
    ]
    closed = ev.IssueFact(number=row.issue or 1, state="closed", closed_by="maria")
    effects: list[fx.Effect] = [
        fx.CreateIssue(row.id),
        fx.PrepareWork(task=row.id, run=run, head=None),
        fx.LaunchAuthor(task=row.id, agent=DEV, run=run),
        fx.CollectWork(task=row.id, run=run, start=head),
        fx.SaveWork(task=row.id, run=run, start=head),
        fx.PushBranch(task=row.id, commit=head, expected=None),
        fx.OpenPullRequest(row.id),
        fx.LaunchReviewer(task=row.id, agent=REV, run=rev, head=head),
        fx.SubmitReview(task=row.id, agent=REV, run=rev, verdict="approve", text="", head=head),
        fx.MergePullRequest(task=row.id, number=row.pull_request or 5, head=head),
        fx.CloseIssue(row.id, row.issue or 1),
    ]
    return [
        ev.IssueCreated(row.id, 50),
        ev.WorkPrepared(task=row.id, run=run, start=head),
        *(ev.RunStarted(task=row.id, agent=DEV, run=n, role="author") for n in (run, run + 1)),
        ev.RunStarted(task=row.id, agent=REV, run=rev, role="reviewer"),
        ev.LaunchFailed(task=row.id, agent=DEV, run=run, role="author", reason="no"),
        ev.LaunchFailed(task=row.id, agent=REV, run=rev, role="reviewer", reason="no"),
        ev.AuthorEnded(task=row.id, run=run, result="finished"),
        ev.AuthorEnded(task=row.id, run=run, result="failed"),
        ev.AuthorEnded(task=row.id, run=run, result="stopped"),
        ev.AuthorEnded(task=row.id, run=run, result="not_started"),
        ev.ReviewerEnded(task=row.id, agent=REV, run=rev, verdict="approve"),
        ev.ReviewerEnded(task=row.id, agent=REV, run=rev, verdict=None),
        ev.WorkCollected(task=row.id, run=run, commit=sha("new")),
        ev.WorkMissing(task=row.id, run=run, reason="nothing"),
        ev.WorkMissing(task=row.id, run=run, reason="markers", unresolved=("a.txt",)),
        ev.WorkSaved(task=row.id, run=run, commit=None),
        ev.BranchPushed(row.id, sha("new")),
        ev.PullRequestOpened(row.id, 60),
        ev.ReviewSubmitted(task=row.id, agent=REV, run=rev, review=said),
        ev.ReviewSubmitted(task=row.id, agent=REV, run=rev, review=asked),
        ev.PullRequestMerged(row.id, sha("m")),
        ev.MergeConflicted(row.id, head, ("a.txt",)),
        ev.MergeRefused(row.id, head, "no"),
        ev.NoteWritten(row.id),
        *(ev.EffectRejected(row.id, effect, "no") for effect in effects),
        *(ev.TaskObserved(task=row.id, pull_request=look) for look in looks),
        ev.TaskObserved(task=row.id, issue=closed),
    ]


@pytest.mark.parametrize("status", Status)
def test_there_is_a_stage_for_every_status(status: Status) -> None:
    assert STAGES[status]().row("a").status is status


@pytest.mark.parametrize(
    ("status", "kind"), [p for p in PAIRS if p not in TABLE], ids=lambda v: getattr(v, "__name__", v)
)
def test_b2_what_is_not_in_the_table_is_refused(status: Status, kind: type[ev.TaskEvent]) -> None:
    """B2: a missing pair is a refusal with its reason, and changes nothing."""
    play = STAGES[status]()
    before = play.sprint
    for event in samples(play.row("a")):
        if isinstance(event, kind):
            refused = play.try_tell(event)
            assert isinstance(refused, Refused)
            assert refused.reason == f"{kind.__name__} does not fit a task that is {status}"
    assert play.sprint is before


@pytest.mark.parametrize(
    ("status", "kind"), [p for p in PAIRS if p in TABLE], ids=lambda v: getattr(v, "__name__", v)
)
def test_what_is_in_the_table_leads_where_it_says(status: Status, kind: type[ev.TaskEvent]) -> None:
    """Every event of the kind, outdated or not, is refused or leads to a status of the table."""
    for number in range(len(samples(STAGES[status]().row("a")))):
        play = STAGES[status]()
        event = samples(play.row("a"))[number]
        if isinstance(event, kind):
            play.try_tell(event)
            after = play.row("a").status
            by_itself = {Status.STARTING} if Status.READY in TABLE[status, kind] else set()
            assert after in TABLE[status, kind] | by_itself, "a ready task starts in the same step"
            assert (after is status) or status not in FINAL


def test_the_table_names_every_event_and_every_status() -> None:
    assert {kind for _, kind in TABLE} == set(KINDS)
    assert {status for status, _ in TABLE} == set(Status)
    assert set(OPEN) == set(Status) - FINAL


def test_nothing_leads_out_of_a_final_status() -> None:
    assert all(tos == {status} for (status, _), tos in TABLE.items() if status in FINAL)
