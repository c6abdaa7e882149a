"""Looks at one repository on the forge and tells its sprints how their issues and pull requests are."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from caloron_actors.actors.asking import ASK_FAILURES
from caloron_actors.actors.facts import issue_fact, pull_fact, review_fact
from caloron_actors.actors.sprint import Happened, Look, SprintActor
from caloron_actors.domain.events import PullRequestFact, TaskObserved
from caloron_actors.domain.ids import AgentId
from caloron_actors.domain.sprint.state import Sprint
from caloron_actors.domain.task import Review, Task
from caloron_actors.ports.clock import WallClock
from caloron_actors.ports.errors import PortError
from caloron_actors.ports.forge import Forge, IssueSeen, PullRequestSeen, ReviewSeen
from caloron_actors.runtime import Actor, Ask, Ctx, Ref, Tell

OVERLAP = timedelta(minutes=2)
"""How far before the newest change that was seen, by the forge's own dates, a look starts again: lists may lag."""

SETTLED = timedelta(seconds=2)
"""How long after it was first seen a time of the forge's can still be that of a later change: it is in whole seconds."""

PERMISSION_AGE = timedelta(minutes=5)
LOOK_PATIENCE = 20.0
"""Seconds to wait for a sprint; one that holds an event until the disk is free has no use for a look."""


@dataclass(frozen=True, kw_only=True)
class PollerArg:
    """What a Poller needs of its surroundings. `sprints`: all that run now.

    `reviewer_login` asks a sprint's own connection: `forge` knows the reviewers of the sprint that it was made for.
    """

    forge: Forge
    clock: WallClock
    active: timedelta
    idle: timedelta
    sprints: Callable[[], tuple[Ref[SprintActor], ...]]
    reviewer_login: Callable[[Sprint, AgentId], Awaitable[str]]


@dataclass(frozen=True)
class Reviewed:
    """A pull request's reviews as of `updated_at`, which was `seen` first then; `settled`: read when it was past."""

    updated_at: datetime
    seen: datetime
    settled: bool
    reviews: tuple[Review, ...]


