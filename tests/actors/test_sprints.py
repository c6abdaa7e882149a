"""Whole sprints in memory: what stands on the forge at the end."""

from caloron_actors.domain.dag import ReviewPolicy
from tests.actors.cast import Cast, picky
from tests.actors.conftest import MakeService
from tests.domain.sprint.plans import dag, task


async def test_a_sprint_succeeds(service: MakeService) -> None:
    world = await service(dag(task("a"), task("b", "a")), cast=Cast(reviewer=picky("a")))
    sprint = await world.finish()
    assert sprint.head.outcome == "succeeded"
    assert world.crashes() == []
    print(world.launcher.launched, world.faults.calls)
