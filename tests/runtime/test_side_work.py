"""Timers and side tasks: they come back as messages, and die with the incarnation that made them."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import anyio
import anyio.lowlevel

from caloron_actors.runtime import Ctx, Timer
from caloron_actors.runtime.clock import Timers
from tests.runtime.conftest import Do, Number, Say, Worker, World

SECOND = timedelta(seconds=1)


def _after(delay: timedelta, line: str) -> Do:
    async def work(_actor: Worker, ctx: Ctx[Worker]) -> None:
        ctx.after(delay, Say(line))

    return Do(work)


def _spawn(side: Callable[[], Awaitable[object]]) -> Do:
    async def work(_actor: Worker, ctx: Ctx[Worker]) -> None:
        ctx.spawn(side, lambda result: Say(f"got {result!r}"))

    return Do(work)


async def test_a_timer_brings_its_message_when_it_is_due() -> None:
    """OTP: send_after delivers to the mailbox at its time; equal times keep the order of their setting."""
    world = World()
    async with world.running(world.worker("a")):
        world.ref("root/a").tell(_after(2 * SECOND, "second"))
        world.ref("root/a").tell(_after(SECOND, "first"))
        world.ref("root/a").tell(_after(2 * SECOND, "third"))
        await world.advance(0.9)
        assert world.log.take() == ["start a"]
        await world.advance(0.2)
        assert world.log.take() == ["first"]
        await world.advance(1.0)
        assert world.log.take() == ["second", "third"]


async def test_a_cancelled_timer_stays_silent() -> None:
    """OTP: cancel_timer."""
    world = World()
    timers: list[Timer] = []

    async def set_two(_actor: Worker, ctx: Ctx[Worker]) -> None:
        timers.append(ctx.after(SECOND, Say("never")))
        timers.append(ctx.after(SECOND, Say("this one")))

    async with world.running(world.worker("a")):
        world.ref("root/a").tell(Do(set_two))
        await world.settle()
        timers[0].cancel()
        timers[0].cancel()
        await world.advance(1.1)
        assert world.log.take() == ["start a", "this one"]
        timers[1].cancel()


async def test_timers_die_with_their_incarnation() -> None:
    """Ours: a timer never fires into a life that did not set it, not even when it was due already."""
    world = World()
    gate = anyio.Event()

    async def wait_and_crash(_actor: Worker, _ctx: Ctx[Worker]) -> None:
        await gate.wait()
        raise ValueError("boom")

    async with world.running(world.worker("a")):
        world.ref("root/a").tell(_after(SECOND, "due before the crash"))
        world.ref("root/a").tell(_after(3 * SECOND, "due after the crash"))
        world.ref("root/a").tell(Do(wait_and_crash))
        await world.advance(1.1)
        gate.set()
        await world.advance(5)
        assert world.log.take() == ["start a", "stop a", "start a"]


async def test_a_timer_does_not_outlive_a_stop() -> None:
    """Ours: nothing of a stopped tree waits for the clock."""
    world = World()
    async with world.running(world.worker("a")):
        world.ref("root/a").tell(_after(timedelta(days=1), "never"))
        await world.settle()
    assert world.clock.sleepers == 0


async def test_a_side_tasks_result_comes_back_as_a_message() -> None:
    """Akka's pipeToSelf: the mailbox goes on while the work runs, and the result waits its turn."""
    world = World()
    gate = anyio.Event()

    async def work() -> int:
        await gate.wait()
        return 42

    async with world.running(world.worker("a")):
        world.ref("root/a").tell(_spawn(work))
        assert await world.ref("root/a").ask(Number()) == 1
        gate.set()
        await world.settle()
        assert world.log.take() == ["start a", "got 42"]


async def test_a_side_tasks_failure_comes_back_as_a_value() -> None:
    """Ours: the actor decides what an exception of its side work means."""
    world = World()

    async def work() -> int:
        raise ValueError("no luck")

    async with world.running(world.worker("a")):
        world.ref("root/a").tell(_spawn(work))
        await world.settle()
        assert world.log.take() == ["start a", "got ValueError('no luck')"]


