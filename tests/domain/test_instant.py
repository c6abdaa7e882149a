"""A sprint's age counts time awake, across restarts of the service and across reboots of the host."""

from datetime import UTC, datetime, timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from caloron_actors.domain.instant import Age, Now

UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

WALL = datetime(2026, 5, 4, 9, tzinfo=UTC)
seconds = st.integers(0, 10**6).map(lambda count: timedelta(seconds=count))


def now(awake: timedelta, boot_id: str = "boot-1") -> Now:
    return Now(wall=WALL, awake=awake, boot_id=boot_id)


@UNHURRIED
@given(seconds)
def test_a_sprint_is_born_with_no_age(awake: timedelta) -> None:
    assert Age.born(now(awake)) == Age(lived=timedelta(0), awake=awake, boot_id="boot-1")


@UNHURRIED
@given(st.lists(seconds, min_size=1))
def test_the_age_is_the_same_however_often_it_is_taken(readings: list[timedelta]) -> None:
    readings.sort()
    age = Age.born(now(readings[0]))
    for reading in readings:
        age = age.at(now(reading))
    assert age == Age.born(now(readings[0])).at(now(readings[-1]))
    assert age.lived == readings[-1] - readings[0]


@UNHURRIED
@given(seconds, seconds, seconds)
def test_a_reboot_adds_nothing_and_takes_nothing(
    before: timedelta, first: timedelta, later: timedelta
) -> None:
    """The awake clock starts again with the host; what was lived stays lived."""
    age = Age.born(now(timedelta(0))).at(now(before))
    after = age.at(now(first, "boot-2"))
    assert after.lived == before
    assert after.at(now(first + later, "boot-2")).lived == before + later


@UNHURRIED
@given(seconds, seconds)
def test_a_clock_that_went_back_never_makes_a_sprint_younger(one: timedelta, other: timedelta) -> None:
    age = Age.born(now(one)).at(now(other))
    assert age.lived == max(other - one, timedelta(0))


def test_the_wall_clock_has_no_say() -> None:
    age = Age.born(now(timedelta(0)))
    jumped = Now(wall=WALL + timedelta(days=400), awake=timedelta(seconds=5), boot_id="boot-1")
    assert age.at(jumped).lived == timedelta(seconds=5)
