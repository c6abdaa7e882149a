"""Durations as people write them."""

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from caloron_actors.domain.dag import format_duration, parse_duration

UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90s", 90),
        ("20m", 1200),
        ("2h", 7200),
        ("1h30m", 5400),
        ("1h0m1s", 3601),
        ("007s", 7),
        ("8784h", 8784 * 3600),
    ],
)
def test_durations(text: str, seconds: int) -> None:
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0s",
        "20",
        "-1s",
        "1.5h",
        "30m1h",
        "1h 30m",
        "1d",
        "1H",
        "s",
        "8785h",
        "9" * 400 + "h",
        "\u0661s",
        "1s\n",
    ],
)
def test_what_is_no_duration(text: str) -> None:
    assert parse_duration(text) is None


@UNHURRIED
@given(st.integers(1, 366 * 24 * 3600))
def test_what_is_written_reads_back(seconds: int) -> None:
    length = timedelta(seconds=seconds)
    assert parse_duration(format_duration(length)) == length


@UNHURRIED
@given(st.text())
def test_no_text_raises(text: str) -> None:
    parse_duration(text)


def test_nothing_is_written_as_no_seconds() -> None:
    assert format_duration(timedelta(0)) == "0s"
