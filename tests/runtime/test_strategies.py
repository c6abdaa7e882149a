"""one_for_one, rest_for_one and one_for_all: who is stopped and started, in which order, and what a failing start does."""

import anyio
import pytest

from caloron_actors.runtime import Ctx, GaveUp, Normal, Shutdown, supervisor
from tests.runtime.conftest import Compute, Crash, Number, Stop, Worker, World, refused


async def test_one_for_one_restarts_the_child_alone() -> None:
    """OTP: one_for_one starts that child again in place."""
    world = World()
    async with world.running(*(world.worker(name) for name in "abc")):
        world.log.take()
        await world.crash("root/b")
        assert world.log.take() == ["stop b", "start b"]
        assert [node.incarnation for node in world.system.tree().children] == [1, 2, 1]


async def test_rest_for_one_cycles_what_was_started_after_it() -> None:
    """OTP: everything after the child is stopped in reverse order; then child and rest are started in order."""
    world = World()
    async with world.running(*(world.worker(name) for name in "abcd"), strategy="rest_for_one"):
        world.log.take()
        await world.crash("root/b")
        assert world.log.take() == ["stop b", "stop d", "stop c", "start b", "start c", "start d"]


async def test_one_for_all_cycles_everything() -> None:
    """OTP: all others are stopped in reverse order; all are started in order."""
    world = World()
    async with world.running(*(world.worker(name) for name in "abc"), strategy="one_for_all"):
        world.log.take()
        await world.crash("root/b")
        assert world.log.take() == ["stop b", "stop c", "stop a", "start a", "start b", "start c"]


@pytest.mark.parametrize("strategy", ["rest_for_one", "one_for_all"])
async def test_one_event_counts_once_however_many_siblings_are_cycled(strategy: str) -> None:
    """OTP: the siblings that go with a crashed child cost nothing."""
    world = World()
    async with world.running(*(world.worker(name) for name in "abcd"), strategy=strategy, intensity=1):
        await world.crash("root/a")
        assert world.node("root").restarts == 1
        assert world.exit is None


@pytest.mark.parametrize("strategy", ["rest_for_one", "one_for_all"])
async def test_temporary_siblings_are_stopped_and_dropped(strategy: str) -> None:
    """OTP: in a group restart temporary siblings are stopped and not started again."""
    world = World()
    children = [world.worker("a"), world.worker("b", restart="temporary"), world.worker("c")]
    async with world.running(*children, strategy=strategy):
        world.log.take()
        await world.crash("root/a")
        assert world.log.take() == ["stop a", "stop c", "stop b", "start a", "start c"]
        assert [node.id for node in world.system.tree().children] == ["a", "c"]
        assert await refused(world.ref("root/b"))


@pytest.mark.parametrize(("strategy", "back"), [("rest_for_one", ["c"]), ("one_for_all", ["a", "c"])])
async def test_children_that_were_down_come_back_with_their_group(strategy: str, back: list[str]) -> None:
    """OTP: finished transient siblings are started again as part of the group; rest_for_one: only those after it."""
    world = World()
    children = [
        world.worker("a", restart="transient"),
        world.worker("b"),
        world.worker("c", restart="transient"),
    ]
    async with world.running(*children, strategy=strategy):
        world.ref("root/a").tell(Stop(Normal()))
        world.ref("root/c").tell(Stop(Normal()))
        await world.settle()
        world.log.take()
        await world.crash("root/b")
        started = sorted(line.removeprefix("start ") for line in world.log.take() if line.startswith("start"))
        assert started == sorted(["b", *back])
        assert await world.ref("root/c").ask(Number()) == 2


async def test_a_failing_restart_is_tried_again_through_the_queue_and_counts_each_time() -> None:
    """OTP: child_terminated, then a start_error per try, no delay; with intensity 3 the fourth gives up."""
    world = World()

    async def only_first(_actor: Worker, ctx: Ctx[Worker]) -> None:
        if ctx.incarnation > 1:
            raise ValueError("no more")

    async with world.running(world.worker("a", init=only_first), world.worker("b"), intensity=3):
        await world.crash("root/a")
        assert world.problems() == [
            ("child_terminated", "root/a"),
            ("start_error", "root/a"),
            ("start_error", "root/a"),
            ("start_error", "root/a"),
            ("shutdown", "root/a"),
        ]
        assert world.exit == GaveUp("root/a", 3, 5.0)
    assert world.log.take() == ["start a", "start b", "stop a", "stop b"]


