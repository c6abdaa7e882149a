"""The manual clock wakes sleepers in order, and knows the sleep and the reboot of a host."""

from datetime import timedelta

import anyio
import pytest
from anyio.abc import TaskStatus

from caloron_actors.adapters.memory.clock import ManualClock
from caloron_actors.domain.instant import Age

SECOND = timedelta(seconds=1)


async def test_sleepers_wake_in_the_order_of_their_deadlines() -> None:
    clock = ManualClock()
    woken: list[str] = []

    async def sleeper(name: str, seconds: float) -> None:
        await clock.sleep(seconds)
        woken.append(name)

    async with anyio.create_task_group() as group:
        for name, seconds in (("late", 3), ("first", 1), ("second", 1)):
            group.start_soon(sleeper, name, seconds)
        await clock.until_asleep(3)
        assert clock.next_due() == SECOND
        clock.advance(SECOND / 2)
        await anyio.wait_all_tasks_blocked()
        assert woken == []
        clock.advance(10 * SECOND)
    assert woken == ["first", "second", "late"]
    assert clock.monotonic() == 10.5


async def test_a_cancelled_sleeper_is_forgotten() -> None:
    clock = ManualClock()

    async def sleeper(*, task_status: TaskStatus[anyio.CancelScope]) -> None:
        with anyio.CancelScope() as scope:
            task_status.started(scope)
            await clock.sleep(1)

    async with anyio.create_task_group() as group:
        scope = await group.start(sleeper)
        await clock.until_asleep()
        scope.cancel()
    assert clock.sleepers == 0
    assert clock.next_due() is None


async def test_no_wait_for_nothing() -> None:
    await ManualClock().sleep(0)


def test_a_sleeping_host_and_a_reboot() -> None:
    clock = ManualClock()
    age = Age.born(clock.now())
    clock.advance(SECOND)
    clock.suspend(3600 * SECOND)
    age = age.at(clock.now())
    assert age.lived == SECOND
    clock.reboot()
    clock.advance(5 * SECOND)
    assert age.at(clock.now()).lived == SECOND
    with pytest.raises(ValueError, match="backwards"):
        clock.advance(-SECOND)
