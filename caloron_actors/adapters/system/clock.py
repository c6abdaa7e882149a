"""The host's clocks: wall, awake and boot id. Nothing else in the package reads a clock."""

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import anyio

from caloron_actors.domain.instant import Now

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class SystemClock:
    """The real clocks. The boot id is read once; the process cannot live through a reboot."""

    def __init__(self) -> None:
        self._boot_id = BOOT_ID.read_text(encoding="ascii").strip()

    def now(self) -> Now:
        """Read all clocks at once."""
        awake = timedelta(microseconds=time.monotonic_ns() // 1000)
        return Now(wall=datetime.now(UTC), awake=awake, boot_id=self._boot_id)

    def monotonic(self) -> float:
        """Seconds of CLOCK_MONOTONIC, which stands still while the host sleeps."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Wait `seconds` of the monotonic clock; a negative number waits not at all but still yields."""
        await anyio.sleep(max(seconds, 0.0))
