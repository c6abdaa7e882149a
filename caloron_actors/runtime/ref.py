"""Refs: logical addresses of actors, with the three ways to send. A ref survives every restart of its actor."""

import asyncio
from typing import Generic, TypeVar

from .cell import Cell
from .errors import ActorGone, AskCycle, AskTimeout, MailboxFull
from .mailbox import Call
from .messages import Ask, Tell
from .origin import VOICE

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
        if voice is not None and voice.origin.fenced:
            return False
        return self._cell.mailbox.offer(msg)

    async def send(self, msg: Tell[A]) -> None:
        """Queue `msg`, waiting for room. For the edges only: an actor that waits may deadlock with another.

        Raises ActorGone when nobody is, or will be, there.
        """
        voice = VOICE.get()
        if voice is not None and voice.origin.fenced:
            raise ActorGone(voice.origin.cell.path)
        await self._cell.mailbox.send(msg)

    async def ask(self, msg: Ask[A, R], *, timeout: float | None = 5.0) -> R:
        """Send `msg` and wait for its reply, at most `timeout` seconds (None: without limit).

        Raises AskTimeout, ActorGone (nobody there, or it died before replying), AskCycle (the target waits for the
        asker) and MailboxFull. After AskTimeout or ActorGone the work may have been done or not.
        """
        cell = self._cell
        voice = VOICE.get()
        if voice is None:
            return await self._exchange(msg, timeout, None)
        if voice.origin.fenced:
            raise ActorGone(voice.origin.cell.path)
        asker = voice.origin.cell
        if not voice.in_handler:
            return await self._exchange(msg, timeout, asker.path)
        if cell is asker or cell.waits_for(asker):
            raise AskCycle(self.path, asker.path)
        asker.asking.append(cell)
        try:
            return await self._exchange(msg, timeout, asker.path)
        finally:
            if cell in asker.asking:  # the end of the asker's incarnation has cleared the list
                asker.asking.remove(cell)

    async def _exchange(self, msg: Ask[A, R], timeout: float | None, asker: str | None) -> R:
        cell = self._cell
        reply: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        call = Call(msg, reply, asker)
        if not cell.mailbox.offer(call):
            raise MailboxFull(self.path) if cell.mailbox.is_open else ActorGone(self.path, cell.ended)
        if timeout is None:
            return await reply
        timer = cell.kernel.timers.after(timeout, lambda: self._time_out(call, timeout))
        try:
            return await reply
        finally:
            timer.cancel()

    def _time_out(self, call: Call, timeout: float) -> None:
        self._cell.kernel.timed_out += 1
        call.fail(AskTimeout(self.path, timeout))

    def report_end_to(self, watcher: Cell) -> None:
        """Monitor this address in the name of `watcher`'s present incarnation; `Ctx.monitor` is the way to call it."""
        self._cell.watch(watcher)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Ref) and self.path == other.path

    def __hash__(self) -> int:
        return hash(self.path)

    def __repr__(self) -> str:
        return f"Ref({self.path!r})"
