"""The few ways a port fails. Each class says whose fault it is and whether to try again."""

import errno
from datetime import datetime


class PortError(Exception):
    """A port could not do what it was asked. Use a subclass."""


class Unavailable(PortError):
    """The other side cannot be reached or is in trouble (timeout, connection lost, 5xx). Try again later.

    `ambiguous` is True when the request may have been carried out all the same: probe before a redo.
    `retry_after` is the other side's own word on when, an aware instant, if it gave one.
    """

    def __init__(self, message: str, *, ambiguous: bool, retry_after: datetime | None = None) -> None:
        super().__init__(message)
        self.ambiguous = ambiguous
        self.retry_after = retry_after


class RateLimited(Unavailable):
    """The other side refused for volume. Nothing was done; try again at `retry_after`."""

    def __init__(self, message: str, *, retry_after: datetime | None) -> None:
        super().__init__(message, ambiguous=False, retry_after=retry_after)


class Rejected(PortError):
    """The other side understood and said no (4xx, a git ref that cannot move). Trying again changes nothing."""

    def __init__(self, message: str, *, code: int | None = None) -> None:
        super().__init__(message)
        self.code = code


class Unauthorized(Rejected):
    """The credential is missing, wrong or too weak. An operator must act."""


class NotFound(Rejected):
    """The thing does not exist, or the credential may not see it."""


class StateUnusable(PortError):
    """The state directory or a file in it cannot be used (corrupt, newer, foreign, locked). An operator must act."""


class StateBusy(StateUnusable):
    """Another process holds the state directory. Try again when it has ended."""


PASSING = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EIO})
PASSING_IN_SQLITE = frozenset({5, 6, 10, 13})
"""SQLite's primary result codes BUSY, LOCKED, IOERR and FULL (sqlite.org/rescode.html)."""


def may_pass(error: BaseException | None) -> bool:
    """Whether an error is a matter of time, or comes from a disk that is full, held or in trouble for now."""
    while error is not None:
        if isinstance(error, StateBusy | Unavailable):
            return True
        if isinstance(error, OSError) and error.errno in PASSING:
            return True
        code = getattr(error, "sqlite_errorcode", None)
        if isinstance(code, int) and code & 0xFF in PASSING_IN_SQLITE:
            return True
        error = error.__cause__
    return False
