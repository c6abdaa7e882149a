"""A commit whose answer is lost: the sprint reads itself back, and whoever waits for the outcome is told once."""

import pytest

from caloron_actors.ports.errors import Unavailable
from tests.actors.conftest import MakeService
from tests.domain.sprint.plans import dag, task

COMMITS = 20
"""How many commits of a task's life are tried, one after the other."""


@pytest.mark.parametrize("skip", range(COMMITS))
async def test_a_commit_that_happened_without_an_answer_costs_one_crash(
    service: MakeService, skip: int
) -> None:
    world = await service(dag(task("a")))
    world.faults.fail("commit", Unavailable("disk I/O error", ambiguous=True), "after", skip=skip)
    sprint = await world.finish()
    assert sprint.head.outcome == "succeeded"
    assert world.row("a").attempts == 1
    assert len(world.crashes()) == 1
    assert len(await world.forge.issues()) == 1