class PollerActor(Actor[PollerArg, None]):
    """Holds caches only: what it has told, so that it tells changes, and who may decide."""

    def __init__(self) -> None:
        self.arg: PollerArg
        self.mark: datetime | None = None
        self.told: dict[tuple[str, str], TaskObserved] = {}
        self.reviewed: dict[int, Reviewed] = {}
        self.permissions: dict[str, tuple[datetime, bool]] = {}
        self.pause: timedelta
        self._log = structlog.get_logger("poller")

    async def init(self, ctx: Ctx["PollerActor"], arg: PollerArg, restored: None) -> None:
        """Start with a full look soon."""
        self.arg = arg
        self.pause = arg.active
        self._log = self._log.bind(repository=arg.forge.repository)
        ctx.after(arg.active, LookDue())

    async def look(self, *, full: bool) -> bool:
        """Read what changed and tell it. True when anything new was told; raises what the forge's port raises."""
        since = None if full or self.mark is None else self.mark - OVERLAP
        sprints = [(ref, await ref.ask(Look(), timeout=LOOK_PATIENCE)) for ref in self.arg.sprints()]
        here = self.arg.forge.repository
        sprints = [(ref, sprint) for ref, sprint in sprints if sprint.plan.repository == here]
        if not any(_interests(sprint) for _, sprint in sprints):
            return False
        issues = {issue.number: issue for issue in await self.arg.forge.issues(since)}
        pulls = {pull.number: pull for pull in await self.arg.forge.pull_requests(since=since)}
        news = False
        for ref, sprint in sprints:
            for task in _interests(sprint):
                seen = await self._observe(sprint, task, issues, pulls, full=full)
                if seen is not None and self.told.get((sprint.head.id, task.id)) != seen:
                    self.told[sprint.head.id, task.id] = seen
                    ref.tell(Happened(seen))
                    news = True
        # By the forge's dates alone: this host's clock may be ahead of it, and would pass over what happens there.
        dates = [
            *(issue.updated_at for issue in issues.values()),
            *(pull.updated_at for pull in pulls.values()),
        ]
        self.mark = max(dates, default=self.mark)
        return news

    async def _observe(
        self,
        sprint: Sprint,
        task: Task,
        issues: dict[int, IssueSeen],
        pulls: dict[int, PullRequestSeen],
        *,
        full: bool,
    ) -> TaskObserved | None:
        issue = issues.get(task.issue) if task.issue is not None else None
        pull = pulls.get(task.pull_request) if task.pull_request is not None else None
        if issue is None and pull is None:
            return None
        told = self.told.get((sprint.head.id, task.id))
        its_pull = told.pull_request if told is not None else None
        if pull is not None:
            its_pull = await self._pull_fact(sprint, pull, full=full)
        its_issue = told.issue if told is not None else None
        if issue is not None:
            its_issue = issue_fact(issue)
        return TaskObserved(task=task.id, pull_request=its_pull, issue=its_issue)

    async def _pull_fact(self, sprint: Sprint, pull: PullRequestSeen, *, full: bool) -> PullRequestFact:
        known = self.reviewed.get(pull.number)
        if known is not None and known.updated_at != pull.updated_at:
            known = None
        if full or known is None or not known.settled:
            now = self.arg.clock.now().wall
            seen = now if known is None else known.seen
            found = [
                await self._review(sprint, review) for review in await self.arg.forge.reviews(pull.number)
            ]
            reviews = tuple(review for review in found if review is not None)
            known = Reviewed(pull.updated_at, seen, now - seen >= SETTLED, reviews)
            self.reviewed[pull.number] = known
        return await pull_fact(self.arg.forge, pull, known.reviews)

    async def _review(self, sprint: Sprint, review: ReviewSeen) -> Review | None:
        author = sprint.head.author_login

        async def login_of(reviewer: AgentId) -> str:
            return await self.arg.reviewer_login(sprint, reviewer)

        return await review_fact(sprint, author, review, self._may_decide, login_of)

    async def _may_decide(self, login: str) -> bool:
        now = self.arg.clock.now().wall
        known = self.permissions.get(login)
        if known is None or now - known[0] > PERMISSION_AGE:
            allowed = await self.arg.forge.permission(login) in ("write", "admin")
            known = (now, allowed)
            self.permissions[login] = known
        return known[1]

    def next_pause(self, *, news: bool) -> timedelta:
        """How long to wait: short after news, doubling up to the idle pause."""
        self.pause = self.arg.active if news else min(self.pause * 2, self.arg.idle)
        return self.pause

    def trouble(self, error: Exception) -> None:
        """The forge could not be read: say so and look again later."""
        self._log.warning("look_failed", error=str(error))


def _interests(sprint: Sprint) -> list[Task]:
    """The tasks a look can bring news of."""
    if sprint.head.outcome is not None:
        return []
    return [task for task in sprint.tasks.values() if task.issue is not None and not task.final]


class LookDue(Tell["PollerActor"], frozen=True):
    """It is time to look."""

    async def run(self, actor: PollerActor, ctx: Ctx[PollerActor]) -> None:
        """Look, and plan the next look."""
        news = False
        try:
            news = await actor.look(full=actor.mark is None)
        except (PortError, *ASK_FAILURES) as error:
            actor.trouble(error)
        ctx.after(actor.next_pause(news=news), LookDue())


class LookAnew(Tell["PollerActor"], frozen=True):
    """A sprint may have lost what it was told."""

    async def run(self, actor: PollerActor, ctx: Ctx[PollerActor]) -> None:
        """Forget what was told: the next look is a full one."""
        actor.told.clear()
        actor.mark = None


class LookNow(Ask["PollerActor", str | None], frozen=True):
    """Take one full look, whatever was told before. Answers None when it was taken, or why not."""

    async def run(self, actor: PollerActor, ctx: Ctx[PollerActor]) -> str | None:
        """Look at everything."""
        actor.told.clear()
        try:
            await actor.look(full=True)
        except (PortError, *ASK_FAILURES) as error:
            return str(error)
        return None
