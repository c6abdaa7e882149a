"""What an end means to the supervisor, by restart type, and the restart budget."""

import pytest

from caloron_actors.runtime import Exit, GaveUp, Killed, Normal, Shutdown, SupervisorReport
from caloron_actors.runtime.restarts import RestartWindow
from tests.runtime.conftest import Number, Stop, World, refused

CLEAN = [Normal(), Shutdown(), Shutdown("enough")]


@pytest.mark.parametrize("reason", [*CLEAN, Killed(), GaveUp("x", 1, 1.0)])
async def test_permanent_is_always_restarted_and_always_reported(reason: Exit) -> None:
    """OTP: a permanent child is restarted after any end, and child_terminated is reported even for `normal`."""
    world = World()
    async with world.running(world.worker("a")):
        world.ref("root/a").tell(Stop(reason))
        await world.settle()
        assert world.log.take() == ["start a", "stop a", "start a"]
        assert world.problems() == [("child_terminated", "root/a")]


@pytest.mark.parametrize("reason", CLEAN)
async def test_transient_is_kept_but_not_restarted_after_a_clean_end(reason: Exit) -> None:
    """OTP: a clean end of a transient child leaves its specification with nothing running, unreported."""
    world = World()
    async with world.running(world.worker("a", restart="transient")):
        world.ref("root/a").tell(Stop(reason))
        await world.settle()
        assert world.log.take() == ["start a", "stop a"]
        assert world.node("root/a").state == "down"
        assert world.problems() == []
        assert await refused(world.ref("root/a"))
        assert not world.ref("root/a").tell(Stop(Normal()))


@pytest.mark.parametrize("reason", [Killed(), GaveUp("x", 1, 1.0)])
async def test_transient_is_restarted_after_an_abnormal_end(reason: Exit) -> None:
    """OTP: `killed` and everything that is not normal or shutdown is abnormal. Ours: so is giving up."""
    world = World()
    async with world.running(world.worker("a", restart="transient")):
        world.ref("root/a").tell(Stop(reason))
        await world.settle()
        assert world.log.take() == ["start a", "stop a", "start a"]
        assert world.problems() == [("child_terminated", "root/a")]


async def test_temporary_is_forgotten_and_costs_nothing() -> None:
    """OTP: a temporary child's crash under intensity 0 leaves the supervisor alive, and its specification is gone."""
    world = World()
    async with world.running(world.worker("a", restart="temporary"), world.worker("b"), intensity=0):
        await world.crash("root/a")
        assert world.log.take() == ["start a", "start b", "stop a"]
        assert world.problems() == [("child_terminated", "root/a")]
        assert [node.path for node in world.system.tree().children] == ["root/b"]
        assert await refused(world.ref("root/a"))


async def test_intensity_n_tolerates_n_restarts() -> None:
    """OTP: gives up if and only if the count is above the intensity: the N+1st within the period ends it."""
    world = World()
    async with world.running(world.worker("a"), intensity=2, period=5.0):
        await world.crash("root/a")
        await world.crash("root/a")
        assert await world.ref("root/a").ask(Number()) == 3
        assert world.node("root").restarts == 2
        await world.crash("root/a")
        assert world.exit == GaveUp("root/a", 2, 5.0)
    assert world.problems()[-1] == ("shutdown", "root/a")


async def test_intensity_zero_gives_up_at_the_first() -> None:
    """OTP: intensity 0 means no restart at all."""
    world = World()
    async with world.running(world.worker("a"), intensity=0):
        await world.crash("root/a")
        assert isinstance(world.exit, GaveUp)


async def test_restarts_leave_the_window_exactly_after_the_period() -> None:
    """Ours: exact, half-open time; OTP truncates to whole seconds, so its window is up to a second longer."""
    world = World()
    async with world.running(world.worker("a"), intensity=1, period=5.0):
        await world.crash("root/a")
        await world.advance(5.0)
        await world.crash("root/a")
        assert world.exit is None
        await world.advance(4.999)
        await world.crash("root/a")
        assert isinstance(world.exit, GaveUp)


def test_the_window_is_half_open() -> None:
    """Ours: a restart at t counts at every moment before t + period, and no longer at t + period."""
    window = RestartWindow(1, 5.0)
    assert window.add(10.0)
    assert window.count(14.999_999) == 1
    assert window.count(15.0) == 0
    assert window.add(15.0)
    assert not window.add(19.999_999)


async def test_the_budget_is_shared_by_all_children_of_a_supervisor() -> None:
    """OTP: restarts are counted per supervisor, not per child."""
    world = World()
    async with world.running(world.worker("a"), world.worker("b"), intensity=1):
        await world.crash("root/a")
        await world.crash("root/b")
        assert world.exit == GaveUp("root/b", 1, 5.0)


async def test_a_report_names_the_offender_as_otp_does() -> None:
    """OTP: a supervisor report has the supervisor, the context, the reason and the offender's specification."""
    world = World()
    async with world.running(world.worker("a", shutdown=2.5)):
        await world.crash("root/a")
        report = next(report for report in world.reports if isinstance(report, SupervisorReport))
        assert report.supervisor == "root"
        assert report.offender.path == "root/a"
        assert report.offender.restart == "permanent"
        assert report.offender.shutdown == 2.5
        assert report.offender.incarnation == 1
        assert "ValueError: boom" in str(report.reason)
