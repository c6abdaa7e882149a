"""The actor of an agent: one end for each run, however often it is told to watch; leases, adoption and beats."""

from collections import Counter
from datetime import timedelta
from itertools import pairwise

import pytest

from caloron_actors.actors.agent import Watch, end_of_run
from caloron_actors.adapters.memory.launcher import Finished
from caloron_actors.domain.events import AuthorEnded
from caloron_actors.domain.ids import AgentId, SprintId, TaskId
from caloron_actors.ports.errors import Unavailable
from caloron_actors.ports.launcher import Alive, Ended, GivenUp, RunId
from caloron_actors.ports.listening import Beat, Heartbeat
from tests.actors.cast import AUTHOR_TIME, Cast, Stage, diligent
from tests.actors.conftest import MakeService
from tests.actors.rest import Bomb
from tests.actors.service import Service
from tests.domain.sprint.plans import dag, task

RUN = RunId(SprintId("s1"), TaskId("a"), AgentId("dev"), 1)
AGENT = "root/agents/s1.dev"


async def _at_work(service: MakeService, **options: object) -> Service:
    """A service whose author has just begun."""
    world = await service(dag(task("a")), **options)
    await world.until(lambda: world.sprint is not None and world.row("a").status == "in_progress")
    return world


def _ends(world: Service) -> list[AuthorEnded]:
    return [event for event in world.events if isinstance(event, AuthorEnded)]


async def test_watching_twice_is_watching_once(service: MakeService) -> None:
    world = await _at_work(service)
    for _ in range(3):
        assert world.tree.agents.ref("s1.dev").tell(Watch(run_id=RUN, role="author"))
    await world.end()
    assert world.faults.calls["wait"] == 2, "one for the author, one for the reviewer"
    assert len(_ends(world)) == 1


async def test_a_run_that_ended_while_nobody_looked_is_taken_as_it_ended(service: MakeService) -> None:
    """H8, P4: its end is told once, with what it printed."""
    world = await _at_work(service)
    world.kill()
    await world.let(10 * AUTHOR_TIME)
    await world.start(take_up=False)
    assert (await world.end()).head.outcome == "succeeded"
    assert [end.result for end in _ends(world)] == ["finished"]
    assert Counter(world.launcher.launched)[RUN] == 1


async def test_an_agent_that_outlives_its_actors_is_looked_after_by_the_next_one(
    service: MakeService,
) -> None:
    """An actor's crash never touches the process."""
    world = await _at_work(service)
    for _ in range(5):
        assert world.actor(AGENT).tell(Bomb())
        await world.let(timedelta(seconds=2))
    assert isinstance(await world.launcher.look(RUN), Alive)
    assert (await world.end()).head.outcome == "succeeded"
    assert world.crashes() == [AGENT] * 5
    assert len(_ends(world)) == 1
    assert world.faults.calls["stop"] == 0


async def test_a_lease_is_renewed_as_long_as_its_run_lives(service: MakeService) -> None:
    world = await _at_work(service, cast=Cast(author=_for_hours), orphan_limit=timedelta(minutes=30))
    assert (await world.end()).head.outcome == "succeeded"
    assert world.row("a").attempts == 1
    renewals = world.faults.moments("renew_lease")
    assert len(renewals) in range(60, 64), "every 3 minutes for 3 hours, and the reviewer's"
    await world.let(timedelta(hours=1))
    assert world.faults.moments("renew_lease") == renewals


async def test_an_orphan_is_stopped_and_its_work_is_done_again(service: MakeService) -> None:
    world = await _at_work(service, cast=Cast(author=_for_hours), orphan_limit=timedelta(minutes=30))
    world.kill()
    await world.let(timedelta(hours=2))
    await world.start()
    assert (await world.end()).head.outcome == "succeeded"
    assert [end.result for end in _ends(world)] == ["stopped", "finished"]
    saved = world.workspace.saved[TaskId("a")]
    assert [world.repository.files(commit)["half.txt"] for commit in saved.values()][:1] == [b"half\n"]


