"""A forge whose lists lag behind what it has accepted: what a probe does not find yet is not done a second time."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta

import anyio
import msgspec
import pytest

from caloron_actors.actors.perform import Performer
from caloron_actors.actors.perform.world import SETTLING
from caloron_actors.domain.effects import (
    CreateIssue,
    Effect,
    Intent,
    MergePullRequest,
    OpenPullRequest,
    PostComment,
    SubmitReview,
)
from caloron_actors.domain.events import (
    IssueCreated,
    PullRequestMerged,
    PullRequestOpened,
    ReviewSubmitted,
)
from caloron_actors.domain.ids import EffectKey, TaskId
from caloron_actors.ports.errors import Rejected, Unavailable
from caloron_actors.ports.forge import Forge, Merged, PullRequestSeen
from tests.actors.cast import Cast, picky
from tests.actors.faults import Faults, FaultyForge
from tests.actors.rehearsal import rehearse
from tests.actors.service import AUTHOR, Service
from tests.domain.sprint.plans import REVIEWER, dag, task

CHAIN = dag(task("a"), task("b", "a"))
LAG = timedelta(seconds=8)
CREATIONS = ("create_issue", "comment", "open_pull_request", "submit_review")


@asynccontextmanager
async def lagging(lag: timedelta = LAG, settling: timedelta = SETTLING) -> AsyncGenerator[Service, None]:
    """A service on a forge whose lists lag."""
    async with anyio.create_task_group() as group:
        service = Service(group, CHAIN, cast=Cast(reviewer=picky("a")), settling=settling)
        service.forge.lag = lag
        await service.start()
        yield service
        group.cancel_scope.cancel()


def test_a_list_has_time_to_settle() -> None:
    assert timedelta(seconds=5) <= SETTLING <= timedelta(minutes=1)


@pytest.mark.parametrize("call", CREATIONS)
async def test_what_is_not_listed_yet_is_not_made_again(call: str) -> None:
    """Accepted, the answer lost, and the list read one second later does not show it. Every call of the kind in turn."""
    rehearsal = await rehearse(CHAIN, Cast(reviewer=picky("a")))
    for nth in range(rehearsal.writes.count(call)):
        async with lagging() as service:
            service.faults.fail(call, Unavailable("the answer was lost", ambiguous=True), "after", skip=nth)
            await service.finish()
            service.forge.lag = timedelta(0)
            assert await rehearsal.compare(service) == []
            assert service.crashes() == []


@pytest.mark.parametrize("call", CREATIONS)
async def test_nor_after_a_restart(call: str) -> None:
    """Killed when the forge has accepted and has not answered; the next life reads the list at once."""
    rehearsal = await rehearse(CHAIN, Cast(reviewer=picky("a")))
    async with lagging() as service:
        service.faults.fail(call, Unavailable("the answer was lost", ambiguous=True), "after")
        await service.until(lambda: service.faults.calls[call] >= 1)
        service.kill()
        await service.start()
        await service.finish()
        service.forge.lag = timedelta(0)
        assert await rehearsal.compare(service) == []


@pytest.mark.parametrize("call", CREATIONS)
async def test_what_is_listed_is_not_waited_for(call: str) -> None:
    """The pause is for what was not found alone."""
    async with lagging(timedelta(0)) as service:
        service.faults.fail(call, Unavailable("the answer was lost", ambiguous=True), "after")
        await service.until(lambda: service.faults.calls[call] >= 1)
        before = service.clock.now().awake
        seq = service.sprint.head.seq if service.sprint is not None else 0
        await service.until(lambda: service.sprint is not None and service.sprint.head.seq > seq)
        assert service.clock.now().awake - before < SETTLING
        await service.finish()


@pytest.mark.parametrize(("tried", "pauses"), [(False, 0), (True, 1)])
async def test_what_was_never_tried_is_looked_for_without_waiting(tried: bool, pauses: int) -> None:
    """Only a restored backup can have forgotten it, and then the lists have settled."""
    async with lagging(timedelta(0), timedelta(0)) as service:
        await service.until(lambda: service.sprint is not None and service.row("a").issue is not None)
        sprint = service.sprint
        assert sprint is not None
        waited: list[timedelta] = []

        async def pause(duration: timedelta) -> None:
            waited.append(duration)

        world = replace((await service._ports_of(sprint)).world, settling=SETTLING, pause=pause)
        intent = Intent(EffectKey("s1/a/PostComment/99"), PostComment(TaskId("a"), 1, "words"))
        for _ in range(2):
            await Performer(world).perform(sprint, intent, probe=True, tried=tried)
        assert waited == [SETTLING] * pauses
        assert len([c for c in await service.forge.comments(1) if "words" in c.body]) == 1


class Copies(FaultyForge):
    """A forge of which some reads come from older copies: they are given first, then the truth."""

    def __init__(
        self, inner: Forge, *, pulls: list[PullRequestSeen], listed: list[list[PullRequestSeen]]
    ) -> None:
        super().__init__(inner, Faults())
        self._pulls = pulls
        self._listed = listed

    async def pull_request(self, number: int) -> PullRequestSeen:
        return self._pulls.pop(0) if self._pulls else await super().pull_request(number)

    async def pull_requests(
        self, head: str | None = None, since: datetime | None = None
    ) -> list[PullRequestSeen]:
        return self._listed.pop(0) if self._listed else await super().pull_requests(head, since)


async def perform_on(forge: Forge, service: Service, effect: Effect, *, probe: bool) -> object:
    """Perform one effect of the service's sprint on another forge."""
    sprint = service.sprint
    assert sprint is not None
    world = replace((await service._ports_of(sprint)).world, forge=forge)
    intent = Intent(EffectKey(f"s1/a/{type(effect).__name__}/1"), effect)
    return await Performer(world).perform(sprint, intent, probe=probe)


