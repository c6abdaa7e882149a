"""OTP's calls on a supervisor: start, terminate, restart, delete, which, count and get, and what each refuses."""

import anyio
import pytest

from caloron_actors.runtime import (
    ActorGone,
    AlreadyStarted,
    AskCycle,
    Budget,
    ChildCounts,
    ChildRefused,
    Ctx,
    Exit,
    Normal,
    StartFailed,
    factory,
    supervisor,
)
from tests.runtime.conftest import Compute, Number, Role, Say, Stop, Worker, World, refused


async def _hang(*_: object) -> None:
    await anyio.sleep_forever()


async def _refuse(*_: object) -> None:
    raise ValueError("no")


async def test_a_child_added_by_request_comes_last_and_is_gone_with_its_supervisor() -> None:
    """OTP: start_child appends; when the supervisor itself restarts only the init list comes back."""
    world = World()
    inner = supervisor(world.worker("a"), id="inner", intensity=0)
    async with world.running(inner):
        handle = world.system.supervisor("root/inner")
        await handle.start_child(world.worker("b"))
        assert [node.id for node in handle.which_children()] == ["b", "a"]
        assert await world.ref("root/inner/b").ask(Number()) == 1
        await world.crash("root/inner/b")
        assert [node.id for node in handle.which_children()] == ["a"]


async def test_a_child_is_not_added_twice() -> None:
    """OTP: already_started with the pid when it runs, already_present when only its specification is there."""
    world = World()
    async with world.running(world.worker("a")):
        handle = world.system.supervisor("root")
        with pytest.raises(AlreadyStarted) as running:
            await handle.start_child(world.worker("a"))
        assert running.value.ref.path == "root/a"
        await handle.terminate_child("a")
        with pytest.raises(ChildRefused) as present:
            await handle.start_child(world.worker("a"))
        assert present.value.why == "already_present"


async def test_a_failing_start_by_request_leaves_no_specification() -> None:
    """OTP: the start error is returned and the specification discarded; the others never notice."""
    world = World()
    async with world.running(world.worker("a"), intensity=0):
        handle = world.system.supervisor("root")
        with pytest.raises(StartFailed, match="no"):
            await handle.start_child(world.worker("b", init=_refuse))
        assert handle.count_children() == ChildCounts(specs=1, active=1, supervisors=0, workers=1)
        assert world.problems() == [("start_error", "root/b")]
        assert await world.ref("root/a").ask(Number()) == 1


async def test_a_terminated_child_keeps_its_specification_and_can_be_restarted_or_deleted() -> None:
    """OTP: terminate_child keeps all but temporary ones; it is ok also when the child is already down."""
    world = World()
    async with world.running(world.worker("a"), world.worker("b"), intensity=0):
        handle = world.system.supervisor("root")
        await handle.terminate_child("a")
        await handle.terminate_child("a")
        assert world.node("root/a").state == "down"
        assert not world.ref("root/a").tell(Say("nobody"))
        await handle.restart_child("a")
        assert await world.ref("root/a").ask(Number()) == 2
        await handle.terminate_child("a")
        await handle.delete_child("a")
        assert [node.id for node in world.system.tree().children] == ["b"]
        assert world.exit is None


async def test_a_terminated_temporary_child_is_forgotten() -> None:
    """OTP: the specification of a temporary child goes with it."""
    world = World()
    async with world.running(world.worker("a", restart="temporary")):
        handle = world.system.supervisor("root")
        await handle.terminate_child("a")
        with pytest.raises(ChildRefused) as caught:
            handle.get_childspec("a")
        assert caught.value.why == "not_found"


async def test_running_children_are_neither_restarted_nor_deleted() -> None:
    """OTP: restart_child and delete_child answer running."""
    world = World()
    async with world.running(world.worker("a")):
        handle = world.system.supervisor("root")
        for call in (handle.restart_child, handle.delete_child):
            with pytest.raises(ChildRefused) as caught:
                await call("a")
            assert caught.value.why == "running"
        for call in (handle.restart_child, handle.delete_child, handle.terminate_child):
            with pytest.raises(ChildRefused) as caught:
                await call("nobody")
            assert caught.value.why == "not_found"


async def test_a_failing_restart_by_request_keeps_the_specification() -> None:
    """OTP: restart_child returns the start error, the child stays down and counts for no intensity."""
    world = World()

    async def only_first(_actor: Worker, ctx: Ctx[Worker]) -> None:
        if ctx.incarnation == 2:
            raise ValueError("no")

    async with world.running(world.worker("a", init=only_first), intensity=0):
        handle = world.system.supervisor("root")
        await handle.terminate_child("a")
        with pytest.raises(StartFailed):
            await handle.restart_child("a")
        assert world.node("root/a").state == "down"
        assert await refused(world.ref("root/a"))
        await handle.restart_child("a")
        assert await world.ref("root/a").ask(Number()) == 3


async def test_terminated_siblings_come_back_with_their_group() -> None:
    """OTP: one_for_all starts every child again, also those that were terminated by request."""
    world = World()
    async with world.running(*(world.worker(name) for name in "abcd"), strategy="one_for_all"):
        handle = world.system.supervisor("root")
        await handle.terminate_child("b")
        await handle.terminate_child("d")
        world.log.take()
        await world.crash("root/a")
        assert [line for line in world.log.take() if line.startswith("start")] == [
            f"start {name}" for name in "abcd"
        ]