@pytest.mark.parametrize("jump", [timedelta(hours=8), timedelta(hours=-8)])
async def test_a_host_that_slept_has_lost_nobody(service: MakeService, jump: timedelta) -> None:
    """The wall clock jumps, the awake clock does not: no lease has run out, no limit is reached, nobody is late."""
    world = await _at_work(service, cast=Cast(author=_for_hours), orphan_limit=timedelta(minutes=30))
    for _ in range(3):
        await world.let(timedelta(minutes=20))
        world.clock.suspend(jump)
    assert isinstance(await world.launcher.look(RUN), Alive)
    assert (await world.end()).head.outcome == "succeeded"
    assert [end.result for end in _ends(world)] == ["finished"]
    assert Counter(world.launcher.launched)[RUN] == 1
    assert world.faults.calls["stop"] == 0
    assert world.crashes() == []


async def test_a_service_that_slept_longer_than_its_patience_has_lost_nobody(service: MakeService) -> None:
    """All that was due while it stood still is late at once; the agents have gone on, and are taken as they are."""
    world = await _at_work(service, cast=Cast(author=_for_hours), orphan_limit=timedelta(minutes=30))
    for _ in range(6):
        # Everything that waits is woken in one moment, as after a SIGCONT.
        world.clock.advance(timedelta(minutes=29))
        await world.let(timedelta(seconds=1))
    assert (await world.end()).head.outcome == "succeeded"
    assert world.row("a").attempts == 1
    assert Counter(world.launcher.launched)[RUN] == 1
    assert world.faults.calls["stop"] == 0


async def _for_hours(stage: Stage) -> Finished:
    stage.write("half.txt", "half\n")
    await stage.clock.sleep(timedelta(hours=3).total_seconds())
    return await diligent(stage)


async def test_a_lost_harness_is_a_failed_attempt(service: MakeService) -> None:
    """F3: death is noticed at once."""
    world = await _at_work(service)
    world.launcher.lose(RUN)
    await world.let(timedelta(0))
    assert _ends(world)[0].result == "failed"
    assert "died without a record" in _ends(world)[0].detail
    assert (await world.end()).head.outcome == "succeeded"
    assert world.row("a").attempts == 2


@pytest.mark.parametrize("call", ["wait", "output"])
async def test_trouble_with_waiting_passes_and_ends_no_run(service: MakeService, call: str) -> None:
    """A host that cannot say how a run is, however long: the run is neither lost nor started again."""
    world = await service(dag(task("a")))
    world.faults.fail(call, Unavailable("too many open files", ambiguous=True), times=40)
    assert (await world.end()).head.outcome == "succeeded"
    moments = world.faults.moments(call)[:9]
    assert [b - a for a, b in pairwise(moments)] == pytest.approx([1, 2, 4, 8, 16, 30, 30, 30])
    assert world.crashes() == []
    assert world.row("a").attempts == 1
    assert Counter(world.launcher.launched)[RUN] == 1


async def test_trouble_with_a_lease_is_overcome_by_the_next_renewal(service: MakeService) -> None:
    world = await service(dag(task("a")), cast=Cast(author=_for_hours), orphan_limit=timedelta(minutes=30))
    world.faults.fail("renew_lease", Unavailable("disk I/O error", ambiguous=False), times=3)
    assert (await world.end()).head.outcome == "succeeded"
    assert world.row("a").attempts == 1
    assert world.crashes() == []


def _beat(**changed: object) -> Beat:
    fields: dict[str, object] = {"run": str(RUN), "nonce": "nonce-1", "pid": 1, "seq": 1} | changed
    return Beat(**fields)  # type: ignore[arg-type]


