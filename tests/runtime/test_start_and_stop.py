"""Starting and stopping a tree: order, acknowledgement, time limits, and what cannot be stopped."""

import anyio
import pytest

from caloron_actors.runtime import (
    Ctx,
    Exit,
    GaveUp,
    Shutdown,
    StartFailed,
    Stopped,
    SupervisorReport,
    supervisor,
)
from tests.runtime.conftest import Do, Say, Stop, Worker, World


async def _fail(_actor: Worker, _ctx: Ctx[Worker]) -> None:
    raise ValueError("no")


async def _hang(*_: object) -> None:
    await anyio.sleep_forever()


async def test_children_start_in_order_each_after_the_acknowledgement_of_the_one_before() -> None:
    """OTP: children are started strictly in list order, one at a time, each waiting for its init."""
    world = World()
    gate = anyio.Event()

    async def slow(_actor: Worker, _ctx: Ctx[Worker]) -> None:
        world.log.add("init b")
        await gate.wait()

    async with anyio.create_task_group() as group:
        root = supervisor(world.worker("a"), world.worker("b", init=slow), world.worker("c"), id="root")
        group.start_soon(world.run, root, anyio.TASK_STATUS_IGNORED)
        await world.settle()
        assert world.log.take() == ["start a", "init b"]
        gate.set()
        await world.settle()
        assert world.log.take() == ["start b", "start c"]
        await world.system.stop()


async def test_children_stop_in_reverse_order() -> None:
    """OTP: shutdown is in strictly reverse start order, one after another, and subtrees are no exception."""
    world = World()
    inner = supervisor(world.worker("b"), world.worker("c"), id="inner")
    async with world.running(world.worker("a"), inner, world.worker("d")):
        assert world.log.take() == ["start a", "start b", "start c", "start d"]
    assert world.log.take() == ["stop d", "stop c", "stop b", "stop a"]
    assert world.exit == Shutdown()


async def test_a_failing_start_at_boot_stops_what_runs_and_ends_the_supervisor() -> None:
    """OTP: no retry at boot, whatever the restart type; start a, start b, stop b, stop a, exit; c never starts."""
    world = World()
    children = [world.worker("a"), world.worker("b"), world.worker("x", init=_fail), world.worker("c")]
    with pytest.raises(StartFailed, match="root/x did not start"):
        await world.system.run(supervisor(*children, id="root"))
    assert world.log.take() == ["start a", "start b", "stop b", "stop a"]
    assert world.problems() == [("start_error", "root/x")]


async def test_a_failing_start_deep_down_fails_the_whole_boot() -> None:
    """OTP: a supervisor whose child fails at boot fails its own start, and so on upwards."""
    world = World()
    inner = supervisor(world.worker("b"), world.worker("x", init=_fail), id="inner")
    with pytest.raises(StartFailed):
        await world.system.run(supervisor(world.worker("a"), inner, id="root"))
    assert world.log.take() == ["start a", "start b", "stop b", "stop a"]


async def test_a_stop_during_boot_does_not_wait_for_the_init_in_progress() -> None:
    """Ours: a stop pre-empts a running start; what was started is stopped in reverse. (OTP's supervisor is deaf.)"""
    world = World()
    async with anyio.create_task_group() as group:
        root = supervisor(world.worker("a"), world.worker("b", init=_hang), id="root")
        group.start_soon(world.run, root, anyio.TASK_STATUS_IGNORED)
        await world.settle()
        await world.system.stop()
    assert world.log.take() == ["start a", "stop a"]
    assert world.exit == Shutdown()


async def test_cancelling_the_system_stops_it_in_order() -> None:
    """Ours: a cancelled run is an ordered stop, not a cancellation of everything at once."""
    world = World()
    async with anyio.create_task_group() as group:
        await group.start(world.run, supervisor(world.worker("a"), world.worker("b"), id="root"))
        group.cancel_scope.cancel()
    assert world.log.take() == ["start a", "start b", "stop b", "stop a"]
    assert world.system._kernel.tasks == ()


