"""Asks that find the actor idle and nobody else to be run: handled in the asker's stack, but by a driver's task."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import anyio.lowlevel
import pytest

from caloron_actors.runtime import ActorGone, Crashed, CrashReport, Ctx
from tests.runtime.conftest import Compute, Do, Number, Say, Worker, World


@asynccontextmanager
async def idle(world: World) -> AsyncIterator[None]:
    """Two workers that have nothing to do, and two drivers that have nothing to do either."""
    gate = anyio.Event()

    async def wait(_actor: Worker, _ctx: Ctx[Worker]) -> None:
        await gate.wait()

    async with world.running(world.worker("a"), world.worker("b"), intensity=3):
        world.ref("root/a").tell(Do(wait))
        world.ref("root/b").tell(Do(wait))
        await world.settle()
        gate.set()
        await world.settle()
        world.log.take()
        yield


async def test_an_idle_actor_replies_without_a_turn_of_the_loop() -> None:
    """Ours: a loop turn is the price of a wake-up; here nobody has to be woken."""
    world = World()
    async with idle(world):
        asking = world.ref("root/a").ask(Number())
        with pytest.raises(StopIteration) as reply:
            asking.send(None)
        assert reply.value.value == 1


async def test_the_handler_runs_in_a_task_that_is_not_the_askers() -> None:
    """Ours: its scopes and time limits are its own, and it keeps its task when it waits."""
    world = World()
    seen: list[object] = []

    async def look(_actor: Worker, _ctx: Ctx[Worker]) -> str:
        seen.append(asyncio.current_task())
        with anyio.CancelScope() as scope:
            await anyio.lowlevel.checkpoint()
            seen.append(asyncio.current_task())
            scope.cancel()
            await anyio.sleep_forever()
        seen.append(asyncio.current_task())
        return "done"

    async with idle(world):
        asker = asyncio.current_task()
        assert await world.ref("root/a").ask(Compute(look)) == "done"
        assert asyncio.current_task() is asker
        assert len(set(seen)) == 1
        assert asker not in seen


async def test_an_asker_without_rest_leaves_the_event_loop_its_turns() -> None:
    """Ours: after a slice an ask waits for its turn, as all messages do."""
    world = World()
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            await anyio.lowlevel.checkpoint()
            turns += 1

    async with idle(world), anyio.create_task_group() as group:
        group.start_soon(count)
        for _ in range(2000):
            await world.ref("root/a").ask(Number())
        group.cancel_scope.cancel()
    assert turns >= 5


async def test_what_the_handler_sends_is_seen_to() -> None:
    """Ours: the rest of what an ask has caused is for a driver."""
    world = World()

    async def pass_on(_actor: Worker, _ctx: Ctx[Worker]) -> int:
        world.ref("root/b").tell(Say("passed on"))
        return 7

    async with idle(world):
        assert await world.ref("root/a").ask(Compute(pass_on)) == 7
        await world.settle()
        assert world.log.take() == ["passed on"]


async def test_a_crash_is_the_actors_alone() -> None:
    """OTP: the asker hears that the asked has gone. Ours: and of nothing that was raised."""
    world = World()

    async def cancel_and_wait(_actor: Worker, _ctx: Ctx[Worker]) -> None:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        gone: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        gone.cancel()
        await gone

    async with idle(world):
        with pytest.raises(ActorGone):
            await world.ref("root/a").ask(Compute(cancel_and_wait))
        await world.settle()
        assert await world.ref("root/a").ask(Number()) == 2


@pytest.mark.parametrize("closing", [True, False])
async def test_an_end_before_the_driver_knows_of_the_handler_reaches_the_handler(closing: bool) -> None:
    """Ours: a handler that waits is cancelled by a kill and by a closing loop, from its first wait on."""
    world = World()

    async def wait(_actor: Worker, _ctx: Ctx[Worker]) -> None:
        try:
            await anyio.sleep_forever()
        finally:
            world.log.add("cancelled")

    async with idle(world):
        asking = world.ref("root/a").ask(Compute(wait), timeout=None)
        asking.send(None)  # it waits now, and its driver has not had its turn yet
        root = world.system._root
        assert root is not None
        if closing:
            for task in world.system._kernel._tasks:
                task.cancel()
        else:
            running = world.system._kernel.supervisors["root"].children[0].running
            assert running is not None
            running.kill()
        await world.settle()
        assert world.log.take()[0] == "cancelled"
        with pytest.raises(ActorGone):
            asking.send(None)


async def test_messages_before_the_ask_are_handled_before_it() -> None:
    """OTP: a call takes its place in the queue."""
    world = World()
    async with idle(world):
        world.ref("root/a").tell(Say("first"))
        world.ref("root/b").tell(Say("second"))
        await world.ref("root/b").ask(Number())
        world.log.add("reply")
        assert world.log.take() == ["first", "second", "reply"]


async def test_an_ask_takes_its_turn_when_others_are_to_be_run() -> None:
    """Ours: those who have been told something before come first, whoever they are."""
    world = World()
    async with idle(world):
        world.ref("root/a").tell(Say("first"))
        await world.ref("root/b").ask(Number())
        assert world.log.take() == ["first"]


async def test_a_handler_that_waits_is_not_begun_a_second_time() -> None:
    """OTP: one message at a time."""
    world = World()
    gate = anyio.Event()

    async def wait(_actor: Worker, _ctx: Ctx[Worker]) -> None:
        world.log.add("in")
        await gate.wait()
        world.log.add("out")

    async with idle(world), anyio.create_task_group() as group:
        group.start_soon(world.ref("root/a").ask, Compute(wait))
        await world.settle()
        world.ref("root/a").tell(Do(wait))
        group.start_soon(world.ref("root/a").ask, Compute(wait))
        await world.settle()
        assert world.log.take() == ["in"]
        gate.set()
        await world.settle()
        assert world.log.take() == ["out", "in", "out", "in", "out"]


async def test_a_future_that_the_handler_waits_for_is_free_for_others() -> None:
    """Ours: others may begin to wait for the same future before the handler's driver has its turn."""
    world = World()
    shared: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def wait(_actor: Worker, _ctx: Ctx[Worker]) -> int:
        return await shared

    async def ask(name: str) -> None:
        reply = await world.ref(name).ask(Compute(wait))
        world.log.add(f"{name} {reply}")

    async def beside() -> None:
        world.log.add(f"beside {await shared}")

    async with idle(world), anyio.create_task_group() as group:
        for begin, arguments in ((ask, ("root/a",)), (beside, ()), (ask, ("root/b",))):
            group.start_soon(begin, *arguments)
        await world.settle()
        shared.set_result(7)
        await world.settle()
        assert sorted(world.log.take()) == ["beside 7", "root/a 7", "root/b 7"]


