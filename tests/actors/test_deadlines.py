"""Deadlines: what is due and cannot be done yet waits for an event, not for the clock."""

from caloron_actors.adapters.memory.launcher import Finished
from tests.actors.cast import Cast, Stage, diligent
from tests.actors.conftest import MakeService
from tests.domain.sprint.plans import dag, task


async def fails_once(stage: Stage) -> Finished:
    """An author whose first attempt at `a` fails at once, and who is slow with the rest."""
    first = stage.order.env["CALORON_ATTEMPT"] == "1"
    return Finished(code=1) if first and stage.task == "a" else await diligent(stage)


async def test_a_retry_that_is_due_while_its_agent_is_busy_waits_quietly(service: MakeService) -> None:
    """The agent has taken another task by then; `finish` would find the service spinning."""
    world = await service(dag(task("a"), task("b")), cast=Cast(author=fails_once))
    sprint = await world.finish()
    assert sprint.head.outcome == "succeeded"
    assert world.row("a").attempts == 2
