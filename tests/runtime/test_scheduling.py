"""Who runs when: handlers keep their task, contexts stay apart, and nobody waits for a handler that waits."""

import asyncio
from contextvars import ContextVar

import anyio
import anyio.lowlevel
import pytest

from caloron_actors.runtime import AlreadyStarted, Ctx, Ref, StartFailed, factory
from caloron_actors.runtime.scheduler import IDLE_DRIVERS
from tests.runtime.conftest import Compute, Crash, Do, Number, Role, Say, Worker, World

COLOUR: ContextVar[str] = ContextVar("COLOUR", default="none")


async def test_a_handler_stays_in_one_task_from_its_first_line_to_its_last() -> None:
    """Ours: scopes, time limits and current_task() are legal on both sides of every await."""
    world = World()
    gate = anyio.Event()

    async def wait(_actor: Worker, _ctx: Ctx[Worker]) -> bool:
        before = asyncio.current_task()
        with anyio.CancelScope() as scope:
            await gate.wait()
            await anyio.lowlevel.checkpoint()
            scope.cancel()
            await anyio.sleep_forever()
        return scope.cancelled_caught and asyncio.current_task() is before

    async with world.running(world.worker("a"), world.worker("b")), anyio.create_task_group() as group:
        got: list[object] = []

        async def ask() -> None:
            got.append(await world.ref("root/a").ask(Compute(wait), timeout=None))

        group.start_soon(ask)
        await world.settle()
        assert await world.ref("root/b").ask(Number()) == 1
        gate.set()
        await world.settle()
        assert got == [True]


async def test_handlers_that_wait_hold_up_nobody() -> None:
    """Ours: however many handlers wait, there is a task for the next actor; afterwards only a few are kept."""
    world = World()
    gate = anyio.Event()
    number = 2 * IDLE_DRIVERS
    spec = factory(Worker, id="f")

    async def wait(_actor: Worker, _ctx: Ctx[Worker]) -> None:
        await gate.wait()

    async with world.running(spec, world.worker("b")):
        for key in range(number):
            ref = await world.factory(spec).start_child(str(key), Role(str(key), world.log))
            ref.tell(Do(wait))
        await world.settle()
        assert await world.ref("root/b").ask(Number()) == 1
        assert world.system.counters().tasks > number
        gate.set()
        await world.settle()
        assert world.system.counters().tasks <= IDLE_DRIVERS + 5


async def test_those_behind_a_handler_that_waits_are_seen_to_at_once() -> None:
    """Ours: the queue goes to another driver when it is not empty, not only with the next message."""
    world = World()
    gate = anyio.Event()

    async def wait(_actor: Worker, _ctx: Ctx[Worker]) -> None:
        await gate.wait()

    async with world.running(world.worker("a"), world.worker("b")):
        world.ref("root/a").tell(Do(wait))
        world.ref("root/b").tell(Say("behind"))
        await world.settle()
        assert "behind" in world.log.take()
        gate.set()


async def test_who_is_told_by_a_handler_while_it_is_killed_is_not_cancelled_with_it() -> None:
    """OTP: a kill ends one process. Ours: the task that was cancelled runs nobody else."""
    world = World()
    gate = anyio.Event()

    async def wait(actor: Worker, _ctx: Ctx[Worker]) -> None:
        await gate.wait()
        world.log.add(f"{actor.role.name} went on")

    async def pass_on_when_killed(_actor: Worker, _ctx: Ctx[Worker]) -> None:
        try:
            await anyio.sleep_forever()
        finally:
            world.ref("root/b").tell(Do(wait))

    async with world.running(world.worker("a", shutdown="kill"), world.worker("b")):
        world.ref("root/a").tell(Do(pass_on_when_killed))
        await world.settle()
        await world.system.supervisor("root").terminate_child("a")
        await world.settle()
        gate.set()
        await world.settle()
        assert world.log.take()[-1] == "b went on"
        assert await world.ref("root/b").ask(Number()) == 1


async def test_when_the_loop_is_closing_nothing_is_begun_any_more() -> None:
    """Ours: a loop that closes cancels every task; what was in the queue then stays there."""
    world = World()

    async def cancel_all(_actor: Worker, _ctx: Ctx[Worker]) -> None:
        for task in world.system._kernel._tasks:
            task.cancel()
        await anyio.lowlevel.checkpoint()

    async def work_beside(_actor: Worker, ctx: Ctx[Worker]) -> None:
        world.log.add("begun")
        ctx.spawn(anyio.sleep_forever, lambda _: None)

    async with world.running(world.worker("a"), world.worker("b")):
        world.log.take()
        world.ref("root/a").tell(Do(cancel_all))
        world.ref("root/b").tell(Do(work_beside))
        await world.settle()
        assert world.log.take() == []
        assert world.system.counters().tasks == 0


