"""Every two kills: the service in memory dies at each write, and its recovery at each of its own writes.

A kill at a read leaves the same world as one right after the write before it, so writes alone are points here.
"""

from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing import get_context

import anyio
import click
import msgspec
import structlog

from tests.actors.cast import Cast, picky
from tests.actors.faults import WRITES, When
from tests.actors.rehearsal import Rehearsal, rehearse
from tests.actors.service import Service, running
from tests.census.census import draw
from tests.domain.sprint.plans import dag, task

TOLD_EVERY = 20
CHAIN = dag(task("a"), task("b", "a"))
"""Two tasks, the second needs the first; the first is sent back once."""


@dataclass(frozen=True)
class Pairs:
    """What became of one first kill: how many writes its recovery passes, at how many of them it was killed again."""

    first: int
    total: int
    played: int
    wrong: tuple[str, ...]


class Tally(msgspec.Struct, frozen=True, kw_only=True):
    """The figures for the reliability card."""

    first_kills: int
    pairs_total: int
    pairs_covered: int
    differences: int


class Counted:
    """Numbers the writes that the service passes, before and after each, and kills it at the one it is told to."""

    def __init__(self, service: Service, nth: int | None) -> None:
        self.passed: list[str] = []
        self._service = service
        self._nth = nth
        service.faults.passing = self._pass

    def _pass(self, name: str, when: When) -> None:
        if name in WRITES:
            self.passed.append(f"{name}@{when}")
            if len(self.passed) == self._nth:
                self._service.faults.passing = None
                self._service.kill()


async def prepare() -> tuple[Rehearsal, int]:
    """An undisturbed run, and how many points it passes."""
    rehearsal = await rehearse(CHAIN, Cast(reviewer=picky("a")))
    return rehearsal, 2 * len(rehearsal.writes)


async def killed(rehearsal: Rehearsal, kills: tuple[int, ...]) -> tuple[list[str], int]:
    """Kill each life at its place, let the last one go on to the end; what differs, and how much the last one passed.

    A life is started as `run` does it or as `serve` does, in turn.
    """
    async with running(rehearsal.plan, cast=rehearsal.cast) as service:
        names: list[str] = []
        for nth in kills:
            counted = Counted(service, nth)
            await service.until(lambda: service.dead)
            names.append(counted.passed[-1])
            await service.start(take_up=sum(kills) % 2 == 0 or await _over(service))
        last = Counted(service, None)
        await service.finish()
        told = " then ".join(f"+{nth} ({name})" for nth, name in zip(kills, names, strict=True))
        return [f"{told}: {line}" for line in await rehearsal.compare(service)], len(last.passed)


async def _over(service: Service) -> bool:
    """Whether nothing is left to do, so that `serve` would not even take the sprint up."""
    stored = await service.journal.load(service.id)
    ended = stored is not None and stored.head.outcome is not None
    return ended and not await service.journal.open_intents(service.id)


async def pairs_of(rehearsal: Rehearsal, first: int, share: float, seed: int) -> Pairs:
    """Kill at `first`, and then at a share of all that the recovery passes."""
    wrong, total = await killed(rehearsal, (first,))
    seconds = [nth for nth in range(1, total + 1) if drawn(seed, f"{first} {nth}", share)]
    for second in seconds:
        wrong += (await killed(rehearsal, (first, second)))[0]
    return Pairs(first, total, len(seconds), tuple(wrong))


def drawn(seed: int, what: str, share: float) -> bool:
    """Whether something belongs to a share, always the same for the same words."""
    return draw(seed, what, 1_000_000) <= share * 1_000_000


def _quiet() -> None:
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(50), cache_logger_on_first_use=False
    )


def _work(arguments: tuple[int, float, int]) -> Pairs:
    first, share, seed = arguments
    _quiet()

    async def main() -> Pairs:
        return await pairs_of(await _rehearsed(), first, share, seed)

    return anyio.run(main)


_KNOWN: list[Rehearsal] = []


async def _rehearsed() -> Rehearsal:
    """Once in each process."""
    if not _KNOWN:
        _KNOWN.append((await prepare())[0])
    return _KNOWN[0]


def all_pairs(jobs: int, share: float, seed: int, say: Callable[[str], None]) -> Tally:
    """Play them by command, and say what was covered and what differs."""
    _quiet()
    count = anyio.run(prepare)[1]
    done = total = played = differences = 0
    with get_context("spawn").Pool(jobs) as pool:
        for pairs in pool.imap_unordered(_work, [(first, share, seed) for first in range(1, count + 1)]):
            done += 1
            total += pairs.total
            played += pairs.played
            differences += len(pairs.wrong)
            for line in pairs.wrong:
                say(f"DIFFERENCE {line}")
            if done % TOLD_EVERY == 0:
                click.echo(f"{done} of {count} first kills", err=True)
    say(f"first kills {count}/{count}; pairs covered {played}/{total}; differences {differences}")
    return Tally(first_kills=count, pairs_total=total, pairs_covered=played, differences=differences)
