"""Plays scripts of kills: lives of the service one after another, then the comparison of what they have left."""

import gc
import json
import os
import shutil
import signal
import sys
import tempfile
import traceback
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from pathlib import Path

from tests.acceptance.conftest import Bench
from tests.census import service
from tests.census.plans import Script
from tests.census.world import World, await_processes, world

LIFE_LIMIT = 90
"""Seconds after which a life that does not end counts as hanging."""
KILLED = -signal.SIGKILL


@dataclass(frozen=True)
class Life:
    """One life of the service: its begin and end (awake clock), what it passed at what time, and how it ended."""

    began: float
    ended: float
    passed: tuple[tuple[float, str], ...]
    code: int

    @property
    def points(self) -> tuple[str, ...]:
        """The points in the order in which they were passed."""
        return tuple(point for _, point in self.passed)

    @property
    def first_commit(self) -> float | None:
        """Seconds from the start to the first durable commit."""
        for at, point in self.passed:
            if point.startswith("journal.commit:") and point.endswith("@after"):
                return at - self.began
        return None


@dataclass
class Played:
    """What became of a script. `reached`: all its kills took place; `wrong`: why its end is not the expected one."""

    script: Script
    lives: list[Life] = field(default_factory=list)
    end: World | None = None
    wrong: list[str] = field(default_factory=list)
    twice: int = 0
    seconds: float = 0.0
    place: Path | None = None

    @property
    def reached(self) -> bool:
        """Whether every life but the last was killed where it should be."""
        return len(self.lives) == len(self.script.kills) + 1


class Theatre:
    """Where scripts are played, in directories of their own below `root`; `mutant` is planted into every life."""

    def __init__(self, root: Path, monotonic: Callable[[], float], mutant: str | None = None) -> None:
        self.root = root
        self.monotonic = monotonic
        self.mutant = mutant
        gc.collect()
        gc.freeze()  # what lives share with their parent is not copied for each

    def play(self, script: Script) -> Generator[int, int, Played]:
        """Yields the process that has to end before it goes on, takes its exit code, and gives what became of it."""
        bench = stage(Path(tempfile.mkdtemp(prefix="census-", dir=self.root)))
        played = Played(script, place=bench.path)
        began = self.monotonic()
        try:
            yield from self._lives(bench, played)
        finally:
            played.seconds = self.monotonic() - began
            bench.close()
        return played

    def _lives(self, bench: Bench, played: Played) -> Generator[int, int, None]:
        for number, kill in enumerate([*played.script.kills, None], start=1):
            record = bench.path / f"record.{number}"
            began = self.monotonic()
            out = bench.path / f"life.{number}"
            code = yield self._begin(bench, record, out, None if kill is None else str(kill))
            played.lives.append(Life(began, self.monotonic(), read_record(record), code))
            if code != KILLED:
                break
        if code != 0:
            played.wrong.append(f"life {len(played.lives)} ended with {code}: {_last_words(out)}")
            return
        await_processes(bench)
        result = json.loads(out.read_text().splitlines()[-1])
        played.end = world(bench, result)
        played.twice = len(bench.agents.twice())

    def _begin(self, bench: Bench, record: Path, out: Path, kill: str | None) -> int:
        """Fork a life: the same as the command, but for the time that it takes to import everything."""
        argv = ["--bench", str(bench.path), "--record", str(record)]
        argv += [] if kill is None else ["--kill", kill]
        argv += [] if self.mutant is None else ["--mutant", self.mutant]
        pid = os.fork()
        if pid == 0:
            _become(argv, out, bench)
        return pid


def _become(argv: list[str], out: Path, bench: Bench) -> None:
    """Be a life of the service, and end with it."""
    code = 3
    try:
        signal.alarm(LIFE_LIMIT)
        with out.open("wb") as stdout, out.with_suffix(".err").open("ab") as stderr:
            os.dup2(stdout.fileno(), 1)
            os.dup2(stderr.fileno(), 2)
        null = os.open(os.devnull, os.O_RDONLY)
        os.dup2(null, 0)
        os.environ.clear()
        os.environ.update(bench.env)
        code = service.main(argv)
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 3
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def stage(path: Path) -> Bench:
    """A bench with two tasks at once, the first of which is sent back once."""
    bench = Bench(path)
    bench.tasks("a: ada", "b: bo")
    bench.agents.author()
    bench.agents.reviewer(changes_once="a")
    return bench


def read_record(path: Path) -> tuple[tuple[float, str], ...]:
    """What a life has passed, and when."""
    if not path.exists():
        return ()
    lines = [line.split(" ", 1) for line in path.read_text().splitlines()]
    return tuple((float(at), point) for at, point in lines)


def _last_words(out: Path) -> str:
    return out.with_suffix(".err").read_text()[-600:].strip()


def clear(played: Played) -> None:
    """Remove what a good run has left."""
    if played.place is not None:
        shutil.rmtree(played.place, ignore_errors=True)


def together(parts: list[Generator[int, int, Played]], jobs: int, done: Callable[[Played], None]) -> None:
    """Play several at once, `jobs` at a time; `done` is told each one as it ends."""
    waiting = iter(parts)
    going: dict[int, Generator[int, int, Played]] = {}

    def go_on(part: Generator[int, int, Played], code: int | None) -> bool:
        try:
            pid = next(part) if code is None else part.send(code)
        except StopIteration as end:
            done(end.value)
            return False
        going[pid] = part
        return True

    def fill() -> None:
        while len(going) < jobs and (part := next(waiting, None)) is not None:
            go_on(part, None)

    fill()
    while going:
        pid, status = os.waitpid(-1, 0)
        if (part := going.pop(pid, None)) is not None and not go_on(part, os.waitstatus_to_exitcode(status)):
            fill()
