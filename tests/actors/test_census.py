"""The service dies at every write it makes, before and after, and is started anew: the final world is the same."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial

import anyio.lowlevel
import pytest

from caloron_actors.domain.dag import Dag
from tests.actors.cast import Cast, picky, quarrelsome
from tests.actors.faults import WRITES, When
from tests.actors.picture import Picture, differences, picture
from tests.actors.service import Service, running, settle
from tests.domain.sprint.plans import dag, task

CHAIN = dag(task("a"), task("b", "a"))
"""Two tasks, the second needs the first; the first is sent back once."""


async def _undisturbed(plan: Dag, cast: Cast) -> tuple[Picture, list[str]]:
    """The final world of a run that nothing disturbs, and the writes it made, in order."""
    writes: list[str] = []

    def note(name: str, when: When) -> None:
        if when == "before" and name in WRITES:
            writes.append(name)

    async with running(plan, cast=cast) as service:
        service.faults.passing = note
        sprint = await service.finish()
        assert sprint.head.outcome == "succeeded"
        assert service.crashes() == []
        return await picture(service), writes


def _die_at(service: Service, nth: int, at: When) -> None:
    """Have the service killed at its `nth` write."""
    seen = {"before": 0, "after": 0}

    def die(name: str, when: When) -> None:
        if name not in WRITES:
            return
        seen[when] += 1
        if when == at and seen[when] == nth:
            service.kill()

    service.faults.passing = die


async def _killed_at(plan: Dag, cast: Cast, nth: int, at: When, down: timedelta) -> Picture:
    async with running(plan, cast=cast) as service:
        _die_at(service, nth, at)
        await service.until(lambda: service.dead)
        service.faults.passing = None
        await service.let(down)
        await service.start(take_up=nth % 2 == 0)
        await service.finish()
        return await picture(service)


@pytest.mark.parametrize("down", [timedelta(0), timedelta(minutes=5)], ids=["at once", "5 minutes later"])
async def test_the_service_may_die_at_every_write(down: timedelta) -> None:
    cast = Cast(reviewer=picky("a"))
    expected, writes = await _undisturbed(CHAIN, cast)
    wrong: list[str] = []
    for nth, name in enumerate(writes, start=1):
        for at in ("before", "after"):
            found = await _killed_at(CHAIN, cast, nth, at, down)
            if found != expected:
                wrong += [f"{at} {name} ({nth}): {line}" for line in differences(expected, found)]
    assert not wrong, "\n".join(wrong)
