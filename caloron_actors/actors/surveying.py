"""Reads how a sprint stands outside of its journal: on the forge, by our own marks, and in its runs' directories."""

import re
from contextlib import suppress
from dataclasses import dataclass

from msgspec.structs import replace

from caloron_actors.actors.facts import issue_fact, pull_fact, review_fact
from caloron_actors.actors.perform.world import World, place_of
from caloron_actors.domain.events import PullRequestFact, RunFound, TaskFound, VerdictFound
from caloron_actors.domain.ids import AgentId, Commit, same_login
from caloron_actors.domain.marker import marks
from caloron_actors.domain.sprint.state import Sprint
from caloron_actors.domain.task import Review, Task
from caloron_actors.ports.errors import Rejected, Unavailable
from caloron_actors.ports.forge import IssueSeen, PullRequestSeen, ReviewSeen
from caloron_actors.ports.launcher import Alive, Ended, RunId

_FRAME = re.compile(r"\A\*\*Code Review \(cycle \d+\)\*\*\s+|(?<!\s)\s*+<!-- caloron:[^>]* -->\s*\Z")
"""What is put around a reviewer agent's words when they are posted."""


async def survey(world: World, sprint: Sprint) -> tuple[TaskFound, ...]:
    """What is found of every task that has not ended. Raises what the ports raise when one of them has not told all."""
    rows = [task for task in sprint.tasks.values() if not task.final]
    if not rows:
        return ()
    forge = world.forge
    seen = _Seen(
        world=world,
        sprint=sprint,
        author=await forge.author_login(),
        issues=await forge.issues(),
        pulls=await forge.pull_requests(),
        runs=await world.launcher.runs(sprint.head.id),
        allowed={},
    )
    return tuple([await seen.task(row) for row in rows])


@dataclass(frozen=True, kw_only=True)
class _Seen:
    """The lists, read once for all tasks. `allowed`: which logins may decide, as far as was asked."""

    world: World
    sprint: Sprint
    author: str
    issues: list[IssueSeen]
    pulls: list[PullRequestSeen]
    runs: list[RunId]
    allowed: dict[str, bool]

    async def task(self, task: Task) -> TaskFound:
        """All that is found of one task. Without an issue it has nothing else on the forge."""
        found = TaskFound(task=task.id, runs=await self._runs(task))
        issue = self._issue(task)
        if issue is None:
            return found
        found = replace(
            found, issue=issue_fact(issue), labels=issue.labels, notes=await self._notes(task, issue)
        )
        pulls = self._pulls(task)
        asked = [int(n) for pull in pulls for n in self._ordinals(task, "OpenPullRequest", pull.body)]
        newest: PullRequestFact | None = None
        verdicts: tuple[VerdictFound, ...] = ()
        for pull in pulls:
            reviews = await self.world.forge.reviews(pull.number)
            verdicts += await self._verdicts(task, reviews)
            if newest is None or pull.merged or not newest.merged:
                newest = await self._pull(pull, reviews)
        return replace(
            found,
            pull_request=newest,
            pull_requests=max(asked, default=0),
            branch=await self._branch(task, newest),
            verdicts=verdicts,
        )

    async def _runs(self, task: Task) -> tuple[RunFound, ...]:
        found: list[RunFound] = []
        for run in self.runs:
            if run.task == task.id:
                state = await self.world.launcher.look(run)
                started = isinstance(state, Alive) or (isinstance(state, Ended) and state.started)
                found.append(RunFound(agent=run.agent, run=run.ordinal, started=started))
        return tuple(found)

    def _issue(self, task: Task) -> IssueSeen | None:
        for issue in self.issues:
            if task.issue is not None:
                if issue.number == task.issue:
                    return issue
            elif same_login(self.author, issue.author) and self._ordinals(task, "CreateIssue", issue.body):
                return issue
        return None

    async def _notes(self, task: Task, issue: IssueSeen) -> int:
        comments = await self.world.forge.comments(issue.number)
        ours = [comment.body for comment in comments if same_login(self.author, comment.author)]
        return max((int(n) for body in ours for n in self._ordinals(task, "PostComment", body)), default=0)

    def _pulls(self, task: Task) -> list[PullRequestSeen]:
        """The task's pull requests, oldest first: those that bear our mark, and the one that the journal knows."""
        base, branch = self.sprint.plan.base_branch, place_of(self.sprint, task.id).branch
        mine = [pull for pull in self.pulls if (pull.head_branch, pull.base_branch) == (branch, base)]
        return [
            pull
            for pull in sorted(mine, key=lambda pull: pull.number)
            if same_login(self.author, pull.author)
            and (pull.number == task.pull_request or self._ordinals(task, "OpenPullRequest", pull.body))
        ]

    async def _pull(self, pull: PullRequestSeen, reviews: list[ReviewSeen]) -> PullRequestFact:
        forge = self.world.forge
        found = [
            await review_fact(self.sprint, self.author, review, self._may_decide, forge.reviewer_login)
            for review in reviews
        ]
        fact = await pull_fact(forge, pull, tuple(_spoken(review) for review in found if review is not None))
        if fact.merged and fact.merge_commit is None:
            raise Unavailable(f"the forge does not tell the merge of #{pull.number} yet", ambiguous=False)
        return fact

    async def _branch(self, task: Task, pull: PullRequestFact | None) -> Commit | None:
        """Where the branch stands that no pull request tells of. The head of an open one is fetched: work goes on there."""
        branch, workspace = place_of(self.sprint, task.id).branch, self.world.workspace
        if pull is None or (pull.state == "closed" and not pull.merged):
            return await workspace.remote_head(branch)
        if not pull.merged:
            with suppress(Rejected):  # it has moved on since; the next look tells
                await workspace.fetch_branch(branch, pull.head)
        return None

    async def _verdicts(self, task: Task, reviews: list[ReviewSeen]) -> tuple[VerdictFound, ...]:
        found: list[VerdictFound] = []
        for review in reviews:
            for name in self._ordinals(task, "SubmitReview", review.body):
                agent, _, run = name.rpartition(".")
                if same_login(await self.world.forge.reviewer_login(AgentId(agent)), review.author):
                    found.append(VerdictFound(agent=AgentId(agent), run=int(run), head=review.commit))
        return tuple(found)

    def _ordinals(self, task: Task, kind: str, body: str) -> list[str]:
        """What tells apart the effects of a kind whose marks a body bears."""
        prefix = f"{self.sprint.head.id}/{task.id}/{kind}/"
        keys = marks(self.world.secret, body)
        return [key.removeprefix(prefix) for key in keys if key.startswith(prefix)]

    async def _may_decide(self, login: str) -> bool:
        if login not in self.allowed:
            self.allowed[login] = await self.world.forge.permission(login) in ("write", "admin")
        return self.allowed[login]


def _spoken(review: Review) -> Review:
    """A reviewer agent's review with its own words alone, as its author is to read them."""
    return replace(review, text=_FRAME.sub("", review.text)) if review.by_agent else review
