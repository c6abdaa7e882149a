"""What an actor is made of: the class to derive from, and the context its messages are run with."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Generic, NoReturn, Self, TypeVar

from .clock import Clock, Timer
from .exits import Exit, Normal
from .mailbox import MailboxPolicy
from .messages import Down, Tell
from .ref import Ref

if TYPE_CHECKING:
    from .incarnation import Incarnation

A = TypeVar("A")
T = TypeVar("T")
Arg = TypeVar("Arg")
S = TypeVar("S")


class Actor(Generic[Arg, S]):
    """State and its methods; one message at a time. Its constructor takes no arguments and must not wait.

    Arg is the type of the start argument, S that of the snapshot (None when there is none). Subclasses narrow `ctx`
    to the context of their own type.
    """

    mailbox: ClassVar[MailboxPolicy] = MailboxPolicy()

    @classmethod
    def starts_with(cls, arg: Arg) -> Self:
        """A new, not yet initialised actor. Ties the type of the start argument to the class."""
        return cls()

    async def init(self, ctx: Ctx[Any], arg: Arg, restored: S | None) -> None:
        """Get ready; the start is acknowledged when this returns. `restored` is the last snapshot, if any."""

    async def on_down(self, ctx: Ctx[Any], down: Down) -> None:
        """A monitored actor has ended."""

    async def terminate(self, reason: Exit) -> None:
        """Clean up. Runs after a stop or a crash, shielded from cancellation, within the shutdown limit.

        Not run after a failed init or a kill.
        """

    def format_status(self) -> object:
        """What a crash report may show of this actor's state; nothing by default, for it may hold secrets."""
        return None

    def snapshot(self) -> S | None:
        """What the next incarnation gets as `restored`; read between messages, only after one that went well."""
        return None


class Ctx(Generic[A]):
    """An incarnation's view of the kernel. Of no use once the incarnation has ended."""

    __slots__ = ("_running",)

    def __init__(self, running: Incarnation) -> None:
        self._running = running

    @property
    def me(self) -> Ref[A]:
        """The address of this actor."""
        return Ref(self._running.cell)

    @property
    def id(self) -> str:
        """Its id or key under its supervisor."""
        return self._running.spec.id

    @property
    def path(self) -> str:
        return self._running.cell.path

    @property
    def incarnation(self) -> int:
        """1 for the first life at this address, one more for each restart."""
        return self._running.number

    @property
    def clock(self) -> Clock:
        return self._running.kernel.clock

    def spawn(
        self, work: Callable[[], Awaitable[T]], then: Callable[[T | Exception], Tell[A] | None]
    ) -> None:
        """Run `work` beside the actor; `then` makes the message that brings its result or exception back.

        The task is cancelled when the incarnation ends. None from `then` drops the result. An ask made in `work`
        does not hold the actor's mailbox.
        """
        self._running.side.spawn(work, then)

    def after(self, delay: timedelta, msg: Tell[A]) -> Timer:
        """Get `msg` after `delay`, unless the timer is cancelled or the incarnation ends first."""
        return self._running.after(delay.total_seconds(), msg)

    def stash(self) -> NoReturn:
        """Put the present message aside, an ask as well, until `unstash`; leaves the handler by an exception.

        A restart puts what is aside back in front of the mailbox (asks fail). Raises MailboxFull when as much is
        aside as the mailbox holds, and RuntimeError outside of a message.
        """
        raise self._running.put_aside()

    def unstash(self) -> None:
        """Handle what was put aside next, in its old order, before anything else in the mailbox."""
        self._running.stash.put_back()

    @contextmanager
    def unhurried(self) -> Generator[None, None, None]:
        """Within this block the handler may take as long as it likes: it is not reported as frozen."""
        self._running.patience += 1
        try:
            yield
        finally:
            self._running.patience -= 1

    def monitor(self, ref: Ref[Any]) -> None:
        """Get `on_down` when the actor there ends; at once when it is not running."""
        ref.report_end_to(self._running.cell)

    def stop(self, reason: Exit = Normal()) -> None:  # noqa: B008  frozen
        """End after the present message. The first reason given stands."""
        self._running.request_stop(reason)
