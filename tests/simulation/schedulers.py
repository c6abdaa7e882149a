"""Who runs next when several tasks could: the ways a seed explores the orders that concurrency allows."""

from collections.abc import Sequence
from typing import Any, Protocol

from tests.simulation.chance import Chance

PLAIN = -1
"""The choice of the first plain callback."""

NONE = -1
"""Instead of the step at which the first plain callback was queued: there is none."""

Ready = tuple[int, int, int, Any, Any]
"""A task's serial number, the step at which it became ready, the order of that, what to run, and the task."""


class Scheduler(Protocol):
    """Chooses the index of a ready task, or PLAIN. `plain`: when the first plain callback was queued, or NONE."""

    def choose(self, ready: Sequence[Ready], plain: int) -> int: ...


class Uniform:
    """Every ready task, and the first plain callback, is as likely as the others."""

    def __init__(self, chance: Chance) -> None:
        self._unit = chance.unit

    def choose(self, ready: Sequence[Ready], plain: int) -> int:
        """See the protocol."""
        extra = plain != NONE
        return int(self._unit() * (len(ready) + extra)) - extra


class Fifo:
    """The order of the stock loop, except that those made ready by one step go by their serial numbers."""

    def choose(self, ready: Sequence[Ready], plain: int) -> int:
        """See the protocol."""
        best = 0
        for index, entry in enumerate(ready):
            if entry[1] < ready[best][1]:
                best = index
        return PLAIN if NONE != plain <= ready[best][1] else best


class Pct:
    """Probabilistic concurrency testing: a random priority for each task, and `depth` - 1 moments of change.

    Finds any ordering bug of that depth with a known probability (Burckhardt and others, 2010).
    """

    def __init__(self, chance: Chance, depth: int, horizon: int) -> None:
        self._chance = chance
        self._priority: dict[int, float] = {}
        self._steps = 0
        self._changes = {chance.below(horizon): -1.0 - n for n in range(depth - 1)}

    def choose(self, ready: Sequence[Ready], plain: int) -> int:
        """See the protocol. Plain callbacks deliver results and cancellations: they must go on beside the tasks."""
        self._steps += 1
        if plain != NONE and self._chance.unit() < 0.5:
            return PLAIN
        best = max(range(len(ready)), key=lambda index: self._of(ready[index][0]))
        change = self._changes.pop(self._steps, None)
        if change is not None:
            self._priority[ready[best][0]] = change
        return best

    def _of(self, serial: int) -> float:
        found = self._priority.get(serial)
        if found is None:
            found = self._priority[serial] = self._chance.unit()
        return found


class StarveOne:
    """One task at a time hardly ever gets its turn; who that is changes now and then."""

    LEAK = 0.02
    TERM = 400

    def __init__(self, chance: Chance) -> None:
        self._chance = chance
        self._victim = -1
        self._left = 0

    def choose(self, ready: Sequence[Ready], plain: int) -> int:
        """See the protocol."""
        self._left -= 1
        if self._left < 0:
            self._left = self._chance.below(self.TERM)
            self._victim = self._chance.pick(ready)[0]
        extra = plain != NONE
        index = int(self._chance.unit() * (len(ready) + extra)) - extra
        if index != PLAIN and ready[index][0] == self._victim and self._chance.unit() > self.LEAK:
            others = len(ready) - 1
            if others:
                return (index + 1) % len(ready)
            if extra:
                return PLAIN
        return index


def drawn(chance: Chance, horizon: int = 20_000) -> Scheduler:
    """One of them, with its parameters."""
    turn = chance.below(10)
    if turn < 5:
        return Uniform(chance)
    if turn < 6:
        return Fifo()
    if turn < 8:
        return Pct(chance, 2 + chance.below(4), horizon)
    return StarveOne(chance)
