"""The lines of the runtime benchmark: who was measured how often, medians, ratios, and whether a goal is reached."""

import gc
import statistics
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import runtime_peers as peers

Measure = Callable[[], float]
COLUMNS = ("ours", "asyncio.Queue", "anyio", "pykka", "erlang", "limit")
TITLES = ("ours", "Queue", "anyio", "pykka", "erlang", "limit", "/Queue", "/pykka", "/erlang")
AGAINST = ("asyncio.Queue", "pykka", "erlang")
NAMES = {"Q": "asyncio.Queue", "P": "pykka", "E": "erlang"}


@dataclass(frozen=True)
class Goal:
    """`factor` times a peer's rate, or at most that share of its time; or, without a peer, at most so much."""

    tier: str
    factor: float
    peer: str | None = None


@dataclass
class Row:
    """One line of the table. `more` is better, or (for times and sizes) less."""

    name: str
    erlang: str = ""
    more: bool = True
    goals: tuple[Goal, ...] = ()
    measures: dict[str, Measure] = field(default_factory=dict)
    seen: dict[str, list[float]] = field(default_factory=dict)

    def peer(self, name: str, work: Callable[..., Awaitable[float]], *arguments: Any) -> None:
        self.measures[name] = lambda: peers.run(work(*arguments))

    def must(self, factor: float, peer: str | None = None) -> "Row":
        self.goals += (Goal("must", factor, peer),)
        return self

    def reach(self, factor: float, peer: str | None = None) -> "Row":
        self.goals += (Goal("reach", factor, peer),)
        return self

    def play(self) -> None:
        """Measure everybody once."""
        for name, measure in self.measures.items():
            gc.collect()
            self.seen.setdefault(name, []).append(measure())

    def median(self, name: str) -> float | None:
        values = self.seen.get(name)
        return statistics.median(values) if values else None

    def best(self, name: str) -> float | None:
        """Of all rounds the one with which other programs interfered least."""
        values = self.seen.get(name)
        return None if not values else max(values) if self.more else min(values)

    def ratio(self, name: str) -> float | None:
        """How many times better than that peer: above 1 is in our favour."""
        own, other = self.median("ours"), self.median(name)
        if not own or not other:
            return None
        return own / other if self.more else other / own

    def reached(self, goal: Goal) -> bool | None:
        """None when the peer is not here."""
        if goal.peer is None:
            own = self.median("ours")
            return None if own is None else own <= goal.factor
        ratio = self.ratio(NAMES[goal.peer])
        return None if ratio is None else ratio >= self.needed(goal)

    def needed(self, goal: Goal) -> float:
        """A time of at most half of a peer's is to be twice as good."""
        return goal.factor if self.more else 1 / goal.factor

    def line(self) -> str:
        cells = [_figure(self.median(name)) for name in COLUMNS]
        ratios = [self.ratio(name) for name in AGAINST]
        cells += ["-" if ratio is None else f"{ratio:.2f}x" for ratio in ratios]
        return f"{self.name:<19}" + "".join(f"{cell:>8}" for cell in cells) + f"  {self._goals()}"

    def _goals(self) -> str:
        """The goals, each with a mark when it is missed."""
        tiers = []
        for tier in ("must", "reach"):
            goals = [goal for goal in self.goals if goal.tier == tier]
            tiers.append(" ".join(self._goal(goal) for goal in goals))
        return "" if not self.goals else f"{tiers[0]:<10}| {tiers[1]}".rstrip(" |")

    def _goal(self, goal: Goal) -> str:
        sign = ">=" if self.more else "<="
        return f"{sign}{goal.factor:g}{goal.peer or ''}{'!' if self.reached(goal) is False else ''}"

    def missed(self) -> list[Goal]:
        return [goal for goal in self.goals if self.reached(goal) is False]


def heading() -> str:
    return f"{'':<19}" + "".join(f"{title:>8}" for title in TITLES) + "  must      | reach"


def _figure(value: float | None) -> str:
    if value is None:
        return "-"
    if value >= 1e6:
        return f"{value / 1e6:.2f}M"
    if value >= 1e4:
        return f"{value / 1e3:.0f}k"
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"
