"""Why something that ran has ended, as values. Owns the distinction between clean and abnormal ends."""

import traceback as _traceback
from typing import assert_never

import msgspec


class Normal(msgspec.Struct, frozen=True, tag=True):
    """It ended by itself, its work done."""


class Shutdown(msgspec.Struct, frozen=True, tag=True):
    """It was told to end, or ended in an orderly way for the given reason."""

    reason: str = "shutdown"


class Killed(msgspec.Struct, frozen=True, tag=True):
    """It was cancelled without a chance to clean up: by order, or because its time was over."""

    reason: str = "killed"


class Crashed(msgspec.Struct, frozen=True, tag=True):
    """An exception ended it. The traceback is rendered when it is read, not when the crash happens."""

    error: str
    cause: BaseException | None = None

    @property
    def traceback(self) -> str:
        """The rendered traceback, empty when there was no exception (a time limit, for example)."""
        return "" if self.cause is None else "".join(_traceback.format_exception(self.cause))


class GaveUp(msgspec.Struct, frozen=True, tag=True):
    """A supervisor restarted more than `intensity` times within `period` seconds; `child` was the last."""

    child: str
    intensity: int
    period: float


Exit = Normal | Shutdown | Killed | Crashed | GaveUp


def is_clean(reason: Exit) -> bool:
    """True for the ends after which a transient child is not restarted.

    A supervisor's giving up is abnormal here; OTP calls it `shutdown`.
    """
    return isinstance(reason, Normal | Shutdown)


def describe(reason: Exit) -> str:
    """One line for a message or a log."""
    match reason:
        case Normal():
            return "normal"
        case Shutdown(text) | Killed(text):
            return text
        case Crashed(error):
            return error
        case GaveUp(child, intensity, period):
            return f"more than {intensity} restarts in {period} s, the last of {child}"
        case _:
            assert_never(reason)


def without_cause(reason: Exit) -> Exit:
    """The same reason to be kept for long: an exception would keep every frame it went through alive."""
    return Crashed(reason.error) if isinstance(reason, Crashed) else reason


def crashed(error: BaseException) -> Crashed:
    """The exit of something that let `error` escape."""
    try:
        text = f"{type(error).__name__}: {error}"
    except Exception:
        text = type(error).__name__
    return Crashed(error=text, cause=error)
