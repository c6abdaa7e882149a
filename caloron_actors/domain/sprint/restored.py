"""A sprint read back from a backup: what was done after the backup is taken over, as far as the world tells of it.

What has reached the forge stands. What has not is done again, by runs with numbers that were never used.
"""

from caloron_actors.domain.events import PullRequestFact, SprintRestored, TaskFound
from caloron_actors.domain.ids import AgentId, Commit, TaskId
from caloron_actors.domain.review import merge_reviews
from caloron_actors.domain.sprint import author, labels, merging, reviewing, schedule
from caloron_actors.domain.sprint.draft import Draft
from caloron_actors.domain.sprint.state import Sprint
from caloron_actors.domain.sprint.turns import move_head, want_again
from caloron_actors.domain.task import AuthorRun, ReviewRun, Rework, Status, Task

RunName = tuple[TaskId, AgentId, int]


def adopted(sprint: Sprint, found: tuple[TaskFound, ...]) -> frozenset[RunName]:
    """The runs that the restored sprint goes on with. Every other one has to be ended before `reconcile`."""
    authors = {plan.id: plan.assigned_to for plan in sprint.plan.dag.tasks}
    told = {each.task: each for each in found}
    kept: set[RunName] = set()
    for task, row in sprint.tasks.items():
        if row.final or task not in told:
            of_author, of_reviewers = row.author, row.reviewers
        elif _overtaken(row, told[task], authors[task]):
            continue
        else:
            of_author = row.author if _author_stands(row, told[task], authors[task]) else None
            of_reviewers = tuple(r for r in row.reviewers if _review_stands(r, row, told[task]))
        if of_author is not None:
            kept.add((task, authors[task], of_author.ordinal))
        kept |= {(task, review.agent, review.run) for review in of_reviewers if review.run}
    return frozenset(kept)


def reconcile(draft: Draft, event: SprintRestored) -> None:
    """Take over how things stand. Nothing lives of any run that is not `adopted`."""
    if schedule.not_begun(draft.tasks.values()):
        schedule.begin(draft)
    draft.edit_head(restored=event.copy, author_login=event.author_login)
    for found in event.found:
        task = draft.tasks.get(found.task)
        if task is not None and not task.final:
            _take_over(draft, task, found)


def _take_over(draft: Draft, task: Task, found: TaskFound) -> None:
    agent = draft.task_plan(task.id).assigned_to
    overtaken = _overtaken(task, found, agent)
    stands = not overtaken and _author_stands(task, found, agent)
    if task.issue is None and found.issue is not None:
        draft.bind_issue(task.id, found.issue.number)
    if overtaken:
        _let_go(draft, task)
    _count(draft, task, found, agent, run=task.author if stands else None)
    if overtaken:
        _overtake(draft, task.id, found)
    else:
        _go_on(draft, task.id, found, stands=stands)
    row = draft.tasks[task.id]
    if found.issue is not None and not row.final and found.issue.number == row.issue:
        merging.see_issue(draft, row, found.issue)
    row = draft.tasks[task.id]
    worn = labels.recall(row, found.labels, sprint_cancelled=draft.head.ending is not None)
    if row.issue is not None and worn != row.labels:
        draft.edit(task.id, labels=worn)


def _overtaken(task: Task, found: TaskFound, agent: AgentId) -> bool:
    """Whether the forge shows more of the task's work than the journal knows of."""
    pull = found.pull_request
    if pull is not None and pull.merged:
        return True
    if pull is not None and pull.state == "open":
        return pull.number != task.pull_request or not _known(task, pull.head)
    if pull is not None and found.pull_requests > task.pull_requests:
        return True
    if task.pull_request is not None or found.branch is None or _known(task, found.branch):
        return False
    if task.author is not None:
        return not _author_stands(task, found, agent)
    return not author.awaits_forge(task) and task.status not in (Status.BLOCKED, Status.HUMAN_ASSIGNED)


def _known(task: Task, head: Commit) -> bool:
    return head == task.head or head in task.past_heads


def _is_head(pull: PullRequestFact | None, commit: Commit) -> bool:
    return pull is not None and pull.head == commit


def _author_stands(task: Task, found: TaskFound, agent: AgentId) -> bool:
    """Whether the author's present run is the last there was. Its working copy must not be prepared under it again."""
    if task.author is None:
        return False
    last = max((run.run for run in found.runs if run.agent == agent), default=0)
    if task.author.phase == "preparing":
        return last < task.author.ordinal
    return last <= task.author.ordinal


def _review_stands(review: ReviewRun, task: Task, found: TaskFound) -> bool:
    """Whether a reviewer's run is its last, and its verdict is not on the forge yet."""
    if review.head == task.head and _judged(found, review.agent, task.head):
        return False
    return all(run.run <= review.run for run in found.runs if run.agent == review.agent)


def _judged(found: TaskFound, agent: AgentId, head: Commit | None) -> bool:
    return any(verdict.agent == agent and verdict.head == head for verdict in found.verdicts)


