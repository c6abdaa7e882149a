"""The sums over many seeds."""

from collections import Counter

import msgspec

from tests.simulation.runner import Outcome


class Sums(msgspec.Struct, frozen=True, kw_only=True):
    """What `--json` writes of all seeds. `broken`: seeds with which a promise was broken; `twice`: those run twice."""

    seeds: int
    broken: int
    twice: int
    sprints: int
    lives: int
    faults: int
    virtual_hours: float


class Tally:
    """What came of all seeds together."""

    def __init__(self) -> None:
        self.seeds = self.broken = self.sprints = self.lives = self.steps = self.twice = 0
        self.virtual = 0.0
        self.modes: Counter[str] = Counter()
        self.faults: Counter[str] = Counter()

    def add(self, outcome: Outcome) -> None:
        """Count one seed."""
        self.seeds += 1
        self.broken += bool(outcome.broken)
        self.sprints += outcome.sprints
        self.lives += outcome.lives
        self.steps += outcome.steps
        self.twice += outcome.twice
        self.virtual += outcome.seconds
        self.modes[outcome.mode] += 1
        self.faults.update(outcome.faults)

    def line(self, seconds: float) -> str:
        """Everything in a few lines; the last one has the counts."""
        faults = " ".join(f"{kind}={count}" for kind, count in sorted(self.faults.items()))
        modes = ", ".join(f"{count} {mode}" for mode, count in sorted(self.modes.items()))
        return (
            f"faults: {faults}\n"
            f"{self.seeds} seeds ({modes}), {self.broken} broken, {self.twice} run twice; {self.sprints} sprints ended, "
            f"{self.lives} lives, {sum(self.faults.values())} faults, {self.virtual / 3600:.0f} virtual hours, "
            f"{self.steps} steps; {self.seeds / seconds:.1f} seeds/s"
        )

    def sums(self) -> Sums:
        """The same as data."""
        return Sums(
            seeds=self.seeds,
            broken=self.broken,
            twice=self.twice,
            sprints=self.sprints,
            lives=self.lives,
            faults=sum(self.faults.values()),
            virtual_hours=self.virtual / 3600,
        )