async def test_contexts_of_actors_stay_apart_and_last_from_message_to_message() -> None:
    """Ours: what one actor sets is there for its next message and for nobody else, whoever runs them."""
    world = World()

    async def paint(actor: Worker, _ctx: Ctx[Worker]) -> None:
        COLOUR.set(actor.role.name)
        await anyio.lowlevel.checkpoint()

    async def look(_actor: Worker, _ctx: Ctx[Worker]) -> str:
        return COLOUR.get()

    async with world.running(*(world.worker(name) for name in "abc")):
        for name in "ab":
            world.ref(f"root/{name}").tell(Do(paint))
        await world.settle()
        assert [await world.ref(f"root/{name}").ask(Compute(look)) for name in "abc"] == ["a", "b", "none"]


async def test_a_handler_that_cancels_its_own_task_harms_itself_at_most() -> None:
    """Ours: a task that has been cancelled from inside runs no other actor."""
    world = World()

    async def cancel_later(_actor: Worker, _ctx: Ctx[Worker]) -> None:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()

    async def wait(_actor: Worker, _ctx: Ctx[Worker]) -> str:
        await anyio.lowlevel.checkpoint()
        return "fine"

    async with world.running(world.worker("a"), world.worker("b")):
        for _ in range(3):
            world.ref("root/a").tell(Do(cancel_later))
            await world.settle()
            assert await world.ref("root/b").ask(Compute(wait)) == "fine"


async def test_messages_of_one_sender_keep_their_order_when_some_of_them_wait() -> None:
    """OTP: between a pair of processes messages keep their order; one at a time is handled."""
    world = World()

    async def wait(actor: Worker, ctx: Ctx[Worker]) -> None:
        world.log.add("in")
        await anyio.lowlevel.checkpoint()
        world.log.add("out")

    async with world.running(world.worker("a")):
        world.log.take()
        for number in range(100):
            world.ref("root/a").tell(Say(str(number)))
            world.ref("root/a").tell(Do(wait))
        await world.settle()
        await world.settle()
        lines = world.log.take()
        assert lines == [line for number in range(100) for line in (str(number), "in", "out")]


async def test_a_terminate_that_cannot_be_killed_after_a_crash_is_left_behind() -> None:
    """Ours: the limit of terminate holds after a crash too, when nobody has asked for the end."""
    world = World()
    let_go: list[bool] = []

    async def cling(_reason: object) -> None:
        while not let_go:
            try:
                await anyio.sleep_forever()
            except BaseException:
                if let_go:
                    raise

    async with world.running(world.worker("a", terminate=cling, shutdown=2.0), intensity=5):
        world.ref("root/a").tell(Crash())
        await world.advance(2.1)
        await world.advance(1.1)
        assert await world.ref("root/a").ask(Number()) == 2
        let_go.append(True)
        await world.settle()
    assert world.system.abandoned == ("root/a#1",)


async def test_a_storm_of_crashes_delays_nobody_for_long() -> None:
    """Ours: starts and ends take turns with messages, so an actor is answered in the midst of a storm."""
    world = World()
    spec = factory(Worker, id="f", restart="permanent", intensity=1000, period=1.0)
    async with world.running(spec, world.worker("b")):
        keys = [str(number) for number in range(300)]
        await world.factory(spec).start_children({key: Role(key, world.log) for key in keys})
        for key in keys:
            world.factory(spec).ref(key).tell(Crash())
        assert await world.ref("root/b").ask(Number()) == 1
        assert world.node("root/f").restarts < 300
        await world.settle()
        assert world.node("root/f").restarts == 300


async def test_many_children_are_started_beside_each_other() -> None:
    """Ours: what became of each is a value; one that fails harms none."""
    world = World()
    spec = factory(Worker, id="f", max_children=3)

    async def fail(_actor: Worker, _ctx: Ctx[Worker]) -> None:
        raise ValueError("no")

    async with world.running(spec):
        roles = {key: Role(key, world.log, init=fail if key == "b" else None) for key in "abcd"}
        first = await world.factory(spec).start_children(roles)
        assert [type(first[key]) for key in "abcd"] == [Ref, StartFailed, Ref, StartFailed]
        second = await world.factory(spec).start_children({"a": Role("a", world.log)})
        assert isinstance(second["a"], AlreadyStarted)
        assert world.factory(spec).keys() == ("a", "c")
        with pytest.raises(ValueError, match="slash"):
            await world.factory(spec).start_children({"a/b": Role("a", world.log)})


async def test_a_down_reaches_a_watcher_whose_handler_waits() -> None:
    """OTP: DOWN is a message like any other, behind what the dead has sent."""
    world = World()
    gate = anyio.Event()

    async def watch_and_wait(_actor: Worker, ctx: Ctx[Worker]) -> None:
        ctx.monitor(world.ref("root/b"))
        await gate.wait()

    async def tell_and_crash(_actor: Worker, _ctx: Ctx[Worker]) -> None:
        world.ref("root/a").tell(Say("last words"))
        raise ValueError("boom")

    async with world.running(world.worker("a"), world.worker("b")):
        world.ref("root/a").tell(Do(watch_and_wait))
        await world.settle()
        world.ref("root/b").tell(Do(tell_and_crash))
        await world.settle()
        gate.set()
        await world.settle()
        assert world.log.take()[-2:] == ["last words", "a sees root/b Crashed #1"]
