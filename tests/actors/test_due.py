"""What a forge has put off is not tried before its time, also by the service's next life."""

from datetime import timedelta
from itertools import pairwise

import pytest

from caloron_actors.adapters.memory.clock import START
from caloron_actors.ports.errors import RateLimited, Unavailable
from tests.actors.conftest import MakeService
from tests.actors.service import Service
from tests.domain.sprint.plans import dag, task

TWO = dag(task("a", by="ann"), task("b", by="bob"))
PUT_OFF = timedelta(minutes=30)


async def put_off(world: Service, call: str, wait: timedelta) -> float:
    """Let the next call of that name be put off, and give until when, on the awake clock."""
    until = world.clock.monotonic() + wait.total_seconds()
    world.faults.fail(call, RateLimited("too many requests", retry_after=world.wall() + wait))
    await world.until(lambda: world.faults.calls["postpone"] > 0)
    return until


async def restart(world: Service, down: timedelta) -> None:
    world.kill()
    await world.let(down)
    await world.start()


@pytest.mark.parametrize("down", [timedelta(0), timedelta(minutes=7)])
async def test_a_retry_after_is_kept_over_a_restart_and_holds_its_lane_only(
    service: MakeService, down: timedelta
) -> None:
    world = await service(TWO)
    due = await put_off(world, "open_pull_request", PUT_OFF)
    await restart(world, down)
    await world.until(
        lambda: world.sprint is not None and "done" in {t.status for t in world.sprint.tasks.values()}
    )
    assert world.clock.monotonic() < due
    sprint = await world.finish()
    assert sprint.head.outcome == "succeeded"
    again = world.faults.moments("open_pull_request")
    assert len(again) == 3
    assert again[-1] >= due
    assert len([pull for pull in await world.forge.pull_requests() if pull.merged]) == 2


async def test_a_time_that_passed_while_the_service_was_down_is_over(service: MakeService) -> None:
    world = await service(TWO)
    await put_off(world, "open_pull_request", PUT_OFF)
    await restart(world, PUT_OFF)
    before = world.clock.now().awake
    assert (await world.finish()).head.outcome == "succeeded"
    assert world.clock.now().awake - before < PUT_OFF


async def test_tries_are_counted_over_restarts(service: MakeService) -> None:
    """The wait doubles with each try, whoever made it."""
    world = await service(dag(task("a")))
    world.faults.fail("create_issue", Unavailable("nobody answers", ambiguous=False), times=6)
    for tries in range(1, 6):
        await world.until(lambda tries=tries: world.faults.calls["postpone"] == tries)  # type: ignore[misc]
        await restart(world, timedelta(0))
    assert (await world.finish()).head.outcome == "succeeded"
    moments = world.faults.moments("create_issue")
    waits = [round(later - earlier) for earlier, later in pairwise(moments)]
    assert waits == [1, 2, 4, 8, 16, 32]


async def test_a_clock_that_was_set_back_delays_a_postponed_effect_by_an_hour_at_most(
    service: MakeService,
) -> None:
    world = await service(dag(task("a")))
    world.clock.suspend(timedelta(days=30))
    await put_off(world, "create_issue", PUT_OFF)
    world.kill()
    world.clock._wall = START
    await world.start()
    before = world.clock.now().awake
    assert (await world.finish()).head.outcome == "succeeded"
    assert world.clock.now().awake - before < timedelta(hours=1, minutes=5)
