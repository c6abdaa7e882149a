"""The real clocks agree with the kernel's and yield to others."""

from datetime import UTC, timedelta

import anyio

from caloron_actors.adapters.system import SystemClock
from caloron_actors.domain.instant import Age


def test_a_reading_is_aware_utc_on_the_running_boot() -> None:
    clock = SystemClock()
    first, second = clock.now(), clock.now()
    assert first.wall.tzinfo is UTC
    assert first.awake <= second.awake
    assert first.boot_id == second.boot_id
    assert len(first.boot_id) == 36


def test_both_readings_of_the_awake_clock_are_the_same_clock() -> None:
    clock = SystemClock()
    before = clock.monotonic()
    reading = clock.now().awake.total_seconds()
    after = clock.monotonic()
    assert before - 0.001 <= reading <= after


def test_an_age_grows_between_two_readings() -> None:
    clock = SystemClock()
    born = Age.born(clock.now())
    assert born.at(clock.now()).lived >= timedelta(0)


async def test_sleep_waits_and_a_negative_one_returns() -> None:
    clock = SystemClock()
    before = clock.monotonic()
    with anyio.fail_after(5):
        await clock.sleep(0.01)
        await clock.sleep(-1)
    assert clock.monotonic() - before >= 0.01
