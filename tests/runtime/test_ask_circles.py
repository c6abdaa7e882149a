"""Circles of asks, which could only time out, raise at once; what is no circle does not."""

import anyio
import pytest

from caloron_actors.runtime import AskCycle, Ctx
from tests.runtime.conftest import Compute, Do, Number, Say, Worker, World


async def test_asking_oneself_raises_at_once() -> None:
    """OTP: calling_self."""
    world = World()

    async def ask_me(_actor: Worker, ctx: Ctx[Worker]) -> str:
        with pytest.raises(AskCycle):
            await ctx.me.ask(Number(), timeout=None)
        return "noticed"

    async with world.running(world.worker("a")):
        assert await world.ref("root/a").ask(Compute(ask_me)) == "noticed"


async def test_a_circle_of_asks_raises_at_once_and_a_chain_does_not() -> None:
    """Ours: A asks B asks C asks A could only time out, so the last ask raises; B and C may ask each other in a row."""
    world = World()

    def relay(*path: str) -> Compute:
        async def ask_on(_actor: Worker, _ctx: Ctx[Worker]) -> object:
            if not path:
                return "end"
            try:
                return await world.ref(path[0]).ask(relay(*path[1:]), timeout=None)
            except AskCycle:
                return f"circle at {path[0]}"

        return Compute(ask_on)

    async with world.running(*(world.worker(name) for name in "abc")):
        a = world.ref("root/a")
        assert await a.ask(relay("root/b", "root/c"), timeout=None) == "end"
        assert await a.ask(relay("root/b", "root/c", "root/a"), timeout=None) == "circle at root/a"
        assert await a.ask(relay("root/b", "root/c", "root/b"), timeout=None) == "circle at root/b"
        assert await a.ask(relay("root/b"), timeout=None) == "end"


async def test_two_that_ask_each_other_from_separate_messages_are_a_circle_too() -> None:
    """Ours: what counts is who waits for whom now, not whether one message led to the other."""
    world = World()
    gate = anyio.Event()
    got: list[str] = []

    def ask(other: str) -> Do:
        async def work(_actor: Worker, _ctx: Ctx[Worker]) -> None:
            await gate.wait()
            try:
                await world.ref(other).ask(Number(), timeout=None)
                got.append("reply")
            except AskCycle:
                got.append("circle")

        return Do(work)

    async with world.running(world.worker("a"), world.worker("b")):
        world.ref("root/a").tell(ask("root/b"))
        world.ref("root/b").tell(ask("root/a"))
        await world.settle()
        gate.set()
        await world.settle()
        assert sorted(got) == ["circle", "reply"]


async def test_a_side_task_may_ask_its_own_actor() -> None:
    """Ours: a side task does not hold the mailbox, so its asks are no part of a circle."""
    world = World()

    async def aside(_actor: Worker, ctx: Ctx[Worker]) -> None:
        async def work() -> int:
            return await ctx.me.ask(Number())

        ctx.spawn(work, lambda result: Say(f"got {result}"))

    async with world.running(world.worker("a")):
        world.ref("root/a").tell(Do(aside))
        await world.settle()
        assert world.log.take() == ["start a", "got 1"]


async def test_the_end_of_an_asker_frees_the_asked() -> None:
    """Ours: who waits for whom is forgotten with the incarnation that waited."""
    world = World()
    gate = anyio.Event()

    async def ask_b(_actor: Worker, _ctx: Ctx[Worker]) -> None:
        await world.ref("root/b").ask(Compute(ask_a_later), timeout=2.0)

    async def ask_a_later(_actor: Worker, _ctx: Ctx[Worker]) -> None:
        await gate.wait()
        world.log.add(f"a is #{await world.ref('root/a').ask(Number())}")

    async with world.running(world.worker("a"), world.worker("b")):
        world.ref("root/a").tell(Do(ask_b))
        await world.advance(2.1)
        assert world.log.take() == ["start a", "start b", "stop a", "start a"]
        gate.set()
        await world.settle()
        assert world.log.take() == ["a is #2"]