async def test_a_forge_that_knows_of_the_pull_request_before_its_list_does() -> None:
    """The refusal of a second one (422) is no final no: ours stands."""
    async with lagging(timedelta(0), timedelta(0)) as service:
        await service.until(lambda: service.sprint is not None and service.row("a").pull_request is not None)
        number = service.row("a").pull_request
        copies = Copies(service.forge, pulls=[], listed=[[]])
        told = await perform_on(copies, service, OpenPullRequest(TaskId("a")), probe=True)
        assert told == PullRequestOpened(TaskId("a"), number or 0)
        assert len(await service.forge.pull_requests()) == 1
        await service.finish()


async def test_a_refusal_of_a_pull_request_for_another_reason_stays_one() -> None:
    async with lagging(timedelta(0)) as service:
        service.faults.fail("open_pull_request", Rejected("no commits", code=422))
        await service.finish()
        assert "no commits" in (service.row("a").reason or "")


async def test_a_pull_request_that_a_human_closed_at_once_is_not_opened_again() -> None:
    """Its mark tells that it was opened for this very effect; what its closing means is for the sprint to say."""
    async with lagging(timedelta(0), timedelta(0)) as service:
        await service.until(lambda: service.sprint is not None and service.row("a").pull_request is not None)
        number = service.row("a").pull_request or 0
        service.forge.grant("maria", "write")
        service.forge.as_human("maria").close_pull_request(number)
        told = await perform_on(service.forge, service, OpenPullRequest(TaskId("a")), probe=True)
        assert told == PullRequestOpened(TaskId("a"), number)
        assert len(await service.forge.pull_requests()) == 1


async def test_a_merge_the_forge_does_not_show_yet_is_no_refusal() -> None:
    """Merged, the answer lost, the pull request read from an older copy, and the second order refused: it is merged."""
    async with lagging(timedelta(0), timedelta(0)) as service:
        service.faults.hanging.add("merge")
        await service.until(lambda: service.faults.calls["merge"] == 1)
        number, head = service.row("a").pull_request, service.row("a").head
        assert number is not None
        assert head is not None
        before = await service.forge.pull_request(number)
        done = await service.forge.merge(number, head, "the answer of this one is lost")
        assert isinstance(done, Merged)
        copies = Copies(service.forge, pulls=[before], listed=[])
        told = await perform_on(
            copies, service, MergePullRequest(task=TaskId("a"), number=number, head=head), probe=True
        )
        assert told == PullRequestMerged(TaskId("a"), done.commit, AUTHOR)


async def test_a_login_is_the_same_in_any_case() -> None:
    """Forges give a login as its owner writes it, and a configuration as somebody typed it."""

    class Typed(Copies):
        async def author_login(self) -> str:
            return AUTHOR.upper()

    async with lagging(timedelta(0), timedelta(0)) as service:
        await service.until(lambda: service.sprint is not None and service.row("a").issue is not None)
        typed = Typed(service.forge, pulls=[], listed=[])
        told = await perform_on(typed, service, CreateIssue(TaskId("a")), probe=True)
        assert told == IssueCreated(TaskId("a"), service.row("a").issue or 0)


async def test_a_dismissed_review_is_no_approval() -> None:
    """Accepted, the answer lost, dismissed by a human before the probe: what stands is told."""
    async with lagging(timedelta(0), timedelta(0)) as service:
        service.faults.hanging.add("merge")
        await service.until(lambda: service.faults.calls["merge"] == 1)
        row = service.row("a")
        assert row.pull_request is not None
        assert row.head is not None
        run = row.reviewers[0].run
        reviews = service.forge._rules.reviews[row.pull_request]
        reviews[:] = [msgspec.structs.replace(review, state="dismissed") for review in reviews]
        effect = SubmitReview(
            task=TaskId("a"), agent=REVIEWER, run=run, verdict="approve", text="fine", head=row.head
        )
        sprint = service.sprint
        assert sprint is not None
        intent = Intent(EffectKey(f"s1/a/SubmitReview/{REVIEWER}.{run}"), effect)
        told = await Performer((await service._ports_of(sprint)).world).perform(sprint, intent, probe=True)
        assert isinstance(told, ReviewSubmitted)
        assert told.review.state == "dismissed"
        assert len(reviews) == len(service.forge._rules.reviews[row.pull_request])
