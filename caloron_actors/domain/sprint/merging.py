"""The end of a task's road: the merge, what stands in its way, and the facts that a look at the forge brings."""

from caloron_actors.domain.effects import CloseIssue
from caloron_actors.domain.events import (
    IssueFact,
    MergeConflicted,
    MergeRefused,
    PullRequestFact,
    PullRequestMerged,
    TaskObserved,
)
from caloron_actors.domain.feedback import feedback_comment
from caloron_actors.domain.ids import Commit, TaskId, same_login
from caloron_actors.domain.review import assess, merge_reviews
from caloron_actors.domain.sprint import reviewing
from caloron_actors.domain.sprint.draft import Draft
from caloron_actors.domain.sprint.state import Refused
from caloron_actors.domain.sprint.turns import (
    block,
    move_head,
    send_back,
    send_back_for_conflict,
)
from caloron_actors.domain.task import Review, Rework, Status, Task

MERGE_TRIES = 3
CLOSED_UNMERGED_LIMIT = 2
STALE = "of an earlier head"


def merged(draft: Draft, task: Task, event: PullRequestMerged) -> Refused | None:
    """The forge says merged: the task is done, whoever merged it."""
    finish(draft, task.id, event.commit, event.by)
    return None


def finish(draft: Draft, task: TaskId, commit: Commit, by: str | None) -> None:
    """Mark a task done, tell its issue, and let go of whatever still runs for it."""
    draft.stop_author(task)
    draft.stop_reviewers(task)
    mark_done(draft, task, commit)
    say_done(draft, task, commit, by)
    close_issue(draft, task)


def mark_done(draft: Draft, task: TaskId, commit: Commit) -> None:
    """The task's row as of its merge."""
    draft.edit(
        task,
        status=Status.DONE,
        reason=None,
        merge_commit=commit,
        ended_at=draft.age,
        wanted=False,
        merging=False,
        retry_at=None,
    )


def say_done(draft: Draft, task: TaskId, commit: Commit, by: str | None) -> None:
    """Promise the closing words on the task's issue."""
    row = draft.tasks[task]
    if row.issue is None:
        return
    # Found out later by a look or a probe, our own merge reads as it does when its answer arrived.
    whom = f" by {by}" if by and not same_login(by, draft.head.author_login) else ""
    draft.note(task, row.issue, f"Done: merged{whom} as {commit}.")
    _post_feedback(draft, row, row.issue)


def close_issue(draft: Draft, task: TaskId) -> None:
    """Promise that the issue of a task that is done is closed."""
    number = draft.tasks[task].issue
    if number is not None:
        draft.want(CloseIssue(task, number), 1)


def _post_feedback(draft: Draft, task: Task, issue: int) -> None:
    """Put what the author said of its work on the issue, where the predecessors' readers look for it."""
    if task.feedback is None:
        return
    agent = draft.plan.dag.agent(draft.task_plan(task.id).assigned_to)
    lived = draft.age - (task.started_at or draft.age)
    minutes = max(1, round(lived.total_seconds() / 60))
    draft.note(
        task.id, issue, feedback_comment(task.feedback, task=task.id, role=agent.role, minutes=minutes)
    )


def conflicted(draft: Draft, task: Task, event: MergeConflicted) -> Refused | None:
    """The head conflicts with the base branch: back to its author."""
    if event.head != task.head or not task.merging:
        return Refused(STALE)
    draft.unsend_merge(task.id)
    send_back_for_conflict(draft, task.id, event.paths)
    return None


def refused(draft: Draft, task: Task, event: MergeRefused) -> Refused | None:
    """The forge does not want to merge now: ask again a few times, then a human."""
    if event.head != task.head or not task.merging:
        return Refused(STALE)
    if event.unanswered:
        draft.unsend_merge(task.id)
        draft.edit(task.id, retry_at=draft.age + draft.head.limits.retry_cap)
        return None
    refusals = task.merge_refusals + 1
    draft.unsend_merge(task.id)
    draft.edit(task.id, merge_refusals=refusals, retry_at=draft.backoff(refusals))
    if refusals >= MERGE_TRIES:
        block(draft, task.id, f"the forge refused the merge {refusals} times, the last time: {event.reason}")
    return None


def observed(draft: Draft, task: Task, event: TaskObserved) -> Refused | None:
    """Take in how the task's pull request and issue are on the forge, whoever made them so."""
    if task.final:
        return None
    if event.pull_request is not None and event.pull_request.number == task.pull_request:
        see_pull_request(draft, task, event.pull_request)
    row = draft.tasks[task.id]
    if event.issue is not None and event.issue.number == row.issue:
        see_issue(draft, row, event.issue)
    return None


