"""Factories: children that come and go by key, OTP's simple_one_for_one with the manners of a DynamicSupervisor."""

from typing import Any

import anyio
import pytest

from caloron_actors.runtime import (
    ActorGone,
    AlreadyStarted,
    AskCycle,
    Ctx,
    Exit,
    FactorySpec,
    Normal,
    StartFailed,
    factory,
)
from tests.runtime.conftest import Compute, Crash, Do, Number, Role, Say, Stop, Worker, World, refused


def _workers(**options: Any) -> FactorySpec[Role, Worker]:
    return factory(Worker, id="f", **options)


async def _fail(_actor: Worker, _ctx: Ctx[Worker]) -> None:
    raise ValueError("no")


async def test_children_start_by_key_with_their_argument() -> None:
    """OTP: start_child starts an instance with the argument given, and answers once it is up."""
    world = World()
    spec = _workers()
    async with world.running(spec):
        workers = world.factory(spec)
        assert workers.keys() == ()
        ref = await workers.start_child("a", Role("a", world.log))
        assert ref == workers.ref("a")
        assert await ref.ask(Number()) == 1
        await workers.start_child("b", Role("b", world.log))
        assert workers.keys() == ("a", "b")
        assert world.log.take() == ["start a", "start b"]


async def test_a_key_is_taken_once() -> None:
    """OTP: already_started, with the address of the one that is there."""
    world = World()
    spec = _workers()
    async with world.running(spec):
        workers = world.factory(spec)
        ref = await workers.start_child("a", Role("a", world.log))
        with pytest.raises(AlreadyStarted) as caught:
            await workers.start_child("a", Role("a", world.log))
        assert caught.value.ref == ref
        with pytest.raises(ValueError, match="slash"):
            await workers.start_child("a/b", Role("a", world.log))


async def test_a_child_that_fails_to_start_is_dropped() -> None:
    """OTP: the start error is returned and the specification discarded; it costs no restart."""
    world = World()
    spec = _workers(intensity=0)
    async with world.running(spec):
        workers = world.factory(spec)
        with pytest.raises(StartFailed, match="ValueError: no"):
            await workers.start_child("a", Role("a", world.log, init=_fail))
        assert workers.keys() == ()
        assert world.problems() == [("start_error", "root/f/a")]
        await workers.start_child("a", Role("a", world.log))
        assert await workers.ref("a").ask(Number()) == 1


async def test_slow_starts_hold_up_nobody() -> None:
    """Ours: a factory waits for no child. (OTP's answers nothing while an init runs.)"""
    world = World()
    spec = _workers(init_timeout=3.0)

    async def hang(_actor: Worker, _ctx: Ctx[Worker]) -> None:
        await anyio.sleep_forever()

    async with world.running(spec), anyio.create_task_group() as group:
        workers = world.factory(spec)

        async def start_slow() -> None:
            with pytest.raises(StartFailed, match="init took longer"):
                await workers.start_child("slow", Role("slow", world.log, init=hang))
            world.log.add("slow failed")

        group.start_soon(start_slow)
        await world.settle()
        await workers.start_child("fast", Role("fast", world.log))
        assert world.log.take() == ["start fast"]
        await world.advance(3.1)
        assert world.log.take() == ["slow failed"]


async def test_max_children_counts_all_that_are_there() -> None:
    """DynamicSupervisor: max_children, restarting ones included."""
    world = World()
    spec = _workers(max_children=1)
    async with world.running(spec):
        workers = world.factory(spec)
        await workers.start_child("a", Role("a", world.log))
        with pytest.raises(StartFailed, match="max_children"):
            await workers.start_child("b", Role("b", world.log))
        await workers.terminate_child("a")
        await workers.start_child("b", Role("b", world.log))


async def test_a_crashed_child_is_restarted_alone_with_its_argument() -> None:
    """OTP: simple_one_for_one restarts that instance with the arguments it was started with."""
    world = World()
    spec = _workers()
    async with world.running(spec):
        workers = world.factory(spec)
        for key in "ab":
            await workers.start_child(key, Role(key, world.log))
        world.log.take()
        workers.ref("a").tell(Crash())
        workers.ref("a").tell(Say("kept"))
        await world.settle()
        assert world.log.take() == ["stop a", "start a", "kept"]
        assert await workers.ref("b").ask(Number()) == 1


