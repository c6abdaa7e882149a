"""How often and how soon one child is restarted: its own budget and its backoff. Values and arithmetic only."""

from typing import Literal

import msgspec


class Backoff(msgspec.Struct, frozen=True):
    """Seconds to wait before a restart: `first`, then `factor` times as long each time, never above `cap`.

    A draw from the injected entropy shortens a delay by up to `jitter` of itself. An incarnation that stayed up for
    `cap` seconds starts the row anew.
    """

    first: float
    cap: float
    factor: float = 2.0
    jitter: float = 0.0

    def delay(self, failures: int, draw: float) -> float:
        """Seconds before the restart that follows `failures` earlier ones in a row; 0 <= draw < 1."""
        return self._base(failures) * (1.0 - self.jitter * draw)

    def shortest(self, restarts: int) -> float:
        """The least time in seconds that so many delays in a row can take."""
        return sum(self._base(number) for number in range(restarts)) * (1.0 - self.jitter)

    def check(self, id_: str) -> None:
        """Raises ValueError for numbers that make no sense."""
        if not (0 < self.first <= self.cap and self.factor >= 1 and 0 <= self.jitter < 1):
            raise ValueError(f"{id_}: a backoff needs 0 < first <= cap, factor >= 1 and 0 <= jitter < 1")

    def _base(self, failures: int) -> float:
        base = self.first
        for _ in range(failures):
            base *= self.factor
            if base >= self.cap:
                return self.cap
        return base


class Budget(msgspec.Struct, frozen=True):
    """A child's own restarts: more than `restarts` within `period` seconds exhausts it.

    They do not count for the supervisor. Exhausted, the child escalates (its supervisor gives up) or is parked: it
    stays down, visible, until `restart_child`.
    """

    restarts: int
    period: float
    on_exhausted: Literal["escalate", "park"] = "park"

    def check(self, id_: str) -> None:
        """Raises ValueError for numbers that make no sense."""
        if self.restarts < 0 or self.period <= 0:
            raise ValueError(f"{id_}: a budget needs at least 0 restarts and a period above 0")


def check_pace(id_: str, backoff: Backoff | None, budget: Budget | None) -> None:
    """Refuse a backoff so slow that the child's own budget can never be exhausted. Raises ValueError."""
    if budget is not None:
        budget.check(id_)
    if backoff is not None:
        backoff.check(id_)
        if budget is not None:
            check_reachable(id_, backoff, budget.restarts, budget.period)


def check_reachable(id_: str, backoff: Backoff, restarts: int, period: float) -> None:
    """Raises ValueError when so many delays never fit into the period, so that the limit could not be reached."""
    if restarts and backoff.shortest(restarts) >= period:
        raise ValueError(f"{id_}: with this backoff {restarts} restarts never fall into {period} s")
