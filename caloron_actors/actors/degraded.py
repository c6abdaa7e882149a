"""Whether the storage is in trouble for now: said once when it begins and once when it is over."""

import structlog

REMEDY = "free its disk, or end what holds it; nothing is lost, and the service goes on by itself"


class Degraded:
    """The trouble of one journal. `reason` is None while all is well."""

    def __init__(self) -> None:
        self.reason: str | None = None
        self.cannot_write = False
        self._log = structlog.get_logger("journal")

    def trouble(self, reason: str, *, writes: bool) -> None:
        """An order has failed that may go well later."""
        if self.reason is None:
            self._log.error("journal_degraded", cause=reason, remedy=REMEDY)
        self.reason = reason
        self.cannot_write = self.cannot_write or writes

    def well(self, *, writes: bool) -> None:
        """An order has gone well. A read says nothing about writes: a full disk can be read."""
        if self.reason is not None and (writes or not self.cannot_write):
            self.reason, self.cannot_write = None, False
            self._log.warning("journal_recovered")