async def test_an_asker_that_is_cancelled_by_what_it_asks_hears_of_it_in_its_scope() -> None:
    """Ours: the cancellation of a scope never reaches what comes after the scope."""
    world = World()
    went_on = False
    async with idle(world):
        with anyio.CancelScope() as scope:

            async def cut(_actor: Worker, _ctx: Ctx[Worker]) -> None:
                scope.cancel()

            await world.ref("root/a").ask(Compute(cut))
        assert scope.cancelled_caught
        await anyio.lowlevel.checkpoint()
        went_on = True
    assert went_on


async def test_what_the_asker_is_about_to_raise_is_not_the_actors() -> None:
    """OTP: processes share nothing. Ours: nor does a crash have the asker's exception for its context."""
    world = World()

    async def crash(_actor: Worker, _ctx: Ctx[Worker]) -> None:
        raise ValueError("the actor's")

    async with idle(world):
        try:
            raise KeyError("the asker's")
        except KeyError:
            with pytest.raises(ActorGone) as gone:
                await world.ref("root/a").ask(Compute(crash))
        assert isinstance(gone.value.reason, Crashed)
        crashes = [report.reason for report in world.reports if isinstance(report, CrashReport)]
        assert [isinstance(crash, Crashed) and "KeyError" in crash.traceback for crash in crashes] == [False]