async def test_beats_are_taken_of_a_living_run_with_its_nonce_alone(service: MakeService) -> None:
    """H12: unknown runs and stale claims are turned away, and nothing is created for them."""
    world = await _at_work(service)
    door = world.doors.door
    assert await door.beat(_beat())
    assert await door.beat(_beat(seq=2))
    assert not await door.beat(_beat(nonce="nonce-2"))
    assert not await door.beat(_beat(nonce=""))
    assert not await door.beat(_beat(run="s1/a/dev/2"))
    assert not await door.beat(_beat(run="s1/a/rev/1"))
    assert not await door.beat(_beat(run="s2/a/dev/1"))
    assert not await door.beat(_beat(run="s1/b/dev/1"))
    assert world.tree.agents.keys() == ("s1.dev",)
    await world.end()
    assert not await door.beat(_beat())


async def test_a_stale_nonce_is_turned_away_before_the_claim_was_looked_up(service: MakeService) -> None:
    """A new life knows no nonce yet; a beat that comes right then is checked against the claim itself."""
    world = await _at_work(service)
    world.kill()
    world.faults.fail("renew_lease", Unavailable("disk I/O error", ambiguous=False), times=1000)
    await world.start(take_up=False)
    await world.until(lambda: world.tree.agents.keys() == ("s1.dev",))
    await world.let(timedelta(seconds=1))
    door = world.doors.door
    assert not await door.beat(_beat(nonce="nonce-of-an-earlier-life"))
    assert await door.beat(_beat())
    world.faults.fail("look", Unavailable("disk I/O error", ambiguous=False), times=1)
    assert await door.beat(_beat(seq=2)), "once known, no further look is needed"


@pytest.mark.parametrize(
    "run",
    [
        "",
        "s1",
        "s1/a/dev",
        "s1/a/dev/1/2",
        "s1/a/dev/x",
        "s1/a/dev/-1",
        "s1/a/dev/1000000000",
        "S1/a/dev/1",
        "../a/dev/1",
        "s1/a/dev/\u0661",
    ],
)
async def test_what_is_no_name_of_a_run_is_turned_away(service: MakeService, run: str) -> None:
    """C7."""
    world = await _at_work(service)
    assert not await world.doors.door.beat(_beat(run=run))


async def test_beats_go_on_after_their_actor_has_crashed(service: MakeService) -> None:
    world = await _at_work(service)
    assert world.actor(AGENT).tell(Bomb())
    await world.let(timedelta(seconds=1))
    assert await world.doors.door.beat(_beat())
    assert not await world.doors.door.beat(_beat(nonce="nonce-2"))


async def test_an_agents_own_heartbeat_is_taken_while_it_runs(service: MakeService) -> None:
    """F1, F2, H12: by sprint and agent."""
    world = await _at_work(service)
    door = world.doors.door
    assert await door.heartbeat(Heartbeat("dev", "s1", status="thinking", tokens_used=12))
    assert not await door.heartbeat(Heartbeat("dev", "s2"))
    assert not await door.heartbeat(Heartbeat("rev", "s1"))
    assert not await door.heartbeat(Heartbeat("nobody", "s1"))
    await world.end()
    assert not await door.heartbeat(Heartbeat("dev", "s1"))


def test_what_an_author_says_of_itself_reaches_the_sprint() -> None:
    """R1: the envelope in its output is part of how its run ended."""
    out = 'CALORON_FEEDBACK_START\n{"task_clarity": 3}\nCALORON_FEEDBACK_END\n'
    event = end_of_run(RUN, "author", Ended(cause="exited", started=True, code=0), out, "")
    assert isinstance(event, AuthorEnded)
    assert event.feedback is not None
    assert event.feedback.task_clarity == 3


async def test_a_run_that_nobody_has_claimed_is_over_only_when_nobody_can(service: MakeService) -> None:
    """The service died between fork and claim: told as over, its late harness would be a second agent."""
    world = await _at_work(service)
    late = RunId(RUN.sprint, RUN.task, RUN.agent, 7)
    assert world.tree.agents.ref("s1.dev").tell(Watch(run_id=late, role="author"))
    await world.let(timedelta(seconds=1))
    assert await world.launcher.look(late) == GivenUp()
    assert isinstance(await world.launcher.look(RUN), Alive)
    assert (await world.end()).head.outcome == "succeeded"
