"""A commit whose answer is lost: the sprint asks what is stored, and whoever waits for the outcome is told once."""

import pytest

from caloron_actors.domain.dag import ReviewPolicy
from caloron_actors.ports.errors import Rejected, Unavailable
from tests.actors.conftest import MakeService
from tests.domain.sprint.plans import dag, task

COMMITS = 19
"""How many commits a task's life takes."""


@pytest.mark.parametrize("skip", range(COMMITS))
async def test_a_commit_that_happened_without_an_answer_costs_nothing(
    service: MakeService, skip: int
) -> None:
    world = await service(dag(task("a")))
    world.faults.fail("commit", Unavailable("disk I/O error", ambiguous=True), "after", skip=skip)
    sprint = await world.finish()
    assert sprint.head.outcome == "succeeded"
    assert world.row("a").attempts == 1
    assert world.faults.calls["commit"] == COMMITS
    assert world.crashes() == []
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
    world.faults.fail("commit", Rejected("no such task"))
    await world.until(lambda: world.row("a").merge_commit is not None)
    assert (await world.finish()).head.outcome == "succeeded"
    assert len(world.crashes()) == 1
