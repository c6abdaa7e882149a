"""A commit whose answer is lost: the sprint reads itself back, and whoever waits for the outcome is told once."""

import pytest

from caloron_actors.domain.dag import ReviewPolicy
from caloron_actors.ports.errors import Unavailable
from tests.actors.conftest import MakeService
from tests.domain.sprint.plans import dag, task

COMMITS = 19
"""How many commits a task's life takes; the first is that of the start, whose caller is told."""


@pytest.mark.parametrize("skip", range(1, COMMITS))
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


async def test_a_fact_that_died_with_its_message_is_told_again(service: MakeService) -> None:
    """A human has merged; the sprint crashes over that very event."""
    world = await service(dag(task("a"), review=ReviewPolicy(auto_merge=False)))
    await world.finish()
    pull = world.row("a").pull_request
    head = world.row("a").head
    assert pull is not None
    assert head is not None
    await world.forge.merge(pull, head, "by hand")
    world.faults.fail("commit", Unavailable("disk I/O error", ambiguous=False))
    await world.until(lambda: world.row("a").merge_commit is not None)
    assert (await world.finish()).head.outcome == "succeeded"
    assert len(world.crashes()) == 1
