"""Effects on the forge: issues, comments, labels, pull requests, reviews and merges."""

from collections.abc import Mapping
from typing import Literal

from caloron_actors.actors.perform.world import World, known_pull_request, place_of, task_plan
from caloron_actors.domain import effects as fx
from caloron_actors.domain.dag import TaskPlan
from caloron_actors.domain.events import (
    Event,
    IssueCreated,
    MergeConflicted,
    MergeRefused,
    NoteWritten,
    PullRequestMerged,
    PullRequestOpened,
    ReviewSubmitted,
)
from caloron_actors.domain.ids import EffectKey, same_login
from caloron_actors.domain.marker import marked, neutralise, one_line, unmarked
from caloron_actors.domain.sprint.labels import TASK
from caloron_actors.domain.sprint.state import Sprint
from caloron_actors.domain.task import Review
from caloron_actors.ports.errors import Rejected, Unavailable
from caloron_actors.ports.forge import HeadMoved, Merged, NotMergeable, PullRequestSeen, ReviewSeen

Verdict = Literal["approve", "request_changes"]
ReviewState = Literal["approved", "changes_requested"]

TITLE_LIMIT = 256
"""Characters of an issue's or pull request's title; GitHub refuses more."""

BODY_LIMIT, NEEDS_LIMIT = 60_000, 2_000
"""Characters of a task's text and of its list of dependencies in an issue, whose body GitHub limits to 65,536."""


_STATES: Mapping[Verdict, ReviewState] = {"approve": "approved", "request_changes": "changes_requested"}


async def create_issue(
    world: World, sprint: Sprint, effect: fx.CreateIssue, key: EffectKey, *, probe: bool
) -> Event:
    """Open the task's issue, or find the one that was opened: by its creator and its mark, over all issues."""

    async def ours() -> int | None:
        author = await world.forge.author_login()
        for issue in await world.forge.issues():
            if same_login(author, issue.author) and marked(world.secret, issue.body, key):
                return issue.number
        return None

    known = await world.settled(ours) if probe else None
    if known is not None:
        return IssueCreated(effect.task, known)
    plan = task_plan(sprint, effect.task)
    body = world.marked(_issue_body(plan), key)
    number = await world.forge.create_issue(one_line(plan.title, TITLE_LIMIT), body, [TASK])
    return IssueCreated(effect.task, number)


def _issue_body(plan: TaskPlan) -> str:
    needs = one_line(", ".join(plan.depends_on) or "none", NEEDS_LIMIT)
    text = unmarked(plan.body)
    if len(text) > BODY_LIMIT:
        text = f"{text[:BODY_LIMIT]}\n\n(cut: {len(text) - BODY_LIMIT} more characters, which the agents are given)"
    return f"{text}\n\n**Task**: {plan.id}\n**Depends on**: {needs}\n\nTask ID: {plan.id}"


async def post_comment(world: World, effect: fx.PostComment, key: EffectKey, *, probe: bool) -> Event:
    """Comment once: the mark tells whether it stands already."""

    async def ours() -> int | None:
        author = await world.forge.author_login()
        for comment in await world.forge.comments(effect.number):
            if same_login(author, comment.author) and marked(world.secret, comment.body, key):
                return comment.id
        return None

    if not probe or await world.settled(ours) is None:
        await world.forge.comment(effect.number, world.marked(neutralise(effect.text), key))
    return NoteWritten(effect.task)


async def open_pull_request(
    world: World, sprint: Sprint, effect: fx.OpenPullRequest, key: EffectKey, *, probe: bool
) -> Event:
    """Open the task's pull request, or find it: the open one of its branch, or the marked one, whatever became of it."""
    plan, task = task_plan(sprint, effect.task), sprint.tasks[effect.task]
    branch = place_of(sprint, effect.task).branch

    async def ours() -> int | None:
        author = await world.forge.author_login()
        pulls = [
            pull
            for pull in await world.forge.pull_requests(head=branch)
            if same_login(author, pull.author) and pull.base_branch == sprint.plan.base_branch
        ]
        genuine = (pull.number for pull in pulls if marked(world.secret, pull.body, key))
        return next(genuine, next((pull.number for pull in pulls if pull.state == "open"), None))

    known = await (world.settled(ours) if probe else ours())
    if known is not None:
        return PullRequestOpened(effect.task, known)
    body = f"Closes #{task.issue}\n\nWork of {plan.assigned_to} on task {plan.id} of sprint {sprint.head.id}."
    title = one_line(f"[{plan.id}] {plan.title}", TITLE_LIMIT)
    try:
        number = await world.forge.open_pull_request(
            title, world.marked(body, key), branch, sprint.plan.base_branch
        )
    except Rejected as error:
        if error.code not in (409, 422):
            raise
        # A branch has at most one open pull request: the refusal may mean that ours stands and no list shows it yet.
        late = await world.settled(ours)
        if late is None:
            raise
        return PullRequestOpened(effect.task, late)
    return PullRequestOpened(effect.task, number)


