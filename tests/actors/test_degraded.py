"""Storage in trouble for an hour: whoever needs it waits, nothing restarts or spins, and nothing is lost or doubled."""

from datetime import timedelta

import pytest
from structlog.typing import EventDict

from caloron_actors.domain.dag import ReviewPolicy
from caloron_actors.ports.errors import StateUnusable, Unavailable
from tests.actors.cast import Cast, picky
from tests.actors.conftest import MakeService
from tests.actors.faults import FORGE_WRITES, HOST_WRITES, JOURNAL_WRITES, When
from tests.actors.rehearsal import rehearse
from tests.actors.rest import Bomb
from tests.actors.service import Service, running
from tests.domain.sprint.plans import dag, task

CHAIN = dag(task("a"), task("b", "a"))
HOUR = timedelta(hours=1)
FULL = Unavailable("database or disk is full", ambiguous=False)
LOST = Unavailable("disk I/O error", ambiguous=True)
READS = frozenset({"sprints", "load", "open_intents"})
TRIES_AN_HOUR = 3600 / 10
STORAGE_EVENTS = ("journal_degraded", "journal_recovered")


def said(logs: list[EventDict]) -> list[str]:
    return [line["event"] for line in logs if line["event"] in STORAGE_EVENTS]


def break_at(service: Service, nth: int, names: frozenset[str], error: Unavailable) -> list[int]:
    """Break calls from the `nth` commit on. What is given tells how often the world had been acted on by then."""
    seen = 0
    acted: list[int] = []

    def look(name: str, when: When) -> None:
        nonlocal seen
        if (name, when) == ("commit", "before"):
            seen += 1
            if seen == nth:
                service.faults.broken |= dict.fromkeys(names, error)
                acted.append(acts(service))

    service.faults.passing = look
    return acted


def acts(service: Service) -> int:
    return sum(service.faults.calls[name] for name in FORGE_WRITES | HOST_WRITES)


def tries(service: Service) -> int:
    return sum(service.faults.calls[name] for name in JOURNAL_WRITES | READS)


@pytest.mark.parametrize("error", [FULL, LOST], ids=["refused", "ambiguous"])
@pytest.mark.parametrize("names", [JOURNAL_WRITES, JOURNAL_WRITES | READS], ids=["writes", "all"])
async def test_a_disk_that_is_full_for_an_hour_is_waited_for(
    names: frozenset[str], error: Unavailable, logs: list[EventDict]
) -> None:
    """C1: from every third commit of the sprint on. What was under way is finished; nothing new is begun."""
    rehearsal = await rehearse(CHAIN, Cast(reviewer=picky("a")))
    for nth in range(1, rehearsal.commits, 3):
        async with running(CHAIN, cast=rehearsal.cast) as service:
            logs.clear()
            acted = break_at(service, nth, names, error)
            await service.until(lambda: "commit" in service.faults.broken)
            tried = tries(service)
            await service.let(HOUR)
            assert acts(service) <= acted[0] + 4  # those whose claim was durable before
            users = 10  # the sprint, its lanes and the outbox's start
            assert tries(service) - tried < users * TRIES_AN_HOUR
            health = await service.doors.door.health()
            assert (health.ok, health.ready) == (True, False)
            assert str(error) in health.detail
            service.faults.broken.clear()
            assert said(logs) == ["journal_degraded"]
            await service.finish()
            assert await rehearsal.compare(service) == []
            assert (service.crashes(), service.given_up, service.failures) == ([], None, [])
            assert said(logs) == [*STORAGE_EVENTS]
            assert (await service.doors.door.health()).ready


async def test_what_is_said_of_the_trouble_names_cause_and_remedy(
    service: MakeService, logs: list[EventDict]
) -> None:
    world = await service(CHAIN)
    world.faults.fail("commit", FULL, times=5, skip=3)
    await world.finish()
    (line,) = [line for line in logs if line["event"] == "journal_degraded"]
    assert line["cause"] == str(FULL)
    assert "free its disk" in line["remedy"]


async def test_nothing_is_done_without_a_durable_claim(service: MakeService) -> None:
    world = await service(CHAIN)
    world.faults.broken["claim"] = FULL
    await world.let(HOUR)
    assert acts(world) == 0
    assert world.faults.calls["claim"] < 3 * TRIES_AN_HOUR
    assert world.crashes() == []
    world.faults.broken.clear()
    assert (await world.finish()).head.outcome == "succeeded"


@pytest.mark.parametrize(
    "path", ["root/sprints/s1", "root/outboxes/s1", "root/journal", "root/pollers/local:repo"]
)
async def test_what_starts_while_nothing_can_be_read_waits(path: str) -> None:
    """Also the journal itself, whose file cannot be opened again."""
    rehearsal = await rehearse(CHAIN, Cast())
    async with running(CHAIN, cast=rehearsal.cast) as service:
        await service.until(lambda: service.faults.calls["launch"] > 0)
        service.faults.broken |= dict.fromkeys(JOURNAL_WRITES | READS | {"open"}, FULL)
        assert service.actor(path).tell(Bomb())
        await service.let(HOUR)
        assert service.crashes() == [path]
        assert tries(service) + service.faults.calls["open"] < 10 * TRIES_AN_HOUR
        service.faults.broken.clear()
        await service.finish()
        assert await rehearsal.compare(service) == []
        assert service.crashes() == [path]


async def test_a_service_that_finds_its_sprint_while_nothing_can_be_read_waits(service: MakeService) -> None:
    """As `serve` does: the factories look for what is stored."""
    world = await service(CHAIN)
    await world.until(lambda: world.faults.calls["launch"] > 0)
    world.kill()
    world.faults.broken |= dict.fromkeys(READS, FULL)
    await world.start(take_up=False)
    await world.let(HOUR)
    assert world.sprint is None
    world.faults.broken.clear()
    assert (await world.finish()).head.outcome == "succeeded"
    assert world.crashes() == []
    assert len(world.launcher.launched) == len(set(world.launcher.launched))


async def test_the_service_stops_at_once_while_the_disk_is_full(service: MakeService) -> None:
    world = await service(CHAIN)
    await world.until(lambda: world.faults.calls["launch"] > 0)
    world.faults.broken |= dict.fromkeys(JOURNAL_WRITES, FULL)
    await world.let(HOUR)
    before = world.clock.now().awake
    await world.stop()
    assert world.clock.now().awake - before < timedelta(seconds=3)


async def test_a_file_that_turns_out_broken_is_told_once_and_nobody_crashes(service: MakeService) -> None:
    """The host then ends the service; until it does everybody stands still."""
    world = await service(dag(task("a"), review=ReviewPolicy(auto_merge=False)))
    broken = StateUnusable("caloron.db is damaged; restore it from a backup")
    await world.until(lambda: world.faults.calls["launch"] > 0)
    world.faults.broken |= dict.fromkeys(JOURNAL_WRITES | READS, broken)
    acted = acts(world)
    await world.let(HOUR)
    assert world.failures
    assert set(world.failures) == {broken}
    assert acts(world) == acted
    assert tries(world) < 400
    assert not (await world.doors.door.health()).ok
    assert world.crashes() == []
