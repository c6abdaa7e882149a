"""What the kernel reports, with the fields of OTP's reports, and how a running tree looks. Renders nothing."""

from typing import Literal, Protocol

import msgspec

from .exits import Exit

Kind = Literal["actor", "supervisor", "factory"]
State = Literal["waiting", "starting", "running", "stopping", "restarting", "down", "parked"]
ErrorContext = Literal[
    "start_error", "child_terminated", "shutdown_error", "shutdown", "unkillable", "parked"
]


class ChildInfo(msgspec.Struct, frozen=True):
    """A child as its supervisor knows it. `shutdown` is in seconds, None without limit."""

    path: str
    kind: Kind
    incarnation: int
    restart: str
    shutdown: float | str | None
    significant: bool


class Progress(msgspec.Struct, frozen=True):
    """A child has started."""

    supervisor: str
    started: ChildInfo


class SupervisorReport(msgspec.Struct, frozen=True):
    """Something went wrong with a child; `shutdown` is the supervisor's own giving up."""

    supervisor: str
    context: ErrorContext
    reason: Exit
    offender: ChildInfo
    restarts: int
    """Restarts within the window when this was reported."""


class Poison(msgspec.Struct, frozen=True):
    """A message whose handling crashed its actor. It is kept on record and never delivered again."""

    path: str
    incarnation: int
    message: object
    reason: Exit


class CrashReport(msgspec.Struct, frozen=True):
    """An actor has crashed, or a part of it that the kernel caught. The traceback is rendered on reading it."""

    path: str
    incarnation: int
    reason: Exit
    during: str
    """init, message, on_down, terminate, snapshot or rebuilt."""
    last_message: object
    mailbox: int
    dropped: int
    poison: Poison | None = None
    """Set when a message did it."""
    asker: str | None = None
    """Path of the actor that waits for the reply to that message, if one does."""
    state: object = None
    """What the actor's `format_status` shows of itself."""


class Stopped(msgspec.Struct, frozen=True):
    """An incarnation has ended, for whatever reason."""

    path: str
    incarnation: int
    reason: Exit


Report = Progress | SupervisorReport | CrashReport | Stopped


class Undelivered(msgspec.Struct, frozen=True):
    """A told message that was taken but will not be handled: its actor is gone for good, or newer ones came."""

    path: str
    message: object
    why: Literal["gone", "overflow"]


class Counters(msgspec.Struct, frozen=True):
    """What one kernel has done so far, and what it holds now."""

    started: int
    """Incarnations that got through their init."""
    ended: int
    crashed: int
    timed_out: int
    """Asks whose deadline passed."""
    undelivered: int
    tasks: int
    """Tasks that are going now."""


class Observer(Protocol):
    """Takes reports. Called from the kernel's own tasks, so it must neither wait nor take long."""

    def report(self, report: Report) -> None: ...


class Node(msgspec.Struct, frozen=True):
    """One place of the tree as it is now."""

    id: str
    path: str
    kind: Kind
    state: State
    incarnation: int = 0
    mailbox: int = 0
    dropped: int = 0
    restarts: int = 0
    """Restarts that this supervisor made within its window; 0 for an actor."""
    last_message: str | None = None
    busy: bool = False
    """An actor's handler is running now."""
    handled: int = 0
    """Messages that an actor has handled, in all its incarnations."""
    poisoned: int = 0
    """How many of the messages that crashed it are on record."""
    children: "tuple[Node, ...]" = ()
