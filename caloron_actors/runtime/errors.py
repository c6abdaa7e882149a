"""What the kernel raises at its callers. A refusal of a `tell` is a value (False), never one of these."""

from typing import Literal, Protocol

from .exits import Exit, Shutdown, describe


class Address(Protocol):
    """A Ref of whatever type."""

    @property
    def path(self) -> str: ...


class ActorGone(Exception):
    """The asked actor was not there, or died before it replied; whether the work was done is not known."""

    def __init__(self, path: str, reason: Exit | None = None) -> None:
        self.path = path
        self.reason: Exit = Shutdown("noproc") if reason is None else reason
        super().__init__(f"{path} is gone: {describe(self.reason)}")


class AskTimeout(TimeoutError):
    """No reply came in time; the work may still be done, and its late reply is dropped."""

    def __init__(self, path: str, timeout: float) -> None:
        self.path = path
        super().__init__(f"{path} did not reply within {timeout} s")


class AskCycle(RuntimeError):
    """The asked actor waits, directly or through others, for the one that asks: it could never reply."""

    def __init__(self, path: str, asker: str) -> None:
        self.path = path
        super().__init__(f"{asker} asks {path}, which waits for {asker}")


class MailboxFull(Exception):
    """The mailbox had no room for an ask, or dropped it to make room."""

    def __init__(self, path: str) -> None:
        self.path = path
        super().__init__(f"the mailbox of {path} is full")


class Stashed(BaseException):
    """Leaves a handler whose message was put aside. For the kernel alone; never catch it."""


class StartFailed(Exception):
    """A start did not get to its acknowledgement; `reason` says why."""

    def __init__(self, path: str, reason: Exit) -> None:
        self.path = path
        self.reason = reason
        super().__init__(f"{path} did not start: {describe(reason)}")


class AlreadyStarted(Exception):
    """The factory has a child of that key; `ref` is its address."""

    def __init__(self, ref: Address) -> None:
        self.ref = ref
        super().__init__(f"{ref.path} is already there")


Refusal = Literal["not_found", "running", "restarting", "already_present"]


class ChildRefused(Exception):
    """A supervisor does not do that with this child as it is; `why` is OTP's word for it."""

    def __init__(self, path: str, why: Refusal) -> None:
        self.path = path
        self.why: Refusal = why
        super().__init__(f"{path}: {why}")
