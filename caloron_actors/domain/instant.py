"""Time as a value: the domain never reads a clock, it is told the time."""

from datetime import datetime, timedelta

import msgspec


class Now(msgspec.Struct, frozen=True):
    """One reading of the clocks.

    `wall` is aware UTC, for people and for the forge. `awake` stands still while the host sleeps
    (CLOCK_MONOTONIC) and is comparable only between readings with the same `boot_id`.
    """

    wall: datetime
    awake: timedelta
    boot_id: str


class Age(msgspec.Struct, frozen=True):
    """How long a sprint has lived on the awake clock, and the reading up to which that is counted.

    Every deadline of a sprint is a value of `lived`, so it survives a reboot, on which the awake clock restarts.
    """

    lived: timedelta
    awake: timedelta
    boot_id: str

    @classmethod
    def born(cls, now: Now) -> "Age":
        """The age of a sprint that starts now."""
        return cls(lived=timedelta(0), awake=now.awake, boot_id=now.boot_id)

    def at(self, now: Now) -> "Age":
        """The age at `now`. Time across a reboot is not counted: no clock has measured it."""
        passed = now.awake - self.awake if now.boot_id == self.boot_id else timedelta(0)
        return Age(lived=self.lived + max(passed, timedelta(0)), awake=now.awake, boot_id=now.boot_id)

    def counted_on(self, earlier: "Age") -> bool:
        """Whether a later reading gives the same age from here as from `earlier`: no reboot lies between."""
        return self.boot_id == earlier.boot_id and self.awake >= earlier.awake