async def test_a_failing_restart_that_recovers_goes_on() -> None:
    """OTP: a child in state restarting is started as soon as a try succeeds."""
    world = World()

    async def second_fails(_actor: Worker, ctx: Ctx[Worker]) -> None:
        if ctx.incarnation == 2:
            raise ValueError("once")

    async with world.running(world.worker("a", init=second_fails), intensity=3):
        await world.crash("root/a")
        assert await world.ref("root/a").ask(Number()) == 3
        assert world.node("root").restarts == 2


async def test_rest_for_one_retries_from_the_failing_child_onwards() -> None:
    """OTP: the children that were already restarted stay up when a later one fails to start."""
    world = World()

    async def second_fails(_actor: Worker, ctx: Ctx[Worker]) -> None:
        if ctx.incarnation == 2:
            raise ValueError("once")

    children = [world.worker("a"), world.worker("b", init=second_fails), world.worker("c")]
    async with world.running(*children, strategy="rest_for_one", intensity=3):
        world.log.take()
        await world.crash("root/a")
        assert world.log.take() == ["stop a", "stop c", "stop b", "start a", "start b", "start c"]


async def test_one_for_all_retries_the_whole_group() -> None:
    """OTP: those just started are stopped again, and the whole group is started anew."""
    world = World()

    async def second_fails(_actor: Worker, ctx: Ctx[Worker]) -> None:
        if ctx.incarnation == 2:
            raise ValueError("once")

    children = [world.worker("a"), world.worker("b", init=second_fails), world.worker("c")]
    async with world.running(*children, strategy="one_for_all", intensity=3):
        world.log.take()
        await world.crash("root/c")
        assert world.log.take() == [
            *("stop c", "stop b", "stop a", "start a"),
            *("stop a", "start a", "start b", "start c"),
        ]


async def test_a_supervisor_answers_and_stops_while_a_child_restarts() -> None:
    """Ours: the tree can be looked at and stopped while a restart's init is in progress (OTP's supervisor is deaf)."""
    world = World()

    async def hang_later(_actor: Worker, ctx: Ctx[Worker]) -> None:
        if ctx.incarnation > 1:
            await anyio.sleep_forever()

    async with world.running(world.worker("a"), world.worker("b", init=hang_later)):
        await world.crash("root/b")
        assert world.node("root/b").state == "starting"
        assert await world.ref("root/a").ask(Number()) == 1
    assert world.log.take() == ["start a", "start b", "stop b", "stop a"]
    assert world.exit == Shutdown()


async def test_a_restart_over_its_init_time_counts_and_is_tried_again() -> None:
    """Ours: an init time limit in a restart is a failed start like any other."""
    world = World()

    async def hang_once(_actor: Worker, ctx: Ctx[Worker]) -> None:
        if ctx.incarnation == 2:
            await anyio.sleep_forever()

    async with world.running(world.worker("a", init=hang_once, init_timeout=1.0), intensity=2):
        await world.crash("root/a")
        await world.advance(1.1)
        assert await world.ref("root/a").ask(Number()) == 3
        assert world.problems() == [("child_terminated", "root/a"), ("start_error", "root/a")]


async def test_siblings_that_crash_together_are_each_dealt_with_once() -> None:
    """OTP: an exit of a child that was replaced meanwhile is stale and ignored."""
    world = World()
    async with world.running(*(world.worker(name) for name in "abc"), strategy="one_for_all", intensity=1):
        world.log.take()
        world.ref("root/a").tell(Crash())
        world.ref("root/b").tell(Crash())
        await world.settle()
        assert sorted(line for line in world.log.take() if line.startswith("start")) == [
            "start a",
            "start b",
            "start c",
        ]
        assert world.exit is None


