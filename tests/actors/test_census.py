"""The service dies at every write it makes, before and after, and is started anew: the final world is the same."""

from datetime import timedelta

import pytest

from tests.actors.cast import Cast, picky, slowly
from tests.actors.faults import WRITES, When
from tests.actors.rehearsal import Rehearsal, rehearse
from tests.actors.service import Service, running
from tests.domain.sprint.plans import dag, task

CHAIN = dag(task("a"), task("b", "a"))
"""Two tasks, the second needs the first."""
RIVALS = dag(task("a", by="ann"), task("b", by="bob"))
"""Two tasks that are worked on at once, and change the same file."""


def _die_at(service: Service, nth: int, at: When) -> None:
    """Have the service killed at its `nth` write, seen from its present life's start."""
    seen = {"before": 0, "after": 0}

    def die(name: str, when: When) -> None:
        if name in WRITES:
            seen[when] += 1
            if when == at and seen[when] == nth:
                service.faults.passing = None
                service.kill()

    service.faults.passing = die


async def _killed(rehearsal: Rehearsal, nth: int, at: When, down: timedelta) -> list[str]:
    """What differs after a kill at the `nth` write. A restart is as `run` or as `serve` does it, in turn."""
    async with running(rehearsal.plan, cast=rehearsal.cast) as service:
        _die_at(service, nth, at)
        await service.until(lambda: service.dead)
        await service.let(down)
        await service.start(take_up=nth % 2 == 0)
        await service.finish()
        name = rehearsal.writes[nth - 1]
        return [f"{at} {name} ({nth}): {line}" for line in await rehearsal.compare(service)]


async def test_the_service_may_die_at_every_write() -> None:
    """C1, P4: no issue, comment, label, pull request, review, merge or run of an agent is lost or made twice."""
    rehearsal = await rehearse(CHAIN, Cast(reviewer=picky("a")))
    assert rehearsal.commits > 40
    wrong: list[str] = []
    for nth in range(1, len(rehearsal.writes) + 1):
        wrong += await _killed(rehearsal, nth, "before", timedelta(0))
        wrong += await _killed(rehearsal, nth, "after", timedelta(0))
    assert not wrong, "\n".join(wrong)


async def test_agents_may_end_while_the_service_is_dead() -> None:
    """The same with five minutes of death, in which all that runs comes to its end."""
    rehearsal = await rehearse(CHAIN, Cast(reviewer=picky("a")))
    wrong: list[str] = []
    for nth in range(1, len(rehearsal.writes) + 1):
        at: When = "before" if nth % 2 else "after"
        wrong += await _killed(rehearsal, nth, at, timedelta(minutes=5))
    assert not wrong, "\n".join(wrong)


async def test_the_service_may_die_while_tasks_run_at_once_and_conflict() -> None:
    """The same for a conflict and its resolution: every third write."""
    rehearsal = await rehearse(RIVALS, Cast(author=slowly("b")))
    assert [row[0] for row in rehearsal.end.files] == ["README.md", "a.txt", "b.txt", "shared.txt"]
    assert "s1/b/bob/2" in rehearsal.end.launched
    wrong: list[str] = []
    for nth in range(1, len(rehearsal.writes) + 1, 3):
        wrong += await _killed(rehearsal, nth, "before", timedelta(0))
        wrong += await _killed(rehearsal, nth, "after", timedelta(0))
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("stride", [7, 11, 23])
async def test_the_service_may_die_again_and_again(stride: int) -> None:
    """It is killed at every `stride`-th write of each of its lives until a life has fewer writes than that."""
    rehearsal = await rehearse(CHAIN, Cast(reviewer=picky("a")))
    async with running(rehearsal.plan, cast=rehearsal.cast) as service:
        while True:
            _die_at(service, stride, "after" if service.lives % 2 else "before")
            await service.until(lambda: service.dead or _over(service))
            if not service.dead:
                break
            await service.start()
        service.faults.passing = None
        await service.finish()
        assert service.lives > 5
        assert await rehearsal.compare(service) == []


def _over(service: Service) -> bool:
    return service.sprint is not None and service.sprint.head.outcome is not None
