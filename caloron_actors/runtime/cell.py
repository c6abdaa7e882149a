"""A cell is what stays at an address: the mailbox, the watchers, and whom its actor waits for. Not the actor."""

from collections import deque
from typing import TYPE_CHECKING
from weakref import ref

from .exits import Exit, Shutdown, without_cause
from .mailbox import Mailbox, Own
from .messages import Down
from .telemetry import Poison

if TYPE_CHECKING:
    from .kernel import Kernel


SWEEP_ABOVE = 1000
"""Addresses, dead or alive, that are never looked through."""

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
        self.mailbox = Mailbox(path, kernel.lose)
        self.handled = 0
        self.poison: deque[Poison] | None = None
        self.incarnation = 0
        self.last = 0
        self.ended: Exit = Shutdown("noproc")
        self.asking: list[Cell] | None = None
        self.watchers: dict[Cell, int] | None = None
        self.watching: set[Cell] | None = None

    def started(self, incarnation: int) -> None:
        self.incarnation = self.last = incarnation

    def ended_with(self, reason: Exit) -> None:
        """The incarnation is over: fail its queued asks, then tell its watchers."""
        number, self.incarnation = self.incarnation, 0
        self.ended = without_cause(reason)
        self.asking = None
        self.mailbox.fail_calls(reason)
        watching, self.watching = self.watching, None
        for target in watching or ():
            if target.watchers is not None:
                target.watchers.pop(self, None)
        watchers, self.watchers = self.watchers, None
        for watcher, times in (watchers or {}).items():
            if watcher.watching is not None:
                watcher.watching.discard(self)
            for _ in range(times):
                watcher.put_down(Down(self.path, reason, number))

    def watch(self, watcher: "Cell") -> None:
        """Send `watcher`'s present incarnation a Down when this one ends; at once when nothing runs here."""
        if not watcher.incarnation:
            return
        if self.incarnation:
            if self.watchers is None:
                self.watchers = {}
            if watcher.watching is None:
                watcher.watching = set()
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
        self.mailbox.close(self.ended)

    def will_wait_for(self, cell: "Cell") -> None:
        """This actor's handler asks `cell`."""
        if self.asking is None:
            self.asking = []
        self.asking.append(cell)

    def waits_no_more_for(self, cell: "Cell") -> None:
        """It has its reply, or will have none. The end of the actor has cleared the list."""
        if self.asking and cell in self.asking:
            self.asking.remove(cell)

    def waits_for(self, asker: "Cell") -> bool:
        """True when this actor's handler waits, directly or through others, for a reply of `asker`."""
        seen: set[int] = set()
        ahead = list(self.asking or ())
        while ahead:
            cell = ahead.pop()
            if cell is asker:
                return True
            if id(cell) not in seen:
                seen.add(id(cell))
                ahead.extend(cell.asking or ())
        return False


class Registry:
    """All cells by path. A cell lives as long as a child's record or a ref holds it."""

    def __init__(self, kernel: "Kernel") -> None:
        self._kernel = kernel
        self._cells: dict[str, ref[Cell]] = {}
        self._sweep_above = SWEEP_ABOVE

    def cell(self, path: str) -> Cell:
        """The one cell of that path, made when it is not there."""
        known = self._cells.get(path)
        cell = None if known is None else known()
        if cell is None:
            cell = Cell(self._kernel, path)
            self._cells[path] = ref(cell)
            if len(self._cells) > self._sweep_above:
                self._sweep()
        return cell

    def _sweep(self) -> None:
        """Forget the dead addresses, each time there are twice as many as there were alive."""
        self._cells = {path: known for path, known in self._cells.items() if known() is not None}
        self._sweep_above = 2 * len(self._cells) + SWEEP_ABOVE
