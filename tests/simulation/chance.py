"""Seeded chance: one stream of draws for each name, so that a new draw in one place moves no other."""

import random  # noqa: TID251 - seeded, and the only source of chance in a simulation
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


class Chance:
    """Draws that follow from a seed and a name alone, whatever the hash seed of the process is."""

    def __init__(self, seed: int, name: str = "") -> None:
        self.seed = seed
        self._random = random.Random(f"{seed}/{name}")  # noqa: S311 - it must be possible to foretell
        self.unit = self._random.random
        """A number of [0, 1)."""

    def stream(self, name: str) -> "Chance":
        """The stream of that name."""
        return Chance(self.seed, name)

    def below(self, limit: int) -> int:
        """A whole number of [0, limit)."""
        return int(self.unit() * limit)

    def between(self, low: float, high: float) -> float:
        return low + (high - low) * self.unit()

    def spread(self, low: float, high: float) -> float:
        """A number between two positive ones, each order of magnitude as likely as another."""
        return float(low * (high / low) ** self.unit())

    def happens(self, rate: float) -> bool:
        return self.unit() < rate

    def pick(self, choices: Sequence[T]) -> T:
        return choices[self.below(len(choices))]

    def some(self, choices: Sequence[T], count: int) -> list[T]:
        """`count` different ones."""
        return self._random.sample(choices, count)
