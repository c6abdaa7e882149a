"""A cell is what stays at an address: the mailbox, the watchers, and whom its actor waits for. Not the actor."""

from collections import deque
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

from .errors import ActorGone
from .exits import Exit, Shutdown, without_cause
from .mailbox import Mailbox, Own
from .messages import Down
from .telemetry import Poison

if TYPE_CHECKING:
    from .kernel import Kernel


POISON_KEPT = 16
"""Messages on record per address."""


class Cell:
    """One logical address. `incarnation` is 0 while nothing runs there, and `last` the number of the latest."""

    __slots__ = (
        "__weakref__",
        "asking",
        "ended",
        "handled",
        "incarnation",
        "kernel",
        "last",
        "mailbox",
        "path",
        "poison",
        "watchers",
        "watching",
    )

    def __init__(self, kernel: "Kernel", path: str) -> None:
        self.kernel = kernel
        self.path = path
        self.mailbox = Mailbox(path, kernel.undelivered)
        self.handled = 0
        self.poison: deque[Poison] | None = None
        self.incarnation = 0
        self.last = 0
        self.ended: Exit = Shutdown("noproc")
        self.asking: list[Cell] = []
        self.watchers: dict[Cell, int] = {}
        self.watching: set[Cell] = set()

    def started(self, incarnation: int) -> None:
        self.incarnation = self.last = incarnation

    def ended_with(self, reason: Exit) -> None:
        """The incarnation is over: fail its queued asks, then tell its watchers."""
        number, self.incarnation = self.incarnation, 0
        self.ended = without_cause(reason)
        self.asking.clear()
        self.mailbox.fail_calls(ActorGone(self.path, reason))
        for target in self.watching:
            target.watchers.pop(self, None)
        self.watching.clear()
        watchers, self.watchers = self.watchers, {}
        for watcher, times in watchers.items():
            watcher.watching.discard(self)
            for _ in range(times):
                watcher.put_down(Down(self.path, reason, number))

    def watch(self, watcher: "Cell") -> None:
        """Send `watcher`'s present incarnation a Down when this one ends; at once when nothing runs here."""
        if not watcher.incarnation:
            return
        if self.incarnation:
            self.watchers[watcher] = self.watchers.get(watcher, 0) + 1
            watcher.watching.add(self)
        else:
            watcher.put_down(Down(self.path, self.ended, self.last))

    def keep_poison(self, poison: Poison) -> None:
        """Put a message that crashed its actor on record, in place of the oldest when there are many."""
        if self.poison is None:
            self.poison = deque(maxlen=POISON_KEPT)
        self.poison.append(poison)

    def put_down(self, down: Down) -> None:
        """Queue a Down for the present incarnation, which was the one that asked for it."""
        self.mailbox.put_own(Own(self.incarnation, down))

    def close(self) -> None:
        """The address is given up for good, or until somebody registers it again."""
        self.mailbox.close(ActorGone(self.path, self.ended))

    def waits_for(self, asker: "Cell") -> bool:
        """True when this actor's handler waits, directly or through others, for a reply of `asker`."""
        seen: set[int] = set()
        ahead = list(self.asking)
        while ahead:
            cell = ahead.pop()
            if cell is asker:
                return True
            if id(cell) not in seen:
                seen.add(id(cell))
                ahead.extend(cell.asking)
        return False


class Registry:
    """All cells by path. A cell lives as long as a child's record or a ref holds it."""

    def __init__(self, kernel: "Kernel") -> None:
        self._kernel = kernel
        self._cells: WeakValueDictionary[str, Cell] = WeakValueDictionary()

    def cell(self, path: str) -> Cell:
        """The one cell of that path, made when it is not there."""
        cell = self._cells.get(path)
        if cell is None:
            cell = self._cells[path] = Cell(self._kernel, path)
        return cell
