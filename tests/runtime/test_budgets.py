"""A child's own budget and backoff: parked instead of burning the tree, delays that grow, limits that can be reached."""

import anyio
import pytest

from caloron_actors.runtime import Backoff, Budget, ChildSpec, Ctx, GaveUp, factory, supervisor
from caloron_actors.runtime.system import System
from tests.runtime.conftest import Number, Role, Say, Worker, World, refused


async def test_a_child_with_a_budget_is_parked_and_the_tree_lives_on() -> None:
    """Ours: its restarts count for itself alone; over them it is parked, visible, and turns messages away."""
    world = World()
    async with world.running(world.worker("a", budget=Budget(2, 60.0)), world.worker("b"), intensity=0):
        for _ in range(3):
            await world.crash("root/a")
        assert world.node("root/a").state == "parked"
        assert world.node("root").restarts == 0
        assert not world.ref("root/a").tell(Say("nobody"))
        assert await refused(world.ref("root/a"))
        assert await world.ref("root/b").ask(Number()) == 1
        assert world.problems()[-1] == ("parked", "root/a")


async def test_a_parked_child_is_resumed_with_a_fresh_budget() -> None:
    """Ours: restart_child is the way back, and the old crashes are forgiven."""
    world = World()
    async with world.running(world.worker("a", budget=Budget(1, 60.0))):
        await world.crash("root/a")
        await world.crash("root/a")
        assert world.node("root/a").state == "parked"
        await world.system.supervisor("root").restart_child("a")
        await world.crash("root/a")
        assert await world.ref("root/a").ask(Number()) == 4


async def test_a_parked_child_stays_parked_when_its_group_is_cycled() -> None:
    """Ours: unlike one that is merely down, a parked child does not come back with its siblings."""
    world = World()
    children = [world.worker("a", budget=Budget(0, 60.0)), world.worker("b"), world.worker("c")]
    async with world.running(*children, strategy="one_for_all"):
        await world.crash("root/a")
        assert [node.incarnation for node in world.system.tree().children] == [1, 1, 1]
        await world.crash("root/b")
        assert [(node.state, node.incarnation) for node in world.system.tree().children] == [
            ("parked", 1),
            ("running", 2),
            ("running", 2),
        ]


async def test_a_budget_may_escalate() -> None:
    """Ours: a narrow budget for one child that is as fatal as the supervisor's own."""
    world = World()
    budget = Budget(1, 60.0, on_exhausted="escalate")
    async with world.running(world.worker("a", budget=budget), intensity=100):
        await world.crash("root/a")
        await world.crash("root/a")
        assert world.exit == GaveUp("root/a", 1, 60.0)


async def test_a_failing_restart_by_hand_parks_again() -> None:
    """Ours: a parked child whose start fails stays parked."""
    world = World()

    async def only_first(_actor: Worker, ctx: Ctx[Worker]) -> None:
        if ctx.incarnation > 1:
            raise ValueError("no")

    async with world.running(world.worker("a", init=only_first, budget=Budget(0, 60.0)), intensity=0):
        await world.crash("root/a")
        with pytest.raises(Exception, match="no"):
            await world.system.supervisor("root").restart_child("a")
        assert world.node("root/a").state == "parked"


async def test_restarts_are_delayed_ever_longer_up_to_the_cap() -> None:
    """Ours: 1, 2, 4, 4 seconds; meanwhile messages are kept."""
    world = World()
    child = world.worker("a", backoff=Backoff(1.0, 4.0))
    async with world.running(child, intensity=3, period=10.0):
        for crash, delay in enumerate((1.0, 2.0, 4.0), 1):
            await world.crash("root/a")
            assert world.node("root/a").state == "restarting"
            assert world.ref("root/a").tell(Say(f"kept {crash}"))
            await world.advance(delay - 0.1)
            assert world.node("root/a").incarnation == crash
            await world.advance(0.2)
            assert world.log.take()[-1] == f"kept {crash}"


async def test_an_incarnation_that_stayed_up_starts_the_row_anew() -> None:
    """Ours: after `cap` seconds of life the next delay is the first again."""
    world = World()
    async with world.running(world.worker("a", backoff=Backoff(1.0, 8.0)), intensity=5, period=50.0):
        await world.crash("root/a")
        await world.advance(1.1)
        await world.crash("root/a")
        await world.advance(2.1)
        await world.advance(8.1)
        await world.crash("root/a")
        await world.advance(1.1)
        assert await world.ref("root/a").ask(Number()) == 4