async def submit_review(
    world: World, sprint: Sprint, effect: fx.SubmitReview, key: EffectKey, *, probe: bool
) -> Event:
    """Write a reviewer's verdict once: its mark and its author tell whether it stands already."""
    number = known_pull_request(sprint.tasks[effect.task])

    async def ours() -> ReviewSeen | None:
        login = await world.forge.reviewer_login(effect.agent)
        for review in await world.forge.reviews(number):
            if same_login(login, review.author) and marked(world.secret, review.body, key):
                return review
        return None

    seen = await world.settled(ours) if probe else None
    if seen is None:
        text = neutralise(effect.text) or "Approved."
        cycle = sprint.tasks[effect.task].review_cycles + 1
        body = world.marked(f"**Code Review (cycle {cycle})**\n\n{text}", key)
        seen = await world.forge.submit_review(number, effect.agent, effect.verdict, body, effect.head)
    fact = Review(
        id=seen.id,
        login=seen.author or effect.agent,
        state="dismissed" if seen.state == "dismissed" else _STATES[effect.verdict],
        head=effect.head,
        text=effect.text,
        submitted_at=seen.submitted_at,
        by_agent=True,
    )
    return ReviewSubmitted(task=effect.task, agent=effect.agent, run=effect.run, review=fact)


async def merge(world: World, sprint: Sprint, effect: fx.MergePullRequest) -> Event:
    """Merge while the head is the reviewed one. What stands in the way is worked out where the forge says there is any."""
    pull = await world.forge.pull_request(effect.number)
    if pull.merged:
        return _found_merged(effect, pull)
    if pull.head != effect.head or pull.state == "closed" or pull.mergeable is False:
        return await _obstacle(world, effect, pull, "the forge says that it cannot be merged")
    plan = task_plan(sprint, effect.task)
    title = f"Merge pull request #{effect.number}: [{plan.id}] {neutralise(plan.title)}"
    answer = await world.forge.merge(effect.number, effect.head, title)
    if isinstance(answer, Merged):
        return PullRequestMerged(effect.task, answer.commit)
    # A merge whose answer was lost is refused like this when it is asked for again before the forge shows it.
    pull = await world.forge.pull_request(effect.number)
    if pull.merged:
        return _found_merged(effect, pull)
    match answer:
        case HeadMoved():
            return MergeRefused(effect.task, effect.head, "the head has moved")
        case NotMergeable(reason=reason):
            return await _obstacle(world, effect, pull, reason)


def _found_merged(effect: fx.MergePullRequest, pull: PullRequestSeen) -> Event:
    if pull.merge_commit is None:
        raise Unavailable(f"the forge does not tell the merge of #{pull.number} yet", ambiguous=False)
    return PullRequestMerged(effect.task, pull.merge_commit, pull.merged_by)


async def _obstacle(
    world: World, effect: fx.MergePullRequest, pull: PullRequestSeen, otherwise: str
) -> Event:
    """Why the merge is not possible now; `otherwise` where nothing else explains it."""
    if pull.head != effect.head:
        return MergeRefused(effect.task, effect.head, "the head has moved")
    if pull.state == "closed":
        return MergeRefused(effect.task, effect.head, "the pull request is closed")
    paths = await world.workspace.conflicts(await world.workspace.base(), effect.head)
    if paths:
        return MergeConflicted(effect.task, effect.head, paths)
    return MergeRefused(effect.task, effect.head, otherwise)


async def write_note(world: World, effect: fx.AddLabel | fx.RemoveLabel | fx.CloseIssue) -> Event:
    """Put the wanted state: asking for it twice is no error, and a thing that is gone needs no label."""
    try:
        match effect:
            case fx.AddLabel():
                await world.forge.add_labels(effect.number, [effect.label])
            case fx.RemoveLabel():
                await world.forge.remove_label(effect.number, effect.label)
            case fx.CloseIssue():
                await world.forge.close_issue(effect.number)
    except Rejected as error:
        if error.code not in (404, 410):
            raise
    return NoteWritten(effect.task)
