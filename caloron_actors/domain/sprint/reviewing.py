"""The reviewers' part of a task: asking them, asking again, and what their verdicts lead to."""

from collections.abc import Sequence

from caloron_actors.domain.effects import SubmitReview
from caloron_actors.domain.events import LaunchFailed, ReviewerEnded, ReviewSubmitted, RunStarted
from caloron_actors.domain.ids import AgentId, TaskId, same_login
from caloron_actors.domain.review import assess, merge_reviews
from caloron_actors.domain.sprint.draft import Draft
from caloron_actors.domain.sprint.state import Refused
from caloron_actors.domain.sprint.turns import block, send_back_for_changes
from caloron_actors.domain.task import Review, ReviewRun, Status, Task

STALE = "of an earlier review"
AWAITS_HUMAN = "approved; auto_merge is off: waits for a human to merge"


def enter(draft: Draft, task: TaskId) -> None:
    """A head stands on the forge with its pull request: ask every reviewer of the task about it."""
    row = draft.tasks[task]
    head = row.head
    if head is None:
        return
    reviewers = draft.task_plan(task).reviewed_by if draft.plan.dag.review.required_approvals else ()
    stopping = {r.agent: r for r in row.reviewers if r.phase == "stopping"}
    asked = tuple(stopping.get(agent, ReviewRun(agent=agent, head=head)) for agent in reviewers)
    draft.edit(task, status=Status.IN_REVIEW, reason=None, reviewers=asked, wanted=False, retry_at=None)
    decide(draft, task)


def started(draft: Draft, task: Task, event: RunStarted) -> Refused | None:
    """The harness has claimed a reviewer's run."""
    review = _find(task, event.agent, event.run)
    if review is None or review.phase != "launching":
        return Refused(STALE)
    draft.edit_review(task.id, review, phase="running", launch_failures=0)
    return None


def launch_failed(draft: Draft, task: Task, event: LaunchFailed) -> Refused | None:
    """Nothing of the reviewer's run lives: ask again later, unless it was given up because we wanted it so."""
    review = _find(task, event.agent, event.run)
    if review is None or not review.holds_slot:
        return Refused(STALE)
    if review.phase == "stopping":
        _asked_for_nothing(draft, task.id, review)
        return None
    failures = review.launch_failures + 1
    if failures >= draft.head.limits.launch_attempts:
        words = f"could not be started {failures} times, the last time: {event.reason}"
        draft.edit_review(task.id, review, phase="silent", last_failure=words)
        decide(draft, task.id)
    else:
        retry_at = draft.backoff(failures)
        draft.edit_review(task.id, review, phase="wanted", launch_failures=failures, retry_at=retry_at)
    return None


def ended(draft: Draft, task: Task, event: ReviewerEnded) -> Refused | None:
    """The reviewer's process is gone: put its verdict on the forge, or ask again."""
    review = _find(task, event.agent, event.run)
    if review is None or not review.holds_slot:
        return Refused(STALE)
    if review.phase == "stopping" or event.stopped or task.status is not Status.IN_REVIEW:
        _asked_for_nothing(draft, task.id, review)
    elif event.verdict is None:
        _gave_none(draft, task.id, review, event.detail)
    else:
        draft.edit_review(task.id, review, phase="submitting")
        effect = SubmitReview(
            task=task.id,
            agent=review.agent,
            run=review.run,
            verdict=event.verdict,
            text=event.detail,
            head=review.head,
        )
        draft.want(effect, f"{review.agent}.{review.run}")
    return None


def submitted(draft: Draft, task: Task, event: ReviewSubmitted) -> Refused | None:
    """A reviewer's verdict stands on the forge: see what all of them come to."""
    draft.edit(task.id, reviews=merge_reviews(task.reviews, of_others(draft, (event.review,))))
    review = _find(draft.tasks[task.id], event.agent, event.run)
    if review is not None:
        draft.edit_review(task.id, review, phase="done")
    if task.status is Status.IN_REVIEW:
        decide(draft, task.id)
    return None


def submission_rejected(draft: Draft, task: Task, effect: SubmitReview, reason: str) -> None:
    """The forge did not take the verdict: that reviewer has nothing to say on this head."""
    review = _find(task, effect.agent, effect.run)
    if review is not None and review.phase == "submitting":
        words = f"its review was refused by the forge: {reason}"
        draft.edit_review(task.id, review, phase="silent", last_failure=words)
        if task.status is Status.IN_REVIEW:
            decide(draft, task.id)


def approved(draft: Draft, task: Task) -> bool:
    """Whether the present head has the approvals it needs and nobody wants changes."""
    verdict = assess(task.reviews, task.head)
    return verdict.changes is None and verdict.approvals >= draft.plan.dag.review.required_approvals


def of_others(draft: Draft, reviews: Sequence[Review]) -> tuple[Review, ...]:
    """The reviews that count: nobody approves its own pull request, and the service opens them all."""
    return tuple(review for review in reviews if not same_login(review.login, draft.head.author_login))


def resume(draft: Draft, task: TaskId) -> None:
    """The head needs no work after all: go on with the reviews it has, or have it reviewed."""
    row = draft.edit(task, author=None, status=Status.IN_REVIEW, reason=None)
    if approved(draft, row) or assess(row.reviews, row.head).changes is not None:
        decide(draft, task)
    else:
        enter(draft, task)


def decide(draft: Draft, task: TaskId) -> None:
    """Act on the reviews of the present head: back to the author, on to the merge, wait, or leave it to a human."""
    row = draft.tasks[task]
    policy = draft.plan.dag.review
    verdict = assess(row.reviews, row.head)
    if verdict.changes is not None:
        send_back_for_changes(draft, task, verdict.changes.text, verdict.changes.login)
    elif any(review.pending for review in row.reviewers):
        return
    elif verdict.approvals < policy.required_approvals:
        silent = [f"{r.agent} {r.last_failure}" for r in row.reviewers if r.phase == "silent"]
        lacking = f"{verdict.approvals} of {policy.required_approvals} approvals"
        block(draft, task, "; ".join([lacking, *silent]))
    elif policy.auto_merge:
        draft.edit(task, status=Status.MERGING, reason=None, merge_refusals=0)
    else:
        draft.edit(task, status=Status.IN_REVIEW, reason=AWAITS_HUMAN)


def _gave_none(draft: Draft, task: TaskId, review: ReviewRun, detail: str) -> None:
    asked = review.asked + 1
    if asked < draft.head.limits.reviewer_asks:
        draft.edit_review(task, review, phase="wanted", asked=asked, retry_at=draft.backoff(asked))
        return
    words = f"gave no verdict when asked {asked} times, the last time: {detail}"
    draft.edit_review(task, review, phase="silent", asked=asked, last_failure=words)
    decide(draft, task)


def _asked_for_nothing(draft: Draft, task: TaskId, review: ReviewRun) -> None:
    """A run that was stopped by us: ask again if its verdict is still wanted, about the head of today."""
    row = draft.tasks[task]
    if row.status is Status.IN_REVIEW and row.head is not None:
        fresh = ReviewRun(agent=review.agent, head=row.head, asked=review.asked, run=review.run)
        draft.edit_review(task, review, **{f: getattr(fresh, f) for f in fresh.__struct_fields__})
    else:
        draft.edit(task, reviewers=tuple(r for r in row.reviewers if r.agent != review.agent))


def _find(task: Task, agent: AgentId, run: int) -> ReviewRun | None:
    for review in task.reviewers:
        if review.agent == agent and review.run == run:
            return review
    return None
