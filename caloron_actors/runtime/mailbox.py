"""A mailbox: one deque, one reader, a bound for what others send and none for the kernel's own entries.

It survives the incarnations of its actor. All entries share one order, so that a Down comes after what the dead sent.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any, Literal

import msgspec

from .errors import ActorGone, MailboxFull
from .exits import Exit
from .messages import Ask, Down, Tell

Overflow = Literal["reject", "drop_oldest", "drop_newest"]
OnUndelivered = Callable[[str, object, Literal["gone", "overflow"]], None]

NO_REPLY = object()
"""What a call has for a value before its reply."""

CLOSED = -1
"""The limit of a closed mailbox: it is over it even when empty."""


class MailboxPolicy(msgspec.Struct, frozen=True):
    """How many messages of others a mailbox holds, and what happens to one more.

    reject: `tell` gives False, `ask` raises, `send` waits for room. drop_newest: the same, but `send` does not wait
    either. drop_oldest: the oldest message makes room (an ask among them fails with MailboxFull).
    """

    capacity: int = 1024
    overflow: Overflow = "reject"


class Call(msgspec.Struct, eq=False):
    """An ask on its way: the message, the asker's path if it is an actor, and the one-shot slot of the reply.

    `waiter` is there once the asker waits; a reply that comes before, in the asker's own stack, needs none.
    """

    msg: Ask[Any, Any]
    asker: str | None = None
    waiter: "asyncio.Future[None] | None" = None
    value: Any = NO_REPLY
    error: Exception | None = None

    def answer(self, value: object) -> None:
        """Give the reply; dropped when the asker no longer waits."""
        waiter = self.waiter
        if waiter is None:
            self.value = value
        elif not waiter.done():
            self.value = value
            waiter.set_result(None)

    def fail(self, error: Exception) -> None:
        waiter = self.waiter
        if waiter is None:
            self.error = error
        elif not waiter.done():
            waiter.set_exception(error)


class Own(msgspec.Struct, eq=False):
    """The kernel's own entry for one incarnation: a timer's or side task's message, or a Down. Never bounded."""

    incarnation: int
    msg: "Tell[Any] | Down"


Entry = Tell[Any] | Call | Own


class Mailbox:
    """The queue of one address. Closed means: nobody will ever read it, so nothing is taken.

    `reader` is there while it waits for entries; `reader.push(reader)` wakes it once. It takes them from `queue`
    itself, counting `own` down for the kernel's and calling `grant_room` for the others when `room` is not empty.
    """

    __slots__ = ("_on_undelivered", "_path", "_policy", "dropped", "limit", "own", "queue", "reader", "room")

    def __init__(self, path: str, on_undelivered: OnUndelivered) -> None:
        self._path = path
        self._on_undelivered = on_undelivered
        self._policy = DEFAULT
        self.queue: deque[Entry] = NOTHING
        self.own = 0
        self.limit = CLOSED
        self.reader: Any = None
        self.room: deque[asyncio.Future[None]] | None = None
        self.dropped = 0

    def __len__(self) -> int:
        return len(self.queue)

    @property
    def is_open(self) -> bool:
        return self.limit != CLOSED

    @property
    def capacity(self) -> int:
        return self._policy.capacity

    def open(self, policy: MailboxPolicy) -> None:
        self._policy = policy
        self.limit = 0 if self.queue is NOTHING else policy.capacity

    def offer(self, item: "Tell[Any] | Call") -> bool:
        """Queue what another sent; False (and counted) when it is closed or full by policy."""
        if len(self.queue) - self.own >= self.limit and not self.make_room():
            return False
        self.queue.append(item)
        reader = self.reader
        if reader is not None:
            self.reader = None
            reader.push(reader)
        return True

    def put_own(self, entry: Own) -> None:
        """Queue an entry of the kernel, bypassing the bound."""
        self._unfold()
        self.own += 1
        self.queue.append(entry)
        self.wake()

    async def send(self, msg: Tell[Any]) -> None:
        """Queue `msg`, waiting for room when the policy is to reject. Raises ActorGone."""
        self._unfold()
        while self.is_open and self._policy.overflow == "reject" and len(self.queue) - self.own >= self.limit:
            waiter = asyncio.get_running_loop().create_future()
            if self.room is None:
                self.room = deque()
            self.room.append(waiter)
            try:
                await waiter
            except asyncio.CancelledError:
                if waiter.done():  # the room was ours: let the next one have it
                    self.grant_room()
                raise
        if not self.is_open:
            raise ActorGone(self._path)
        self.offer(msg)

    def put_back(self, entries: Iterable[Entry]) -> None:
        """Queue what was put aside in front, in its old order, whether there is room or not."""
        aside = list(entries)
        self._unfold()
        self.queue.extendleft(reversed(aside))
        self.own += sum(isinstance(entry, Own) for entry in aside)
        if self.queue:
            self.wake()  # for a reader that rests while a side task of its actor puts back

    def wake(self) -> None:
        reader, self.reader = self.reader, None
        if reader is not None:
            reader.push(reader)

    def fail_calls(self, reason: Exit) -> None:
        """Fail every queued ask and drop the kernel's entries for the dead; tells stay for the next incarnation."""
        if not self.queue:
            return
        entries = tuple(self.queue)
        self.queue.clear()
        self.own = 0
        for entry in entries:
            if isinstance(entry, Call):
                entry.fail(ActorGone(self._path, reason))
                self.grant_room()
            elif not isinstance(entry, Own):
                self.queue.append(entry)

    def close(self, reason: Exit) -> None:
        """Nobody will read this again: drop and count what is left, and turn the waiting senders away."""
        self.limit = CLOSED
        self.fail_calls(reason)
        left = tuple(self.queue)
        self.queue.clear()
        self.dropped += len(left)
        for entry in left:
            self._on_undelivered(self._path, entry, "gone")
        while self.room:
            self.grant_room()

    def make_room(self) -> bool:
        """Make room for one more where the policy says so; else count it as dropped."""
        if self.is_open and self.queue is NOTHING:
            self._unfold()
            if self.limit > 0:
                return True
        if self.is_open and self._policy.overflow == "drop_oldest" and self._drop_oldest():
            return True
        self.dropped += 1
        return False

    def grant_room(self) -> None:
        """Let the sender that has waited longest try again."""
        while self.room:
            waiter = self.room.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return

    def _unfold(self) -> None:
        """Get a queue of its own, which takes as much memory as half of the rest of an idle actor."""
        if self.queue is NOTHING:
            self.queue = deque()
            if self.is_open:
                self.limit = self._policy.capacity

    def _drop_oldest(self) -> bool:
        for index, entry in enumerate(self.queue):
            if not isinstance(entry, Own):
                del self.queue[index]
                self.dropped += 1
                if isinstance(entry, Call):
                    entry.fail(MailboxFull(self._path))
                else:
                    self._on_undelivered(self._path, entry, "overflow")
                return True
        return False


DEFAULT = MailboxPolicy()
NOTHING: deque[Entry] = deque(maxlen=0)
"""The queue of every mailbox that has never had an entry."""
