"""What does not end in its time: slow inits and terminates, and tasks that nothing can kill."""

import anyio
import pytest

from caloron_actors.runtime import Ctx, Shutdown, StartFailed, supervisor
from tests.runtime.conftest import Do, Number, Say, Worker, World


async def _hang(*_: object) -> None:
    await anyio.sleep_forever()


async def _cling(*_: object) -> None:
    """Refuses every cancellation until its test lets it go."""
    while True:
        try:
            await anyio.sleep_forever()
        except BaseException:
            if released:
                raise


released: list[bool] = []


async def test_a_slow_init_is_cut_off() -> None:
    """Ours, as gen_server's start timeout: an init over its limit is killed and counts as a failed start."""
    world = World()
    async with anyio.create_task_group() as group:

        async def boot() -> None:
            with pytest.raises(StartFailed, match="init took longer than 3"):
                await world.system.run(supervisor(world.worker("a", init=_hang, init_timeout=3.0), id="root"))

        group.start_soon(boot)
        await world.advance(2.9)
        assert world.node("root/a").state == "starting"
        await world.advance(0.2)
    assert world.log.take() == []


async def test_an_unkillable_child_is_reported_fenced_and_left_behind() -> None:
    """Ours: nothing in asyncio can kill a task. After a grace it counts as dead, and its late sends are refused."""
    world = World()
    released.clear()
    results: list[object] = []

    async def cling(_actor: Worker, ctx: Ctx[Worker]) -> None:
        try:
            await _cling()
        finally:
            results.append(world.ref("root/a").tell(Say("late")))

    try:
        async with anyio.create_task_group() as group:
            root = supervisor(world.worker("a"), world.worker("b", shutdown=2.0), id="root")
            await group.start(world.run, root)
            world.ref("root/b").tell(Do(cling))
            await world.settle()
            group.start_soon(world.system.stop)
            await world.advance(2.1)
            assert world.exit is None
            await world.advance(1.1)
            assert world.exit == Shutdown()
    finally:
        released.append(True)
    assert world.system.abandoned == ("root/b#1",)
    assert world.problems() == [("unkillable", "root/b")]
    await world.settle()
    assert results == [False]
    assert world.system._kernel.tasks == ()


async def test_an_init_that_gets_through_its_cancellation_is_cleaned_up() -> None:
    """Ours: what init has opened in spite of a stop or its time limit, terminate must close."""
    world = World()

    async def insist(_actor: Worker, _ctx: Ctx[Worker]) -> None:
        try:
            await anyio.sleep_forever()
        except anyio.get_cancelled_exc_class():
            world.log.add("insists")

    async with anyio.create_task_group() as group:
        root = supervisor(world.worker("a", init=insist), id="root")
        group.start_soon(world.run, root, anyio.TASK_STATUS_IGNORED)
        await world.settle()
        await world.system.stop()
    assert world.log.take() == ["insists", "start a", "stop a"]


async def test_an_init_that_cannot_be_killed_is_left_behind() -> None:
    """Ours: an unkillable start is reported and fenced like any other unkillable child."""
    world = World()
    released.clear()
    try:
        async with anyio.create_task_group() as group:
            root = supervisor(world.worker("a"), world.worker("b", init=_cling, shutdown=None), id="root")
            group.start_soon(world.run, root, anyio.TASK_STATUS_IGNORED)
            await world.settle()
            group.start_soon(world.system.stop)
            await world.advance(1.1)
            assert world.exit == Shutdown()
            assert world.system.abandoned == ("root/b#1",)
    finally:
        released.append(True)


async def test_a_slow_terminate_is_cut_off_after_a_crash() -> None:
    """Ours: terminate is shielded from cancellation but bounded by the shutdown limit, after a crash as well."""
    world = World()
    async with world.running(world.worker("a", shutdown=2.0, terminate=_hang)):
        await world.crash("root/a")
        assert world.log.take() == ["start a"]
        await world.advance(2.1)
        assert world.log.take() == ["start a"]  # the next incarnation
        assert await world.ref("root/a").ask(Number()) == 2
        world.reports.clear()
        async with anyio.create_task_group() as group:
            group.start_soon(world.system.stop)
            await world.advance(2.1)
    assert world.problems() == [("shutdown_error", "root/a")]
