"""Refs: logical addresses of actors, with the three ways to send. A ref survives every restart of its actor."""

from asyncio import get_running_loop
from typing import Generic, TypeVar

from .cell import Cell
from .deadlines import Overdue
from .driver import Turn
from .errors import ActorGone, AskCycle, AskTimeout, MailboxFull
from .mailbox import NO_REPLY, Call
from .messages import Ask, Tell
from .origin import VOICE, Voice

A = TypeVar("A")
R = TypeVar("R")


class Ref(Generic[A]):
    """The address of an actor of type A. Equal and hashable by path."""

    __slots__ = ("_cell", "path")

    def __init__(self, cell: Cell) -> None:
        self._cell = cell
        self.path = cell.path

    def tell(self, msg: Tell[A]) -> bool:
        """Queue `msg` and go on; never waits. False when it was dropped: nobody there, or full by policy."""
        voice = VOICE.get()
        if voice is not None and voice.fenced:
            return False
        mailbox = self._cell.mailbox  # `offer` once more, because the call would cost a fifth of a tell
        if len(mailbox.queue) - mailbox.own >= mailbox.limit and not mailbox.make_room():
            return False
        mailbox.queue.append(msg)
        reader = mailbox.reader
        if reader is not None:
            mailbox.reader = None
            reader.push(reader)
        return True

    async def send(self, msg: Tell[A]) -> None:
        """Queue `msg`, waiting for room. For the edges only: an actor that waits may deadlock with another.

        Raises ActorGone when nobody is, or will be, there.
        """
        voice = VOICE.get()
        if voice is not None and voice.fenced:
            raise ActorGone(voice.cell.path)
        await self._cell.mailbox.send(msg)

    async def ask(self, msg: Ask[A, R], *, timeout: float | None = 5.0) -> R:
        """Send `msg` and wait for its reply, at most `timeout` seconds (None: without limit).

        Raises AskTimeout, ActorGone (nobody there, or it died before replying), AskCycle (the target waits for the
        asker) and MailboxFull. After AskTimeout or ActorGone the work may have been done or not. A deadline of a
        second or more may pass a tenth of a second late.
        """
        cell, mailbox = self._cell, self._cell.mailbox
        voice, asker = VOICE.get(), None
        if voice is not None:
            asker = self._check(voice)
        call = Call(msg, None if voice is None else voice.cell.path)
        idle, mailbox.reader = mailbox.reader, None
        if not mailbox.offer(call):
            mailbox.reader = idle
            raise MailboxFull(self.path) if mailbox.is_open else ActorGone(self.path, cell.ended)
        if asker is not None:
            asker.will_wait_for(cell)
        try:
            lender = None
            if idle is not None:
                lender = cell.kernel.scheduler.run_now(idle)
                if lender is None:
                    idle.push(idle)
            if call.value is NO_REPLY:
                await self._wait(call, timeout)
            elif lender is not None and lender.cancelling():
                await Turn()  # the handler may have cancelled the asker, who hears of it while it asks
            reply: R = call.value
            return reply
        finally:
            if asker is not None:
                asker.waits_no_more_for(cell)

    async def _wait(self, call: Call, timeout: float | None) -> None:
        if call.error is not None:
            raise call.error
        call.waiter = get_running_loop().create_future()
        due = None if timeout is None else self._cell.kernel.deadlines.add(call, timeout)
        try:
            await call.waiter
        except Overdue:
            raise AskTimeout(self.path, timeout or 0.0) from None
        finally:
            if due is not None:
                due.discard(call)

    def _check(self, voice: Voice) -> Cell | None:
        """The asking actor's cell when its handler will wait, and must not wait in a circle."""
        asker = voice.cell
        if voice.fenced:
            raise ActorGone(asker.path)
        if not voice.in_handler:
            return None
        cell = self._cell
        if cell is asker or (cell.asking and cell.waits_for(asker)):
            raise AskCycle(self.path, asker.path)
        return asker

    def report_end_to(self, watcher: Cell) -> None:
        """Monitor this address in the name of `watcher`'s present incarnation; `Ctx.monitor` is the way to call it."""
        self._cell.watch(watcher)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Ref) and self.path == other.path

    def __hash__(self) -> int:
        return hash(self.path)

    def __repr__(self) -> str:
        return f"Ref({self.path!r})"
