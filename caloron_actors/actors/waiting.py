"""How long to wait before storage that is in trouble is tried again."""

from collections.abc import Iterator
from datetime import timedelta

FIRST_PAUSE = timedelta(milliseconds=500)
LONGEST_PAUSE = timedelta(seconds=10)
"""A try on a full disk costs milliseconds, and a freed one should be used soon."""


def pauses() -> Iterator[timedelta]:
    """The pauses between tries, without end: doubling up to the longest."""
    pause = FIRST_PAUSE
    while True:
        yield pause
        pause = min(pause * 2, LONGEST_PAUSE)