async def test_a_stop_waits_for_the_message_in_work_but_not_for_the_queue() -> None:
    """Ours: `shutdown` is a lane of its own; the message in work is finished, those behind it stay queued."""
    world = World()
    gate = anyio.Event()

    async def wait(_actor: Worker, _ctx: Ctx[Worker]) -> None:
        await gate.wait()
        world.log.add("done")

    async with anyio.create_task_group() as group:
        async with world.running(world.worker("a")):
            world.ref("root/a").tell(Do(wait))
            world.ref("root/a").tell(Say("never"))
            await world.settle()
            group.start_soon(world.system.stop)
            await world.settle()
            gate.set()
        assert world.log.take() == ["start a", "done", "stop a"]


async def test_a_child_over_its_shutdown_limit_is_killed_and_reported() -> None:
    """OTP: asked with `shutdown`, waited for T, then killed; the reason is `killed`, reported as shutdown_error."""
    world = World()
    async with anyio.create_task_group() as group:
        async with world.running(world.worker("a"), world.worker("b", shutdown=2.0)):
            world.ref("root/b").tell(Do(_hang))
            await world.settle()
            group.start_soon(world.system.stop)
            await world.advance(1.9)
            assert world.node("root/b").state == "stopping"
            await world.advance(0.2)
        assert world.log.take() == ["start a", "start b", "stop a"]
        assert world.problems() == [("shutdown_error", "root/b")]


async def test_a_child_with_shutdown_kill_is_not_asked() -> None:
    """OTP: brutal_kill ends the child without terminate, and `killed` is then the expected reason."""
    world = World()
    async with world.running(world.worker("a", shutdown="kill")):
        pass
    assert world.log.take() == ["start a"]
    assert world.problems() == []


async def test_an_unlimited_child_is_waited_for() -> None:
    """OTP: shutdown `infinity` has no time limit."""
    world = World()
    gate = anyio.Event()

    async def late(_reason: Exit) -> None:
        await gate.wait()

    async with (
        anyio.create_task_group() as group,
        world.running(world.worker("a", shutdown=None, terminate=late)),
    ):
        group.start_soon(world.system.stop)
        await world.advance(1_000_000)
        assert world.node("root/a").state == "stopping"
        gate.set()
    assert world.log.take() == ["start a", "stop a"]


async def test_a_permanent_child_that_stops_normally_when_told_to_shut_down_is_reported() -> None:
    """OTP: `normal` is an expected answer to shutdown only for children that are not permanent."""
    for restart, expected in (("permanent", [("shutdown_error", "root/a")]), ("transient", [])):
        world = World()
        gate = anyio.Event()

        async def wait(_actor: Worker, ctx: Ctx[Worker], gate: anyio.Event = gate) -> None:
            ctx.stop()
            await gate.wait()

        async with anyio.create_task_group() as group, world.running(world.worker("a", restart=restart)):
            world.ref("root/a").tell(Do(wait))
            await world.settle()
            group.start_soon(world.system.stop)
            await world.settle()
            gate.set()
        assert world.problems() == expected


async def test_terminate_does_not_run_after_a_failed_init() -> None:
    """OTP: terminate runs on stop, crash and the parent's exit, not when init fails."""
    world = World()
    with pytest.raises(StartFailed):
        await world.system.run(supervisor(world.worker("a", init=_fail), id="root"))
    assert world.log.take() == []


async def test_a_crash_in_terminate_is_the_reason_that_counts() -> None:
    """OTP: terminate may itself crash; its reason wins."""
    world = World()

    async def fail(_reason: Exit) -> None:
        raise RuntimeError("in terminate")

    async with world.running(world.worker("a", restart="transient", terminate=fail)):
        world.ref("root/a").tell(Stop(Shutdown("enough")))
        await world.settle()
        assert world.log.take() == ["start a", "start a"]
        ends = [report for report in world.reports if isinstance(report, Stopped)]
        assert "in terminate" in str(ends[0].reason)


async def test_the_root_giving_up_ends_the_run_with_its_reason() -> None:
    """Ours: giving up is an abnormal exit with a reason of its own; OTP says `shutdown`."""
    world = World()
    async with world.running(world.worker("a"), world.worker("b"), intensity=0):
        await world.crash("root/a")
        assert world.exit == GaveUp("root/a", 0, 5.0)
        report = [report for report in world.reports if isinstance(report, SupervisorReport)][-1]
        assert report.context == "shutdown"
    assert world.log.take() == ["start a", "start b", "stop a", "stop b"]