def see_pull_request(draft: Draft, task: Task, fact: PullRequestFact) -> None:
    """Take in how the task's pull request is."""
    if fact.merged:
        if fact.merge_commit is not None:  # else the forge has not told all yet
            draft.unsend_merge(task.id)
            finish(draft, task.id, fact.merge_commit, fact.merged_by)
        return
    if fact.state == "closed":
        closed_unmerged(draft, task, fact)
        return
    reviews = merge_reviews(task.reviews, reviewing.of_others(draft, fact.reviews))
    news = tuple(review for review in reviews if review not in task.reviews)
    if news:
        draft.edit(task.id, reviews=reviews)
    moved = fact.head != task.head and fact.head not in task.past_heads
    if moved and task.status in (Status.IN_REVIEW, Status.MERGING, Status.BLOCKED):
        draft.stop_reviewers(task.id)
        draft.unsend_merge(task.id)
        move_head(draft, draft.tasks[task.id], fact.head)
        reviewing.enter(draft, task.id)
        return
    if moved and task.wanted:
        move_head(draft, draft.tasks[task.id], fact.head)
    if news:
        _weigh(draft, task.id, news)


def _weigh(draft: Draft, task: TaskId, news: tuple[Review, ...]) -> None:
    """Reviews have come or were dismissed: see what they mean for a task that waits."""
    row = draft.tasks[task]
    approved = reviewing.approved(draft, row)
    match row.status:
        case Status.IN_REVIEW:
            reviewing.decide(draft, task)
        case Status.MERGING if not approved:
            draft.unsend_merge(task)
            draft.edit(task, status=Status.IN_REVIEW)
            reviewing.decide(draft, task)
        case Status.BLOCKED:
            _heed_human(draft, task, news)
        case Status.IN_PROGRESS if approved and row.wanted and row.author is None:
            if row.pull_request is not None and isinstance(row.round, Rework):
                draft.edit(task, status=Status.IN_REVIEW, wanted=False, retry_at=None)
                reviewing.decide(draft, task)
        case _:
            pass


def _heed_human(draft: Draft, task: TaskId, news: tuple[Review, ...]) -> None:
    """New reviews of a task that waits for a human: a change request sends it back, uncounted; approval frees it.

    Another human's older change request stands until it is dismissed or taken back: an approval does not outvote it.
    """
    row = draft.tasks[task]
    verdict = assess(row.reviews, row.head)
    if verdict.changes is not None and verdict.changes in news:
        send_back(draft, task)
        draft.edit(task, round=Rework(verdict.changes.text, verdict.changes.login))
    elif reviewing.approved(draft, row):
        draft.edit(task, status=Status.IN_REVIEW, reason=None, merge_refusals=0)
        reviewing.decide(draft, task)


def closed_unmerged(draft: Draft, task: Task, fact: PullRequestFact) -> None:
    """Someone closed the pull request without a merge: its author may try once more."""
    closed = task.closed_unmerged + 1
    draft.edit(task.id, pull_request=None, closed_unmerged=closed)
    words = f"pull request #{fact.number} was closed without a merge"
    if closed >= CLOSED_UNMERGED_LIMIT:
        block(draft, task.id, f"{words}, the {closed}. time")
    elif (
        task.status is not Status.IN_PROGRESS
    ):  # else its author is at it, and its next push opens another one
        send_back(draft, task.id)
        draft.edit(task.id, round=Rework(words, fact.merged_by or "a human"))


def see_issue(draft: Draft, task: Task, fact: IssueFact) -> None:
    """Take in how the task's issue is: closed by a human, it needs no more work."""
    # By a merge whose answer is missing, or by one that a restored backup does not know of and the forge does not show yet.
    may_be_ours = task.merges > 0 or draft.head.restored > 0
    ours = may_be_ours and same_login(fact.closed_by, draft.head.author_login)
    if fact.state == "closed" and not task.final and not ours:
        who = fact.closed_by or "a human"
        cancel(draft, task.id, f"issue #{fact.number} was closed by {who} without a merge")


def cancel(draft: Draft, task: TaskId, reason: str) -> None:
    """End a task that will not be merged; its pull request stays open, its working copy stays."""
    draft.stop_author(task)
    draft.stop_reviewers(task)
    draft.unsend_merge(task)
    draft.edit(task, status=Status.CANCELLED, reason=reason, ended_at=draft.age, wanted=False, retry_at=None)
