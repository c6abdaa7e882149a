"""Instants as GitHub writes them, and the forge's own clock, which never runs backwards."""

from collections.abc import Callable
from datetime import UTC, datetime

_SHAPE = "%Y-%m-%dT%H:%M:%SZ"


class Stamps:
    """Gives the present as text. A wall clock that was set back is waited for: polling by `since` misses nothing."""

    def __init__(self, wall: Callable[[], datetime], last: str) -> None:
        self._wall = wall
        self._last = last

    def now(self) -> str:
        """The present to the second, UTC, never earlier than the last answer."""
        self._last = max(self._last, self._wall().astimezone(UTC).strftime(_SHAPE))
        return self._last


def parsed(stamp: str) -> datetime:
    """The aware instant that a stamp of `Stamps.now` means."""
    return datetime.strptime(stamp, _SHAPE).replace(tzinfo=UTC)


def stamp_of(text: str) -> str | None:
    """A client's ISO 8601 instant as a stamp; None when it is none. Without an offset it means UTC."""
    try:
        instant = datetime.fromisoformat(text)
        aware = instant if instant.tzinfo else instant.replace(tzinfo=UTC)
        return aware.astimezone(UTC).strftime(_SHAPE)
    except (ValueError, OverflowError):
        return None
