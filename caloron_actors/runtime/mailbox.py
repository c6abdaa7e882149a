"""A mailbox: one deque, one waiter, a bound for what others send and none for the kernel's own entries.

It survives the incarnations of its actor. All entries share one order, so that a Down comes after what the dead sent.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any, Literal

import msgspec

from .errors import ActorGone, MailboxFull
from .messages import Ask, Down, Tell

Overflow = Literal["reject", "drop_oldest", "drop_newest"]
OnUndelivered = Callable[[str, object, Literal["gone", "overflow"]], None]


class MailboxPolicy(msgspec.Struct, frozen=True):
    """How many messages of others a mailbox holds, and what happens to one more.

    reject: `tell` gives False, `ask` raises, `send` waits for room. drop_newest: the same, but `send` does not wait
    either. drop_oldest: the oldest message makes room (an ask among them fails with MailboxFull).
    """

    capacity: int = 1024
    overflow: Overflow = "reject"


class Call:
    """An ask on its way: the message and the asker's one-shot reply slot."""

    __slots__ = ("asker", "msg", "reply")

    def __init__(self, msg: Ask[Any, Any], reply: "asyncio.Future[Any]", asker: str | None = None) -> None:
        self.msg = msg
        self.reply = reply
        self.asker = asker

    def answer(self, value: object) -> None:
        """Give the reply; dropped when the asker no longer waits."""
        if not self.reply.done():
            self.reply.set_result(value)

    def fail(self, error: Exception) -> None:
        if not self.reply.done():
            self.reply.set_exception(error)


class Own:
    """The kernel's own entry for one incarnation: a timer's or side task's message, or a Down. Never bounded."""

    __slots__ = ("incarnation", "msg")

    def __init__(self, incarnation: int, msg: "Tell[Any] | Down") -> None:
        self.incarnation = incarnation
        self.msg = msg


Entry = Tell[Any] | Call | Own


class Mailbox:
    """The queue of one address. Closed means: nobody will ever read it, so nothing is taken."""

    __slots__ = (
        "_bounded",
        "_on_undelivered",
        "_path",
        "_policy",
        "_queue",
        "_room",
        "_waiter",
        "dropped",
        "is_open",
    )

    def __init__(self, path: str, on_undelivered: OnUndelivered) -> None:
        self._path = path
        self._on_undelivered = on_undelivered
        self._policy = MailboxPolicy()
        self._queue: deque[Entry] = deque()
        self._bounded = 0
        self._waiter: asyncio.Future[None] | None = None
        self._room: deque[asyncio.Future[None]] = deque()
        self.is_open = False
        self.dropped = 0

    def __len__(self) -> int:
        return len(self._queue)

    def open(self, policy: MailboxPolicy) -> None:
        self._policy = policy
        self.is_open = True

    def offer(self, item: "Tell[Any] | Call") -> bool:
        """Queue what another sent; False (and counted) when it is closed or full by policy."""
        if not self.is_open or (self._bounded >= self._policy.capacity and not self._make_room()):
            self.dropped += 1
            return False
        self._bounded += 1
        self._queue.append(item)
        self.wake()
        return True

    def put_own(self, entry: Own) -> None:
        """Queue an entry of the kernel, bypassing the bound."""
        self._queue.append(entry)
        self.wake()

    async def send(self, msg: Tell[Any]) -> None:
        """Queue `msg`, waiting for room when the policy is to reject. Raises ActorGone."""
        while self.is_open and self._policy.overflow == "reject" and self._bounded >= self._policy.capacity:
            waiter = asyncio.get_running_loop().create_future()
            self._room.append(waiter)
            try:
                await waiter
            except asyncio.CancelledError:
                if waiter.done():  # the room was ours: let the next one have it
                    self._grant_room()
                raise
        if not self.is_open:
            raise ActorGone(self._path)
        self.offer(msg)

    def take(self) -> Entry | None:
        """The next entry, or None when there is none."""
        if not self._queue:
            return None
        entry = self._queue.popleft()
        if entry.__class__ is not Own:
            self._bounded -= 1
            if self._room:
                self._grant_room()
        return entry

    def put_back(self, entries: Iterable[Entry]) -> None:
        """Queue what was put aside in front, in its old order, whether there is room or not."""
        aside = list(entries)
        self._queue.extendleft(reversed(aside))
        self._bounded += sum(not isinstance(entry, Own) for entry in aside)

    @property
    def capacity(self) -> int:
        return self._policy.capacity

    async def wait(self) -> None:
        """Wait until `wake` is called; one reader only."""
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def wake(self) -> None:
        waiter = self._waiter
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    def fail_calls(self, error: ActorGone) -> None:
        """Fail every queued ask and drop the kernel's entries for the dead; tells stay for the next incarnation."""
        kept: deque[Entry] = deque()
        for entry in self._queue:
            if isinstance(entry, Call):
                self._bounded -= 1
                entry.fail(error)
                self._grant_room()
            elif not isinstance(entry, Own):
                kept.append(entry)
        self._queue = kept

    def close(self, error: ActorGone) -> None:
        """Nobody will read this again: drop and count what is left, and turn the waiting senders away."""
        self.is_open = False
        self.fail_calls(error)
        left, self._queue = self._queue, deque()
        self.dropped += len(left)
        self._bounded = 0
        for entry in left:
            self._on_undelivered(self._path, entry, "gone")
        while self._room:
            self._grant_room()

    def _make_room(self) -> bool:
        if self._policy.overflow != "drop_oldest":
            return False
        for index, entry in enumerate(self._queue):
            if not isinstance(entry, Own):
                del self._queue[index]
                self._bounded -= 1
                self.dropped += 1
                if isinstance(entry, Call):
                    entry.fail(MailboxFull(self._path))
                else:
                    self._on_undelivered(self._path, entry, "overflow")
                return True
        return False

    def _grant_room(self) -> None:
        while self._room:
            waiter = self._room.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return