async def test_failing_starts_are_delayed_as_well_and_count_each_time() -> None:
    """Ours: without a delay OTP's budget burns in microseconds."""
    world = World()

    async def only_first(_actor: Worker, ctx: Ctx[Worker]) -> None:
        if ctx.incarnation > 1:
            raise ValueError("no")

    child = world.worker("a", init=only_first, backoff=Backoff(1.0, 1.0))
    async with world.running(child, intensity=2, period=60.0):
        await world.crash("root/a")
        await world.advance(1.1)
        assert (world.node("root/a").incarnation, world.exit) == (2, None)
        await world.advance(1.1)
        assert world.exit == GaveUp("root/a", 2, 60.0)


async def test_a_group_is_stopped_at_once_and_started_after_the_delay() -> None:
    """Ours: siblings that depend on the crashed child do not run without it while it waits."""
    world = World()
    children = [world.worker("a", backoff=Backoff(1.0, 1.0)), world.worker("b")]
    async with world.running(*children, strategy="one_for_all"):
        world.log.take()
        await world.crash("root/a")
        assert world.log.take() == ["stop a", "stop b"]
        await world.advance(1.1)
        assert world.log.take() == ["start a", "start b"]


async def test_a_stop_does_not_wait_for_a_delay() -> None:
    """Ours: a delay is no reason to live on, and its timer does not stay behind."""
    world = World()
    async with world.running(world.worker("a", backoff=Backoff(1.0, 1.0))):
        await world.crash("root/a")
    assert world.clock.sleepers == 0
    assert world.log.take() == ["start a", "stop a"]


async def test_terminating_a_delayed_child_cancels_its_restart() -> None:
    """OTP's rule for retries holds for delays."""
    world = World()
    async with world.running(world.worker("a", backoff=Backoff(1.0, 1.0)), intensity=4):
        await world.crash("root/a")
        await world.system.supervisor("root").terminate_child("a")
        await world.advance(2.0)
        assert (world.node("root/a").state, world.node("root/a").incarnation) == ("down", 1)
        await world.system.supervisor("root").restart_child("a")
        assert await world.ref("root/a").ask(Number()) == 2


async def test_children_of_factories_are_delayed_one_by_one() -> None:
    """Ours: one child's delay holds up no other."""
    world = World()
    spec = factory(Worker, id="f", child_backoff=Backoff(2.0, 2.0), intensity=1, period=5.0)
    async with world.running(spec):
        for key in "xy":
            await world.factory(spec).start_child(key, Role(key, world.log))
        await world.crash("root/f/x")
        assert world.node("root/f/x").state == "restarting"
        assert await world.ref("root/f/y").ask(Number()) == 1
        await world.advance(2.1)
        assert await world.ref("root/f/x").ask(Number()) == 2


async def test_jitter_comes_from_the_entropy_given() -> None:
    """Ours: the same draws, the same delays; a draw of d shortens a delay by jitter x d."""
    world = World()
    world.system = System(clock=world.clock, observer=world, draw=lambda: 0.5)
    async with world.running(world.worker("a", backoff=Backoff(1.0, 1.0, jitter=0.4))):
        await world.crash("root/a")
        await world.advance(0.79)
        assert world.node("root/a").state == "restarting"
        await world.advance(0.02)
        assert await world.ref("root/a").ask(Number()) == 2


@pytest.mark.parametrize(
    ("intensity", "period", "backoff", "accepted"),
    [
        (3, 7.1, Backoff(1.0, 4.0), True),
        (3, 7.0, Backoff(1.0, 4.0), False),
        (3, 7.0, Backoff(1.0, 4.0, jitter=0.1), True),
        (0, 0.1, Backoff(1.0, 4.0), True),
        (3, 100.0, Backoff(4.0, 1.0), False),
        (3, 100.0, Backoff(1.0, 4.0, factor=0.5), False),
        (3, 100.0, Backoff(1.0, 4.0, jitter=1.0), False),
    ],
)
def test_a_backoff_must_let_the_limit_be_reached(
    intensity: int, period: float, backoff: Backoff, accepted: bool
) -> None:
    """Ours: a limit that the delays put out of reach would never protect anything."""

    def make() -> ChildSpec:
        world = World()
        spec = world.worker("a", backoff=backoff)
        supervisor(spec, id="root", intensity=intensity, period=period)
        return spec

    if accepted:
        assert make().backoff == backoff
    else:
        with pytest.raises(ValueError, match="a: "):
            make()


async def test_a_budget_is_checked() -> None:
    """Ours: and a child's own budget takes the supervisor's place in the check of its backoff."""
    world = World()
    await anyio.lowlevel.checkpoint()
    with pytest.raises(ValueError, match="budget"):
        world.worker("a", budget=Budget(-1, 1.0))
    with pytest.raises(ValueError, match="never"):
        world.worker("a", backoff=Backoff(10.0, 10.0), budget=Budget(2, 20.0))