def _count(draft: Draft, task: Task, found: TaskFound, agent: AgentId, run: AuthorRun | None) -> None:
    """Lift every count above what was used, so that nothing of the lost time is taken for something new.

    `run` is the author's run that goes on; it may be counted as an attempt later.
    """
    mine = [each for each in found.runs if each.agent == agent]
    uncounted = None if run is None or run.counted else run.ordinal
    attempts = sum(each.started and each.run != uncounted for each in mine)
    asked = [each.run for each in found.runs if each.agent != agent]
    seen = found.pull_request is not None or found.branch is not None or attempts > 0
    begun = draft.age if seen else None
    draft.edit(
        task.id,
        runs=max([task.runs, *(each.run for each in mine)]),
        review_runs=max([task.review_runs, *asked, *(verdict.run for verdict in found.verdicts)]),
        notes=max(task.notes, found.notes),
        pull_requests=max(task.pull_requests, found.pull_requests),
        attempts=max(task.attempts, attempts),
        ready_at=begun if task.ready_at is None else task.ready_at,
        started_at=begun if task.started_at is None else task.started_at,
    )


def _go_on(draft: Draft, task: TaskId, found: TaskFound, *, stands: bool) -> None:
    """The forge has nothing new but reviews, perhaps: runs that were overtaken by later ones are asked for again."""
    row = draft.tasks[task]
    if row.author is not None and not stands:
        draft.drop_author(task)
        if not author.given_up(row):
            want_again(draft, task)
    for review in row.reviewers:
        if not _review_stands(review, row, found):
            _settle(draft, task, review, found)
    if found.pull_request is not None and found.pull_request.number == row.pull_request:
        merging.see_pull_request(draft, draft.tasks[task], found.pull_request)
    if draft.tasks[task].status is Status.IN_REVIEW:
        reviewing.decide(draft, task)


def _settle(draft: Draft, task: TaskId, review: ReviewRun, found: TaskFound) -> None:
    """Nothing lives of a reviewer's run: its verdict stands, or it is asked anew while that is still wanted."""
    row = draft.tasks[task]
    draft.drop_review(task, review)
    if _judged(found, review.agent, row.head):
        draft.edit_review(task, review, phase="done", head=row.head)
    elif row.status is not Status.IN_REVIEW:
        draft.edit(task, reviewers=tuple(r for r in row.reviewers if r.agent != review.agent))
    elif review.phase not in ("done", "silent"):
        draft.edit_review(task, review, phase="wanted", head=row.head, retry_at=None)


def _let_go(draft: Draft, task: Task) -> None:
    """Take back what was promised for the task as it was, by the numbers that it had then."""
    for review in task.reviewers:
        draft.drop_review(task.id, review)
    draft.unsend_merge(task.id)
    draft.drop_author(task.id)


def _overtake(draft: Draft, task: TaskId, found: TaskFound) -> None:
    """Go on from what the forge has."""
    row = draft.edit(
        task,
        status=Status.IN_PROGRESS,
        reason=None,
        reviewers=(),
        wanted=False,
        retry_at=None,
        failures=0,
        launch_failures=0,
        last_failure="",
    )
    pull = found.pull_request
    if found.branch is not None and not _known(row, found.branch) and not _is_head(pull, found.branch):
        move_head(draft, row, found.branch)
        draft.edit(task, pull_request=None)
        author.ask_for_pull_request(draft, draft.tasks[task])
    elif pull is not None:
        _bind(draft, row, pull)
        _judge(draft, task, found, pull)


def _bind(draft: Draft, task: Task, pull: PullRequestFact) -> None:
    """The row of a task whose pull request is `pull`, with its head and its reviews."""
    move_head(draft, task, pull.head)
    reviews = merge_reviews(task.reviews, reviewing.of_others(draft, pull.reviews))
    # Who is asked about this head has to know what was wanted of it.
    requests = [r for r in reviews if r.state == "changes_requested" and r.head != pull.head]
    last = max(requests, key=lambda review: (review.submitted_at, review.id), default=None)
    cycles = min(len({review.head for review in requests}), draft.plan.dag.review.max_cycles)
    draft.edit(
        task.id,
        pull_request=pull.number,
        reviews=reviews,
        review_cycles=max(task.review_cycles, cycles),
        round=task.round if last is None else Rework(last.text, last.login),
        status=Status.IN_REVIEW,
    )


def _judge(draft: Draft, task: TaskId, found: TaskFound, pull: PullRequestFact) -> None:
    if pull.merged and pull.merge_commit is not None:
        merging.mark_done(draft, task, pull.merge_commit)
        if not found.notes:  # the only comments there are
            merging.say_done(draft, task, pull.merge_commit, pull.merged_by)
        if found.issue is None or found.issue.state == "open":
            merging.close_issue(draft, task)
        return
    if pull.state == "closed":
        merging.closed_unmerged(draft, draft.tasks[task], pull)
        return
    reviewing.enter(draft, task)
    row = draft.tasks[task]
    for review in row.reviewers:
        if review.phase == "wanted" and _judged(found, review.agent, row.head):
            draft.edit_review(task, review, phase="done")
    if row.status is Status.IN_REVIEW:
        reviewing.decide(draft, task)