async def test_terminating_a_child_cancels_its_restart() -> None:
    """OTP: a child in state restarting that is terminated is not tried again; ours cuts off a hanging init as well."""
    world = World()

    async def hang_later(_actor: Worker, ctx: Ctx[Worker]) -> None:
        if ctx.incarnation > 1:
            await anyio.sleep_forever()

    async with world.running(world.worker("a", init=hang_later), intensity=5):
        await world.crash("root/a")
        handle = world.system.supervisor("root")
        await handle.terminate_child("a")
        await world.settle()
        assert (world.node("root/a").state, world.node("root/a").incarnation) == ("down", 2)
        assert world.node("root").restarts == 1


async def test_a_supervisor_can_be_looked_at_while_a_child_starts() -> None:
    """Ours: OTP's supervisor answers nothing during a child's init; here the records answer."""
    world = World()
    async with world.running(world.worker("a")), anyio.create_task_group() as group:
        handle = world.system.supervisor("root")
        group.start_soon(_start_and_fail, handle.start_child, world.worker("b", init=_hang))
        await world.settle()
        assert [(node.id, node.state) for node in handle.which_children()] == [
            ("b", "starting"),
            ("a", "running"),
        ]
        await handle.terminate_child("b")
        assert handle.count_children() == ChildCounts(1, 1, 0, 1)


async def test_counts_and_specifications_of_a_tree() -> None:
    """OTP: count_children and get_childspec; a factory has one specification."""
    world = World()
    spec = factory(Worker, id="f")
    inner = supervisor(id="inner")
    async with world.running(world.worker("a", restart="transient"), inner, spec):
        handle = world.system.supervisor("root")
        world.ref("root/a").tell(Stop(Normal()))
        await world.settle()
        assert handle.count_children() == ChildCounts(specs=3, active=2, supervisors=2, workers=1)
        assert handle.get_childspec("inner") is inner
        for key in "xyz":
            await world.factory(spec).start_child(key, Role(key, world.log))
        children = world.system.supervisor("root/f")
        assert children.count_children() == ChildCounts(specs=1, active=3, supervisors=0, workers=3)
        assert [node.id for node in children.which_children()] == ["z", "y", "x"]
        with pytest.raises(TypeError):
            await children.start_child(world.worker("b"))
        with pytest.raises(ChildRefused) as caught:
            await children.delete_child("x")
        assert caught.value.why == "running"
        await children.terminate_child("x")
        assert world.factory(spec).keys() == ("y", "z")


async def test_a_parked_child_of_a_factory_is_resumed_or_deleted_by_key() -> None:
    """Ours: a factory keeps what is parked, visible under its key, until somebody decides."""
    world = World()
    spec = factory(Worker, id="f", child_budget=Budget(0, 60.0), intensity=0)
    async with world.running(spec):
        for key in "xy":
            await world.factory(spec).start_child(key, Role(key, world.log))
            await world.crash(f"root/f/{key}")
        children = world.system.supervisor("root/f")
        assert [(node.id, node.state) for node in children.which_children()] == [
            ("y", "parked"),
            ("x", "parked"),
        ]
        await children.restart_child("x")
        await children.delete_child("y")
        assert await world.ref("root/f/x").ask(Number()) == 2
        assert world.factory(spec).keys() == ("x",)


async def test_a_supervisor_that_is_not_there_refuses() -> None:
    """OTP: noproc; a request that is queued when the supervisor ends fails as well."""
    world = World()
    handle = world.system.supervisor("root")
    with pytest.raises(ActorGone):
        handle.which_children()
    gate = anyio.Event()

    async def wait(_reason: Exit) -> None:
        await gate.wait()

    child = world.worker("a", shutdown=None, terminate=wait)
    async with anyio.create_task_group() as group, world.running(child):
        group.start_soon(_fail_as_gone, handle.terminate_child, "a")
        await world.settle()
        group.start_soon(_fail_as_gone, handle.delete_child, "a")
        await world.settle()
        group.start_soon(world.system.stop)
        await world.settle()
        gate.set()
    with pytest.raises(ActorGone):
        await handle.restart_child("a")


async def test_a_handler_cannot_wait_for_its_own_end() -> None:
    """Ours: what would hang until the shutdown limit raises at once, also through a supervisor further up."""
    world = World()

    async def end_all(_actor: Worker, _ctx: Ctx[Worker]) -> str:
        with pytest.raises(AskCycle):
            await world.system.supervisor("root").terminate_child("inner")
        return "still here"

    async with world.running(supervisor(world.worker("a"), id="inner")):
        assert await world.ref("root/inner/a").ask(Compute(end_all)) == "still here"


async def _start_and_fail(call: object, spec: object) -> None:
    assert callable(call)
    with pytest.raises(StartFailed):
        await call(spec)


async def _fail_as_gone(call: object, id_: str) -> None:
    assert callable(call)
    with pytest.raises(ActorGone):
        await call(id_)
