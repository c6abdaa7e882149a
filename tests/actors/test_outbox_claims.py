"""Intents that are taken back while they wait: what a human or the operator no longer wants is never done."""

from datetime import timedelta

import pytest

from caloron_actors.actors.sprint import Apply
from caloron_actors.adapters.memory.launcher import Finished
from caloron_actors.domain.events import PullRequestMerged, SprintCancelled, SprintSuspended
from caloron_actors.ports.errors import RateLimited, Unavailable
from caloron_actors.ports.launcher import GivenUp
from tests.actors.cast import IN_CONFLICT, SENT_BACK, Cast, Stage, diligent
from tests.actors.conftest import MakeService
from tests.actors.service import Service
from tests.actors.test_agent import RUN
from tests.domain.sprint.plans import dag, task

MINUTE = timedelta(minutes=1)


async def slow_at_rework(stage: Stage) -> Finished:
    """An author who takes hours when it is sent back."""
    if stage.told(SENT_BACK) or stage.told(IN_CONFLICT):
        await stage.clock.sleep(timedelta(hours=3).total_seconds())
    return await diligent(stage)


async def waiting_merge(service: MakeService) -> Service:
    """A service whose merge has been put off by the forge for twenty minutes."""
    world = await service(dag(task("a")), cast=Cast(author=slow_at_rework))
    later = world.wall() + 30 * MINUTE
    world.faults.fail("merge", RateLimited("slow down", retry_after=later))
    await world.until(lambda: world.faults.calls["merge"] == 1)
    return world


@pytest.mark.parametrize("restart", [False, True])
async def test_a_merge_that_was_objected_to_is_not_done(service: MakeService, restart: bool) -> None:
    """Approved, sent, put off; then a human wants changes on that very head: it must not go in half an hour later."""
    world = await waiting_merge(service)
    head = world.row("a").head
    number = world.row("a").pull_request
    assert number is not None
    world.forge.grant("maria", "write")
    world.forge.as_human("maria").review(number, "request_changes", "not like this")
    await world.until(lambda: world.row("a").status == "in_progress")
    if restart:
        world.kill()
        await world.start()
    await world.let(timedelta(hours=1))
    assert world.row("a").head == head, "the same head is still there to be merged"
    assert world.faults.calls["merge"] == 1
    assert not (await world.forge.pull_request(number)).merged
    assert not any(isinstance(event, PullRequestMerged) for event in world.events)


@pytest.mark.parametrize("restart", [False, True])
async def test_a_merge_of_a_cancelled_sprint_is_not_done(service: MakeService, restart: bool) -> None:
    world = await waiting_merge(service)
    await world.tree.sprints.ref("s1").ask(Apply(SprintCancelled(by="the operator")))
    if restart:
        world.kill()
        await world.start()
    await world.finish()
    await world.let(timedelta(hours=1))
    assert world.faults.calls["merge"] == 1
    assert not any(pull.merged for pull in await world.forge.pull_requests())


@pytest.mark.parametrize("order", [SprintSuspended("enough"), SprintCancelled(by="the operator")])
@pytest.mark.parametrize("restart", [False, True])
async def test_a_launch_that_was_taken_back_starts_nobody(
    service: MakeService, order: SprintSuspended | SprintCancelled, restart: bool
) -> None:
    """The launch is put off; the stop that comes in between gives its run up, and it stays given up."""
    world = await service(dag(task("a")))
    again = world.wall() + 20 * MINUTE
    world.faults.fail("launch", Unavailable("no processes left", ambiguous=True, retry_after=again))
    await world.until(lambda: world.faults.calls["launch"] == 1)
    await world.tree.sprints.ref("s1").ask(Apply(order))
    if restart and isinstance(order, SprintCancelled):
        world.kill()
        await world.start()
    await world.let(timedelta(hours=1))
    assert world.launcher.launched == []
    assert world.faults.calls["launch"] == 1
    assert await world.launcher.look(RUN) == GivenUp()
    assert not world.row("a").attempts
