"""The kernel on event loops other than the standard one, and on one that begins tasks where they are made."""

import asyncio
from collections.abc import Callable
from datetime import timedelta

import anyio
import anyio.lowlevel
import pytest
import uvloop

from caloron_actors.runtime import Ctx
from tests.runtime.conftest import Compute, Crash, Do, Number, Say, Worker, World

MakeLoop = Callable[[], asyncio.AbstractEventLoop]


def _eager() -> asyncio.AbstractEventLoop:
    loop = asyncio.new_event_loop()
    loop.set_task_factory(getattr(asyncio, "eager_task_factory", None))  # from Python 3.12 on
    return loop


def _debugging() -> asyncio.AbstractEventLoop:
    loop = asyncio.new_event_loop()
    loop.set_debug(True)
    return loop


async def _waits(_actor: Worker, ctx: Ctx[Worker]) -> int:
    with anyio.move_on_after(0.01):
        await anyio.sleep_forever()
    async with anyio.create_task_group() as group:
        group.start_soon(anyio.lowlevel.checkpoint)
    async with asyncio.timeout(5):
        await anyio.sleep(0.001)
    return ctx.incarnation


async def _converse(world: World) -> None:
    a, b = world.ref("root/a"), world.ref("root/b")

    async def pass_on(_actor: Worker, ctx: Ctx[Worker]) -> None:
        ctx.spawn(lambda: b.ask(Compute(_waits)), lambda result: Say(f"b says {result}"))
        ctx.after(timedelta(seconds=1), Say("late"))

    async with world.running(world.worker("a"), world.worker("b"), intensity=3):
        assert a.tell(Do(pass_on))
        assert [await a.ask(Number()), await b.ask(Compute(_waits))] == [1, 1]
        await world.advance(1)
        assert a.tell(Crash())
        await world.settle()
        assert [await a.ask(Compute(_waits)) for _ in range(3)] == [2, 2, 2]
        world.log.add("end")


@pytest.mark.parametrize("make", [asyncio.new_event_loop, uvloop.new_event_loop, _eager, _debugging])
def test_a_conversation_goes_the_same_way_on_every_loop(make: MakeLoop) -> None:
    """Ours: the kernel asks no more of a loop than asyncio promises."""
    world = World()
    with asyncio.Runner(loop_factory=make) as runner:
        runner.run(_converse(world))
    said = ["start a", "start b", "b says 1", "late", "stop a", "start a", "end", "stop b", "stop a"]
    assert world.log.take() == said
