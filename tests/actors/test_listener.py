"""The listener: doors that open again, and honest health."""

from datetime import timedelta

from caloron_actors.ports.errors import Unavailable
from tests.actors.conftest import MakeService
from tests.actors.rest import Bomb
from tests.domain.sprint.plans import dag, task


async def test_a_service_that_works_is_well(service: MakeService) -> None:
    world = await service(dag(task("a")))
    await world.finish()
    assert (await world.doors.door.health()).ok


async def test_a_journal_that_cannot_be_read_for_now_is_degraded(service: MakeService) -> None:
    """It answers, so nothing is to be restarted; a probe looks again each time."""
    world = await service(dag(task("a")))
    await world.finish()
    world.faults.fail("sprints", Unavailable("disk I/O error", ambiguous=False))
    health = await world.doors.door.health()
    assert (health.ok, health.ready) == (True, False)
    assert health.detail == "degraded: disk I/O error"
    await world.let(timedelta(seconds=10))
    health = await world.doors.door.health()
    assert (health.ok, health.ready) == (True, True)


async def test_a_journal_that_hangs_is_not_well(service: MakeService) -> None:
    """Health has a limit of its own."""
    world = await service(dag(task("a")))
    await world.finish()
    told: list[bool] = []

    async def ask() -> None:
        told.append((await world.doors.door.health()).ok)

    world.faults.hanging.add("sprints")
    world.beside(ask)
    await world.let(timedelta(seconds=6))
    assert told == [False]


async def test_crashed_doors_open_again(service: MakeService) -> None:
    world = await service(dag(task("a")))
    await world.let(timedelta(seconds=1))
    assert world.doors.opened == 1
    assert world.actor("root/listener").tell(Bomb())
    await world.let(timedelta(seconds=1))
    assert world.doors.opened == 2
    assert (await world.doors.door.health()).ok
    assert (await world.finish()).head.outcome == "succeeded"


async def test_doors_that_close_by_themselves_open_again(service: MakeService) -> None:
    world = await service(dag(task("a")))
    await world.let(timedelta(seconds=1))
    world.doors.shut()
    await world.let(timedelta(seconds=1))
    assert world.doors.opened == 2
    assert world.crashes() == ["root/listener"]
