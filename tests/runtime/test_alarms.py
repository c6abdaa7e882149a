"""What is wrong without having ended: frozen handlers, a loop that stands still, and what nothing can kill."""

import asyncio
import subprocess
import sys
import threading

import anyio

from caloron_actors.runtime import AlarmPolicy, Ctx, Frozen, LoopStalled, System
from caloron_actors.runtime.alarms import Alarm, LoopWatch
from tests.runtime.conftest import Do, Say, Worker, World


def _world(alarms: list[Alarm]) -> World:
    world = World()
    policy = AlarmPolicy(alarms.append, frozen_after=10.0, stall_after=None)
    world.system = System(clock=world.clock, observer=world, alarms=policy)
    return world


async def test_a_handler_that_takes_too_long_is_reported_once_with_its_stack() -> None:
    """Ours (quickwit): a message in work for longer than the limit is told of; its actor goes on."""
    alarms: list[Alarm] = []
    world = _world(alarms)
    gate = anyio.Event()

    async def wait_here(_actor: Worker, _ctx: Ctx[Worker]) -> None:
        await gate.wait()

    async with world.running(world.worker("a"), world.worker("b")):
        msg = Do(wait_here)
        world.ref("root/a").tell(msg)
        for _ in range(4):
            await world.advance(2.5)
        assert alarms == []
        for _ in range(8):
            await world.advance(2.5)
        (frozen,) = alarms
        assert isinstance(frozen, Frozen)
        assert (frozen.path, frozen.incarnation, frozen.message) == ("root/a", 1, msg)
        assert 10.0 <= frozen.seconds <= 12.5
        assert "in wait_here" in frozen.stack
        gate.set()
        world.ref("root/a").tell(Say("goes on"))
        await world.settle()
        assert world.log.take()[-1] == "goes on"


async def test_many_short_messages_are_not_one_long_one() -> None:
    """Ours: it is the time with one message that counts, not how busy an actor is."""
    alarms: list[Alarm] = []
    world = _world(alarms)

    async def wait(_actor: Worker, _ctx: Ctx[Worker]) -> None:
        await world.clock.sleep(4.0)

    async with world.running(world.worker("a")):
        for _ in range(10):
            world.ref("root/a").tell(Do(wait))
        for _ in range(16):
            await world.advance(2.5)
        assert alarms == []
        for _ in range(3):
            await world.advance(4.1)
        assert world.node("root/a").handled == 10


async def test_a_handler_may_say_that_it_takes_its_time() -> None:
    """Ours (quickwit's protect_zone): within `unhurried` nothing is frozen; the time before and after counts anew."""
    alarms: list[Alarm] = []
    world = _world(alarms)
    first, second = anyio.Event(), anyio.Event()

    async def work(_actor: Worker, ctx: Ctx[Worker]) -> None:
        with ctx.unhurried():
            await first.wait()
        await second.wait()

    async with world.running(world.worker("a")):
        world.ref("root/a").tell(Do(work))
        for _ in range(20):
            await world.advance(2.5)
        assert alarms == []
        first.set()
        for _ in range(6):
            await world.advance(2.5)
        assert len(alarms) == 1
        second.set()


async def test_a_loop_that_stands_still_is_told_of_at_once_and_from_outside() -> None:
    """Ours: the alarm comes from a thread while the loop still hangs, with the stack of what blocks it."""
    told = threading.Event()
    alarms: list[LoopStalled] = []

    def alarm(stalled: LoopStalled) -> None:
        alarms.append(stalled)
        told.set()

    def block_the_loop() -> bool:
        return told.wait(30.0)

    world = World()
    policy = AlarmPolicy(lambda _alarm: None, frozen_after=None, stall_after=None)
    world.system = System(clock=world.clock, observer=world, alarms=policy)
    watch = LoopWatch(0.05, alarm)
    async with world.running(world.worker("a")):
        watch.start(asyncio.get_running_loop())
        try:

            async def block(_actor: Worker, _ctx: Ctx[Worker]) -> None:
                assert block_the_loop()

            world.ref("root/a").tell(Do(block))
            await world.settle()
        finally:
            watch.stop()
    assert any("in block_the_loop" in stalled.stack for stalled in alarms)


async def test_the_watch_leaves_no_thread() -> None:
    """Ours: the watch ends with the system."""
    world = World()
    policy = AlarmPolicy(lambda _alarm: None, frozen_after=5.0, stall_after=5.0)
    world.system = System(clock=world.clock, observer=world, alarms=policy)
    async with world.running(world.worker("a")):
        assert "loop watch" in {thread.name for thread in threading.enumerate()}
    assert "loop watch" not in {thread.name for thread in threading.enumerate()}
    assert world.clock.sleepers == 0


CLINGS = """
import anyio
from caloron_actors.adapters.system import SystemClock
from caloron_actors.runtime import Actor, System, child, supervisor

class Quiet:
    def report(self, report):
        print(type(report).__name__, getattr(report, "context", ""))

class Clings(Actor[None, None]):
    async def init(self, ctx, arg, restored):
        while True:
            try:
                await anyio.sleep_forever()
            except BaseException:
                pass

async def main():
    root = supervisor(child(Clings, None, id="a", init_timeout=0.1), id="root")
    await System(clock=SystemClock(), observer=Quiet(), on_unkillable="exit").run(root)

anyio.run(main)
"""


def test_by_policy_the_process_ends_with_a_code_of_its_own() -> None:
    """Ours: asyncio would wait for the unkillable task for good; the policy ends the process after an orderly stop."""
    done = subprocess.run(
        [sys.executable, "-c", CLINGS], check=False, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 70, done.stderr
    assert "Stopped" in done.stdout
