"""The clocks and the source of unpredictable bytes, as the service sees them."""

from typing import Protocol

from caloron_actors.domain.instant import Now


class WallClock(Protocol):
    """Reads all clocks at once."""

    def now(self) -> Now: ...
