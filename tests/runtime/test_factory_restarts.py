"""Factories that restart children, give up, and come back empty to be rebuilt."""

from typing import Any

import anyio

from caloron_actors.runtime import (
    Ctx,
    Factory,
    FactorySpec,
    GaveUp,
    Shutdown,
    factory,
    supervisor,
)
from tests.runtime.conftest import Crash, Number, Role, Worker, World, refused


def _workers(**options: Any) -> FactorySpec[Role, Worker]:
    return factory(Worker, id="f", **options)


async def test_a_failing_restart_is_tried_again_and_counts() -> None:
    """OTP: a start that fails during a restart is tried again through the supervisor's own queue."""
    world = World()
    spec = _workers(intensity=3)

    async def second_and_third_fail(_actor: Worker, ctx: Ctx[Worker]) -> None:
        if ctx.incarnation in {2, 3}:
            raise ValueError("not yet")

    async with world.running(spec):
        workers = world.factory(spec)
        await workers.start_child("a", Role("a", world.log, init=second_and_third_fail))
        workers.ref("a").tell(Crash())
        await world.settle()
        assert await workers.ref("a").ask(Number()) == 4
        assert world.node("root/f").restarts == 3


async def test_a_factory_that_gives_up_comes_back_empty_and_rebuilds() -> None:
    """OTP: dynamic children are lost when their supervisor restarts. Ours: `rebuilt` then brings them back."""
    world = World()
    wanted = ["a", "b"]

    async def rebuilt(workers: Factory[Role, Worker]) -> None:
        world.log.add("rebuilt")
        for key in wanted:
            await workers.start_child(key, Role(key, world.log))

    spec = _workers(intensity=0, rebuilt=rebuilt)
    async with world.running(spec, intensity=1):
        await world.settle()
        assert world.log.take() == ["rebuilt", "start a", "start b"]
        wanted.remove("b")
        world.factory(spec).ref("a").tell(Crash())
        await world.settle()
        assert world.log.take() == ["stop a", "stop b", "rebuilt", "start a"]
        assert world.factory(spec).keys() == ("a",)
        assert await refused(world.factory(spec).ref("b"))
        world.factory(spec).ref("a").tell(Crash())
        await world.settle()
        assert world.exit == GaveUp("root/f", 1, 5.0)


async def test_a_failing_rebuild_crashes_the_factory() -> None:
    """Ours: a factory without the children it should have is of no use."""
    world = World()
    tries: list[int] = []

    async def rebuilt(_workers: Factory[Role, Worker]) -> None:
        tries.append(1)
        if len(tries) == 1:
            raise ValueError("journal not readable")

    spec = _workers(rebuilt=rebuilt)
    async with world.running(spec):
        await world.settle()
        assert len(tries) == 2
        assert world.node("root/f").incarnation == 2


async def test_a_rebuild_in_progress_is_cancelled_by_a_stop() -> None:
    """Ours: nothing of a factory outlives it."""
    world = World()

    async def rebuilt(_workers: Factory[Role, Worker]) -> None:
        await anyio.sleep_forever()

    async with world.running(_workers(rebuilt=rebuilt)):
        await world.settle()
    assert world.exit == Shutdown()


async def test_a_factory_takes_part_in_a_group_restart() -> None:
    """OTP: rest_for_one stops and starts a supervisor like any other child."""
    world = World()
    starts: list[int] = []

    async def rebuilt(workers: Factory[Role, Worker]) -> None:
        starts.append(1)
        await workers.start_child("x", Role("x", world.log))

    spec = _workers(rebuilt=rebuilt)
    inner = supervisor(world.worker("a"), spec, id="inner", strategy="rest_for_one")
    async with world.running(inner):
        await world.settle()
        world.log.take()
        await world.crash("root/inner/a")
        assert world.log.take() == ["stop a", "stop x", "start a", "start x"]
        assert len(starts) == 2