async def test_giving_up_inside_is_a_crash_outside() -> None:
    """Ours: a supervisor that gave up is restarted by its parent even when it is transient; OTP's would not be."""
    world = World()
    inner = supervisor(world.worker("b"), world.worker("c"), id="inner", intensity=0, restart="transient")
    async with world.running(world.worker("a"), inner):
        world.log.take()
        await world.crash("root/inner/b")
        assert world.log.take() == ["stop b", "stop c", "start b", "start c"]
        assert world.problems() == [
            ("child_terminated", "root/inner/b"),
            ("shutdown", "root/inner/b"),
            ("child_terminated", "root/inner"),
        ]
        assert await world.ref("root/inner/b").ask(Number()) == 1


async def test_failure_climbs_to_any_depth() -> None:
    """OTP: each level that gives up is one restart of the level above."""
    world = World()
    spec = supervisor(world.worker("x"), id="l3", intensity=0)
    for level in ("l2", "l1"):
        spec = supervisor(spec, id=level, intensity=0)
    async with world.running(spec, intensity=1):
        await world.crash("root/l1/l2/l3/x")
        assert await world.ref("root/l1/l2/l3/x").ask(Number()) == 1
        assert world.node("root").restarts == 1
        await world.crash("root/l1/l2/l3/x")
        assert world.exit == GaveUp("root/l1", 1, 5.0)


async def test_a_nested_supervisor_that_fails_to_come_back_is_tried_again() -> None:
    """OTP: a supervisor whose boot fails in a restart is a failed start of its parent's child."""
    world = World()
    boots: list[int] = []

    async def flaky(_actor: Worker, _ctx: Ctx[Worker]) -> None:
        boots.append(1)
        if len(boots) == 2:
            raise ValueError("second boot")

    inner = supervisor(world.worker("b"), world.worker("c", init=flaky), id="inner", intensity=0)
    async with world.running(inner, intensity=2):
        world.log.take()
        await world.crash("root/inner/b")
        assert world.log.take() == ["stop b", "stop c", "start b", "stop b", "start b", "start c"]
        assert len(boots) == 3


@pytest.mark.parametrize(("mode", "first"), [("any_significant", True), ("all_significant", False)])
async def test_auto_shutdown(mode: str, *, first: bool) -> None:
    """OTP: a significant transient child's clean end stops the supervisor: any of them, or the last of them."""
    world = World()
    children = [world.worker(name, restart="transient", significant=True) for name in "ab"]
    async with world.running(*children, world.worker("c"), auto_shutdown=mode):
        world.ref("root/a").tell(Stop(Normal()))
        await world.settle()
        assert (world.exit == Shutdown()) is first
        world.ref("root/b").tell(Stop(Normal()))
        await world.settle()
        assert world.exit == Shutdown()


def test_specifications_that_otp_refuses_are_refused() -> None:
    """OTP: duplicate_child_name, bad_combination for significant, invalid intensity and period."""
    world = World()
    with pytest.raises(ValueError, match="same id"):
        supervisor(world.worker("a"), world.worker("a"), id="root")
    with pytest.raises(ValueError, match="permanent"):
        world.worker("a", significant=True)
    with pytest.raises(ValueError, match="auto_shutdown"):
        supervisor(world.worker("a", restart="transient", significant=True), id="root")
    with pytest.raises(ValueError, match="intensity"):
        supervisor(id="root", intensity=-1)
    with pytest.raises(ValueError, match="period"):
        supervisor(id="root", period=0.0)
    with pytest.raises(ValueError, match="slash"):
        supervisor(id="a/b")


async def test_the_tree_shows_depth_and_the_message_in_work() -> None:
    """Ours: the running tree is data: state, incarnation, mailbox depth, restarts, and the message in work."""
    world = World()
    gate = anyio.Event()

    async def wait(_actor: Worker, _ctx: Ctx[Worker]) -> None:
        await gate.wait()

    inner = supervisor(world.worker("a"), id="inner")
    async with world.running(inner), anyio.create_task_group() as group:
        group.start_soon(world.ref("root/inner/a").ask, Compute(wait))
        await world.settle()
        world.ref("root/inner/a").tell(Crash())
        node = world.node("root/inner/a")
        assert (node.kind, node.state, node.busy, node.mailbox) == ("actor", "running", True, 1)
        assert node.last_message == "Compute"
        gate.set()
        await world.settle()
        assert world.node("root/inner/a").incarnation == 2
        assert world.node("root/inner").restarts == 1