async def test_a_cancellation_that_is_not_the_side_tasks_own_comes_back_as_a_failure() -> None:
    """Ours: it waited for something that somebody else has cancelled, and the actor waits for its result."""
    world = World()

    async def work() -> None:
        gone: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        gone.cancel("taken back")
        await gone

    async with world.running(world.worker("a")):
        world.ref("root/a").tell(_spawn(work))
        await world.settle()
        failure = "a side task waited for something that was cancelled: taken back"
        assert world.log.take() == ["start a", f"got RuntimeError({failure!r})"]


async def test_a_result_that_nobody_wants_is_dropped() -> None:
    """Ours: `then` may give None."""
    world = World()

    async def work() -> int:
        return 42

    async def spawn(_actor: Worker, ctx: Ctx[Worker]) -> None:
        ctx.spawn(work, lambda _result: None)

    async with world.running(world.worker("a")):
        world.ref("root/a").tell(Do(spawn))
        await world.settle()
        assert world.log.take() == ["start a"]


async def test_a_broken_then_crashes_the_actor() -> None:
    """Ours: it is the actor's own code, so its failure is the actor's."""
    world = World()

    def broken(_result: object) -> Say:
        raise KeyError("then")

    async def work() -> int:
        return 42

    async def spawn(_actor: Worker, ctx: Ctx[Worker]) -> None:
        ctx.spawn(work, broken)

    async with world.running(world.worker("a")):
        world.ref("root/a").tell(Do(spawn))
        await world.settle()
        assert world.log.take() == ["start a", "stop a", "start a"]


async def test_side_tasks_are_cancelled_before_terminate_and_never_reach_the_next_life() -> None:
    """Ours: side work belongs to its incarnation; it has ended before terminate closes what it may use."""
    world = World()

    async def work() -> None:
        try:
            await anyio.sleep_forever()
        finally:
            world.log.add("side task ends")

    async with world.running(world.worker("a")):
        world.ref("root/a").tell(_spawn(work))
        await world.settle()
        await world.crash("root/a")
        assert world.log.take() == ["start a", "side task ends", "stop a", "start a"]


async def test_a_side_task_of_init_dies_with_a_failed_init() -> None:
    """Ours: a failed start leaves nothing behind."""
    world = World()

    async def work() -> None:
        try:
            await anyio.sleep_forever()
        finally:
            world.log.add("side task ends")

    async def init(_actor: Worker, ctx: Ctx[Worker]) -> None:
        if ctx.incarnation == 1:
            return
        ctx.spawn(work, lambda _result: None)
        await anyio.lowlevel.checkpoint()
        raise ValueError("no")

    async with world.running(world.worker("a", init=init), intensity=2):
        await world.crash("root/a")
    assert world.log.take() == ["start a", "stop a", "side task ends", "side task ends"]


async def test_an_unkillable_side_task_holds_up_its_actor_for_the_grace_only() -> None:
    """Ours: what will not go is reported and left behind."""
    world = World()
    released: list[bool] = []

    async def cling() -> None:
        while not released:
            try:
                await anyio.sleep_forever()
            except BaseException:
                if released:
                    raise

    try:
        async with world.running(world.worker("a")):
            world.ref("root/a").tell(_spawn(cling))
            await world.settle()
            await world.crash("root/a")
            assert world.log.take() == ["start a"]
            await world.advance(1.1)
            assert world.log.take() == ["stop a", "start a"]
            assert world.system.abandoned == ("root/a#1.1",)
            released.append(True)
            await world.settle()
    finally:
        released.append(True)


async def test_many_cancelled_timers_are_swept_out() -> None:
    """Ours: an ask's deadline is a timer, so cancelled ones must not pile up until they would have been due."""
    world = World()
    timers = Timers(world.clock)
    for _ in range(10_000):
        timers.after(5.0, lambda: None).cancel()
    assert len(timers._heap) < 3_000