async def test_a_transient_child_that_has_ended_is_forgotten() -> None:
    """OTP: an instance of a simple_one_for_one that is not restarted leaves no trace."""
    world = World()
    spec = _workers()
    async with world.running(spec):
        workers = world.factory(spec)
        await workers.start_child("a", Role("a", world.log))
        workers.ref("a").tell(Stop(Normal()))
        await world.settle()
        assert workers.keys() == ()
        assert await refused(workers.ref("a"))
        await workers.start_child("a", Role("a", world.log))
        assert await workers.ref("a").ask(Number()) == 1


async def test_terminate_child_stops_it_within_its_limit_and_forgets_it() -> None:
    """OTP: terminate_child follows the shutdown rule, is fine with one that is down, and removes the instance."""
    world = World()
    spec = _workers(shutdown=2.0, restart="permanent")

    async def hang(_actor: Worker, _ctx: Ctx[Worker]) -> None:
        await anyio.sleep_forever()

    async with world.running(spec), anyio.create_task_group() as group:
        workers = world.factory(spec)
        await workers.start_child("a", Role("a", world.log))
        await workers.terminate_child("a")
        await workers.terminate_child("a")
        assert world.log.take() == ["start a", "stop a"]
        await workers.start_child("b", Role("b", world.log))
        workers.ref("b").tell(Do(hang))
        group.start_soon(workers.terminate_child, "b")
        await world.advance(2.1)
        assert workers.keys() == ()
        assert world.problems() == [("shutdown_error", "root/f/b")]


async def test_a_child_cannot_wait_for_its_own_end() -> None:
    """Ours: terminate_child out of the child's own handler could only time out."""
    world = World()
    spec = _workers()

    async def end_me(_actor: Worker, _ctx: Ctx[Worker]) -> str:
        with pytest.raises(AskCycle):
            await world.factory(spec).terminate_child("a")
        return "noticed"

    async with world.running(spec):
        ref = await world.factory(spec).start_child("a", Role("a", world.log))
        assert await ref.ask(Compute(end_me)) == "noticed"


async def test_terminate_child_cancels_a_pending_retry() -> None:
    """OTP: terminate_child of a restarting child ends the retries."""
    world = World()
    spec = _workers(intensity=3)
    gate = anyio.Event()

    async def wait_later(_actor: Worker, ctx: Ctx[Worker]) -> None:
        if ctx.incarnation > 1:
            await gate.wait()

    async with world.running(spec):
        workers = world.factory(spec)
        await workers.start_child("a", Role("a", world.log, init=wait_later))
        workers.ref("a").tell(Crash())
        await world.settle()
        assert world.node("root/f/a").state == "starting"
        await workers.terminate_child("a")
        gate.set()
        await world.settle()
        assert workers.keys() == ()
        assert world.log.take() == ["start a", "stop a"]


async def test_all_children_stop_at_once() -> None:
    """OTP: simple_one_for_one stops its children in parallel, so the whole takes as long as the slowest."""
    world = World()
    spec = _workers(shutdown=10.0)
    gate = anyio.Event()

    async def late(_reason: Exit) -> None:
        world.log.add("stopping")
        await gate.wait()

    async with world.running(spec), anyio.create_task_group() as group:
        workers = world.factory(spec)
        for key in "abc":
            await workers.start_child(key, Role(key, world.log, terminate=late))
        world.log.take()
        group.start_soon(world.system.stop)
        await world.settle()
        assert world.log.take() == ["stopping"] * 3
        gate.set()
    assert sorted(world.log.take()) == ["stop a", "stop b", "stop c"]


async def test_a_factory_that_is_not_running_says_so() -> None:
    """OTP: noproc."""
    world = World()
    spec = _workers()
    workers = world.factory(spec)
    assert workers.keys() == ()
    with pytest.raises(ActorGone):
        await workers.start_child("a", Role("a", world.log))
    async with world.running(spec):
        await workers.start_child("a", Role("a", world.log))
    with pytest.raises(ActorGone):
        await workers.terminate_child("a")


async def test_starts_are_refused_while_the_factory_stops() -> None:
    """Ours: what starts during a stop would be left behind."""
    world = World()
    spec = _workers()
    gate = anyio.Event()
    outcome: list[str] = []

    async def late(_reason: Exit) -> None:
        await gate.wait()

    async with world.running(spec), anyio.create_task_group() as group:
        workers = world.factory(spec)
        await workers.start_child("a", Role("a", world.log, terminate=late))
        group.start_soon(world.system.stop)
        await world.settle()
        with pytest.raises(StartFailed):
            await workers.start_child("b", Role("b", world.log))
        outcome.append("refused")
        gate.set()
    assert outcome == ["refused"]
