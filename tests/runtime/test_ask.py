"""Asking: replies, deadlines, the death of the asked, and circles."""

import asyncio

import anyio
import pytest

from caloron_actors.runtime import ActorGone, AskTimeout, Crashed, Ctx, Exit, MailboxFull, Shutdown
from tests.runtime.conftest import Compute, Do, Number, Say, Worker, World, refused


async def _forty_two(_actor: Worker, _ctx: Ctx[Worker]) -> int:
    return 42


async def _hang(_actor: Worker, _ctx: Ctx[Worker]) -> None:
    await anyio.sleep_forever()


async def test_an_ask_gives_the_reply() -> None:
    """OTP: call waits for the reply of the same server."""
    world = World()
    async with world.running(world.worker("a")):
        assert await world.ref("root/a").ask(Compute(_forty_two)) == 42


async def test_a_deadline_is_the_askers_alone_and_a_late_reply_is_dropped() -> None:
    """OTP: a timed-out call exits the caller; the server is not told, does the work, and its late reply vanishes."""
    world = World()
    gate = anyio.Event()

    async def wait(_actor: Worker, _ctx: Ctx[Worker]) -> str:
        await gate.wait()
        world.log.add("worked")
        return "late"

    async with world.running(world.worker("a")), anyio.create_task_group() as group:

        async def ask() -> None:
            with pytest.raises(AskTimeout, match="within 2"):
                await world.ref("root/a").ask(Compute(wait), timeout=2.0)
            world.log.add("timed out")

        group.start_soon(ask)
        await world.advance(1.9)
        assert world.log.take() == ["start a"]
        await world.advance(0.2)
        assert world.log.take() == ["timed out"]
        gate.set()
        await world.settle()
        assert world.log.take() == ["worked"]
        assert await world.ref("root/a").ask(Compute(_forty_two)) == 42


async def test_the_default_deadline_is_five_seconds_and_none_is_without_limit() -> None:
    """OTP: 5000 ms by default, infinity on request."""
    world = World()
    gate = anyio.Event()
    got: list[object] = []

    async def wait(_actor: Worker, _ctx: Ctx[Worker]) -> None:
        await gate.wait()

    async def ask(timeout: float | None) -> None:
        got.append(await world.ref("root/a").ask(Compute(wait), timeout=timeout))

    async def ask_by_default() -> None:
        with pytest.raises(AskTimeout):
            await world.ref("root/a").ask(Compute(wait))
        got.append("timeout")

    async with world.running(world.worker("a")), anyio.create_task_group() as group:
        group.start_soon(ask, None)
        group.start_soon(ask_by_default)
        await world.advance(5.1)
        assert got == ["timeout"]
        await world.advance(1_000_000)
        gate.set()
        await world.settle()
        assert got == ["timeout", None]


async def test_asking_where_nobody_is_fails_at_once() -> None:
    """OTP: noproc."""
    world = World()
    assert await refused(world.ref("root/nobody"))
    async with world.running(world.worker("a")):
        assert await refused(world.ref("root/nobody"))
    assert await refused(world.ref("root/a"))


async def test_a_crash_fails_the_ask_in_work_and_those_in_the_queue() -> None:
    """OTP: the caller's monitor fires when the server dies meanwhile, whether the call was being served or queued."""
    world = World()
    reasons: list[Exit] = []

    async def fail(_actor: Worker, _ctx: Ctx[Worker]) -> None:
        raise ValueError("boom")

    async def ask(msg: Compute) -> None:
        with pytest.raises(ActorGone) as caught:
            await world.ref("root/a").ask(msg, timeout=None)
        reasons.append(caught.value.reason)

    async with world.running(world.worker("a")), anyio.create_task_group() as group:
        group.start_soon(ask, Compute(fail))
        group.start_soon(ask, Compute(_forty_two))
        await world.settle()
        assert [isinstance(reason, Crashed) for reason in reasons] == [True, True]
        assert await world.ref("root/a").ask(Number()) == 2


async def test_a_kill_fails_the_ask_in_work() -> None:
    """OTP: killed is a death like any other for the caller."""
    world = World()
    outcome: list[str] = []

    async def ask() -> None:
        with pytest.raises(ActorGone):
            await world.ref("root/a").ask(Compute(_hang), timeout=None)
        outcome.append("gone")

    async with anyio.create_task_group() as group:
        async with world.running(world.worker("a", shutdown="kill")):
            group.start_soon(ask)
            await world.settle()
        await world.settle()
        assert outcome == ["gone"]


async def test_the_reply_of_a_stopping_handler_follows_terminate() -> None:
    """OTP: with {stop, Reason, Reply, State} terminate runs first, then the reply is sent."""
    world = World()

    async def last_words(_actor: Worker, ctx: Ctx[Worker]) -> str:
        ctx.stop(Shutdown("enough"))
        return "bye"

    async with world.running(world.worker("a", restart="temporary")):
        assert await world.ref("root/a").ask(Compute(last_words)) == "bye"
        assert world.log.take() == ["start a", "stop a"]


async def test_a_cancelled_ask_leaves_the_asked_alone() -> None:
    """Ours: like a deadline, a cancellation is the asker's alone."""
    world = World()
    async with world.running(world.worker("a")):
        with anyio.CancelScope() as scope:
            async with anyio.create_task_group() as group:
                group.start_soon(world.ref("root/a").ask, Compute(_forty_two))
                scope.cancel()
        await world.settle()
        assert await world.ref("root/a").ask(Number()) == 1


async def test_a_full_mailbox_refuses_an_ask() -> None:
    """Ours: bounded mailboxes say no at once."""
    world = World()
    async with anyio.create_task_group() as group:
        async with world.running(world.worker("a", shutdown="kill")):
            ref = world.ref("root/a")
            ref.tell(Do(_hang))
            await world.settle()
            while ref.tell(Say("x")):
                pass
            with pytest.raises(MailboxFull):
                await ref.ask(Number())
        group.cancel_scope.cancel()


async def test_an_ask_queued_during_a_restart_is_served_by_the_next_incarnation() -> None:
    """Ours: the address outlives the incarnation, so what comes in between waits."""
    world = World()
    gate = anyio.Event()

    async def slow_later(_actor: Worker, ctx: Ctx[Worker]) -> None:
        if ctx.incarnation > 1:
            await gate.wait()

    async with world.running(world.worker("a", init=slow_later)), anyio.create_task_group() as group:
        await world.crash("root/a")
        got: list[int] = []

        async def ask() -> None:
            got.append(await world.ref("root/a").ask(Number()))

        group.start_soon(ask)
        await world.settle()
        gate.set()
        await world.settle()
        assert got == [2]


async def test_waiting_for_something_that_was_cancelled_elsewhere_is_a_crash() -> None:
    """Ours: a CancelledError that is not the kernel's is the handler's own failure and takes nobody along."""
    world = World()

    async def wait(_actor: Worker, _ctx: Ctx[Worker]) -> None:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        future.cancel()
        await future

    async with world.running(world.worker("a"), world.worker("b")):
        world.ref("root/a").tell(Do(wait))
        await world.settle()
        assert world.log.take() == ["start a", "start b", "stop a", "start a"]
        assert await world.ref("root/b").ask(Number()) == 1
