"""The census itself: rehearse, kill at every point and once more in each recovery, compare, and count."""

import hashlib
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from tests.census.plans import Kill, Script
from tests.census.playing import KILLED, Played, Theatre, clear, together
from tests.census.points import volatile
from tests.census.world import World

ROOT = Path(__file__).parents[2]
REHEARSALS = 3
TRIES = 5
"""How often a volatile point is waited for, and a second kill drawn anew when the recovery was over before it."""


@dataclass(frozen=True)
class Rehearsal:
    """Undisturbed runs: the world they leave, the points they pass in order, and how many of them came after each."""

    end: World
    points: tuple[str, ...]
    sometimes: tuple[str, ...]
    """Points of volatile classes that not every run passes: they cannot be counted on, and are not counted."""
    left: dict[str, int]
    calls: int
    seconds: float
    imports: float
    """Seconds that a new process takes to import the service, which a forked life does not."""

    @property
    def names(self) -> list[str]:
        """The points' names, without the moment."""
        return list(dict.fromkeys(point.rpartition("@")[0] for point in self.points))


class Unsteady(Exception):
    """Two undisturbed runs differ, so there is nothing to compare with. The message says in what."""


@dataclass
class Figures:
    """What a census has found so far."""

    killed: set[str] = field(default_factory=set)
    missed: set[str] = field(default_factory=set)
    second: Counter[str] = field(default_factory=Counter)
    wrong: list[Played] = field(default_factory=list)
    duplicates: int = 0
    losses: int = 0
    false_kills: int = 0
    runs: int = 0
    lives: int = 0
    first: list[float] = field(default_factory=list)
    whole: list[float] = field(default_factory=list)


def rehearse(theatre: Theatre, jobs: int) -> Rehearsal:
    """Run undisturbed, and make sure that every such run passes the same points and leaves the same world."""
    runs: list[Played] = []
    together([theatre.play(Script(())) for _ in range(REHEARSALS)], jobs, runs.append)
    one = runs[0]
    for run in runs:
        if run.end is None or one.end is None:
            raise Unsteady("\n".join(run.wrong))
        other = {
            point for point in set(run.lives[0].points) ^ set(one.lives[0].points) if not volatile(point)
        }
        differences = [f"only one passes {point}" for point in sorted(other)] + run.end.differences(one.end)
        if differences:
            raise Unsteady("\n".join(differences))
        clear(run)
    assert one.end is not None
    passed = one.lives[0].points
    every = set(passed).intersection(*(run.lives[0].points for run in runs))
    points = tuple(dict.fromkeys(point for point in passed if point in every))
    sometimes = {point for run in runs for point in run.lives[0].points} - every
    left = {point: len(passed) - passed.index(point) for point in points}
    calls = sum(point.endswith("@before") and not point.startswith("journal.") for point in passed)
    return Rehearsal(one.end, points, tuple(sorted(sometimes)), left, calls, one.seconds, imports(theatre))


def imports(theatre: Theatre) -> float:
    """Seconds from the start of a process to the service's first own step, at best."""
    times: list[float] = []
    for _ in range(3):  # the first may have to compile
        began = theatre.monotonic()
        subprocess.run([sys.executable, "-c", "import tests.census.service"], cwd=ROOT, check=True)
        times.append(theatre.monotonic() - began)
    return min(times)


def draw(seed: int, what: str, limit: int) -> int:
    """A number from 1 to `limit`, always the same for the same words."""
    return 1 + int.from_bytes(hashlib.sha256(f"{seed} {what}".encode()).digest()[:8]) % max(limit, 1)


def sample(points: Iterable[str], share: float, seed: int) -> list[str]:
    """A share of the points, at least one."""
    ranked = sorted(points, key=lambda point: draw(seed, point, 1 << 60))
    count = max(1, round(len(ranked) * share))
    chosen = set(ranked[:count])
    return [point for point in points if point in chosen]


class Census:
    """Plays scripts and keeps the figures. `say` is told a line for each difference."""

    def __init__(self, theatre: Theatre, rehearsal: Rehearsal, seed: int, say: Callable[[str], None]) -> None:
        self.theatre = theatre
        self.rehearsal = rehearsal
        self.seed = seed
        self.figures = Figures()
        self._say = say

    def at(self, point: str) -> Generator[int, int, Played]:
        """Kill at a point, then once more in the recovery, at a point of those that it passes."""
        limit = self.rehearsal.left.get(point, 1)
        for more in reversed(range(TRIES)):
            nth = draw(self.seed, point, limit)
            played = yield from self.theatre.play(Script((Kill(point=point), Kill(nth=nth))))
            killed = len(played.lives) > 1
            # Either the recovery was over before its kill, or a point of a class was not passed this time.
            if more == 0 or played.reached or played.wrong or (killed and not played.lives[1].passed):
                break
            limit = len(played.lives[1].passed) if killed else limit
            clear(played)
        return played

    def played(self, played: Played) -> None:
        """Take a run into the figures, and remove it when nothing is wrong with it."""
        figures, lives = self.figures, played.lives
        figures.runs += 1
        figures.lives += len(lives)
        kills = played.script.kills
        first = kills[0].point if kills else None
        if first is not None:
            (figures.killed if lives[0].code == KILLED else figures.missed).add(first)
        if len(kills) > 1:
            figures.second["reached" if played.reached else "nothing left to do"] += 1
        for life in lives[1:]:
            if life.first_commit is not None:
                figures.first.append(life.first_commit + self.rehearsal.imports)
        if len(lives) > 1:
            starts = (len(lives) - 1) * self.rehearsal.imports
            figures.whole.append(lives[-1].ended - lives[0].ended + starts)
        if played.end is not None:
            played.wrong += played.end.differences(self.rehearsal.end)
            self._count(played.end)
        figures.false_kills += played.twice
        if played.wrong:
            figures.wrong.append(played)
            self._say(f"DIFFERENCE after {played.script}, left in {played.place}")
            for line in played.wrong:
                self._say(f"  {line}")
        else:
            clear(played)

    def _count(self, end: World) -> None:
        for where in ("forge", "merges", "files", "refs"):
            expected, found = self.rehearsal.end.facts[where], end.facts[where]
            self.figures.duplicates += (found - expected).total()
            self.figures.losses += (expected - found).total()
        runs = end.facts["runs"] - self.rehearsal.end.facts["runs"]
        self.figures.false_kills += runs.total()


def percentile(values: list[float], share: float) -> float:
    """The value below which that share of them lies."""
    ranked = sorted(values)
    return ranked[min(len(ranked) - 1, int(share * len(ranked)))] if ranked else 0.0


def remove(theatre: Theatre) -> None:
    """Remove the directory of the whole census when nothing was left in it."""
    if not any(theatre.root.iterdir()):
        shutil.rmtree(theatre.root)
