"""An ordinary `run` of six tasks under SIGKILLs at random times: agents are adopted, and nothing is lost or done twice.

Nothing looks inside the service: what is known comes from the command, the process table, the run directories and the
forge's files.
"""

import contextlib
import json
import os
import select
import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from tests.acceptance.agents import Agents
from tests.acceptance.conftest import Bench, Running
from tests.census.census import draw
from tests.census.world import World, await_processes, world

TASKS = ("a: ada", "b: bo", "c: ada < a", "d: bo < a b", "e: ada < c", "f: bo < d e")
SHORTEST, LONGEST = 0.1, 2.5
"""Seconds of a life: the shortest ends while Python still imports, the longest does a good deal of work."""
AHEAD = 3
"""Kills for which an agent is held alive before it may go on."""


@dataclass(frozen=True, order=True)
class Process:
    """A harness as the kernel knows it: a pid is only the same process when its start time is the same too."""

    run: str
    pid: int
    start: int


@dataclass
class Storm:
    """What a storm has seen. `wrong` has a line for whatever should not be."""

    kills: int = 0
    seconds: float = 0.0
    alive: int = 0
    """Agents that were alive at a kill, counted at each of them."""
    agents: set[Process] = field(default_factory=set)
    renewed: int = 0
    """How often an agent alive at a kill was seen to be looked after by a later life: its lease was renewed."""
    wrong: list[str] = field(default_factory=list)


class Tally(msgspec.Struct, frozen=True, kw_only=True):
    """A storm's figures for the reliability card, as in `Storm`; `agents`: different ones that were alive at a kill."""

    kills: int
    agents: int
    alive: int
    renewed: int
    wrong: int


def tally(seen: Storm) -> Tally:
    """The figures as data."""
    return Tally(
        kills=seen.kills,
        agents=len(seen.agents),
        alive=seen.alive,
        renewed=seen.renewed,
        wrong=len(seen.wrong),
    )


def stage(path: Path, tasks: Sequence[str]) -> Bench:
    """A bench with these tasks, the last of which is sent back once."""
    path.mkdir()
    bench = Bench(path)
    bench.tasks(*tasks)
    bench.agents.author()
    bench.agents.reviewer(changes_once=ids(tasks)[-1])
    return bench


def ids(tasks: Sequence[str]) -> list[str]:
    """The tasks' ids."""
    return [words.partition(":")[0] for words in tasks]


def agents_of(tasks: Sequence[str]) -> list[str]:
    """All runs of agents in the sprint. Without the last one it cannot end."""
    found = [f"{task}.{role}.1" for task in ids(tasks) for role in ("author", "reviewer")]
    return [*found, f"{ids(tasks)[-1]}.author.2", f"{ids(tasks)[-1]}.reviewer.2"]


def undisturbed(path: Path, tasks: Sequence[str]) -> World:
    """What the sprint leaves when nothing happens."""
    bench = stage(path, tasks)
    try:
        done = bench.run()
        assert done.code == 0, done
        return world(bench, done.result)
    finally:
        bench.close()


def storm(
    path: Path, kills: int, seed: int, monotonic: Callable[[], float], tasks: Sequence[str] = TASKS
) -> Storm:
    """Kill the command `kills` times, let it come to its end, and look at what there is."""
    expected = undisturbed(path / "undisturbed", tasks)
    bench = stage(path / "storm", tasks)
    seen = Storm()
    began = monotonic()
    try:
        gates = Gates(bench.agents, agents_of(tasks))
        for number in range(1, kills + 1):
            seconds = SHORTEST + (LONGEST - SHORTEST) * draw(seed, f"life {number}", 1000) / 1000
            if not one_life(bench, seen, number, seconds):
                break
            gates.open(number)
        gates.open(None)
        done = bench.run()
        seen.seconds = monotonic() - began
        await_processes(bench)
        if done.code != 0:
            seen.wrong.append(f"the last run ended with {done.code}: {done.stderr[-600:]}")
        else:
            seen.wrong += world(bench, done.result).differences(expected)
            seen.wrong += fates(bench, seen)
    finally:
        bench.close()
    return seen


class Gates:
    """Lets agents go on: each a few kills after it was first seen, so that most kills find some alive, the last last."""

    def __init__(self, agents: Agents, names: Sequence[str]) -> None:
        self._agents = agents
        self._shut = list(names)
        self._since: dict[str, int] = {}
        agents.hold(*names)

    def open(self, number: int | None) -> None:
        """After the kill of that number; None: let all go on, also those that are still to come."""
        for started in self._agents.log():
            self._since.setdefault(started.name, number or 0)
        ripe = [
            name for name in self._shut[:-1] if number and self._since.get(name, number) <= number - AHEAD
        ]
        for name in ripe if number is not None else list(self._shut):
            self._shut.remove(name)
            self._agents.release(name)


def one_life(bench: Bench, seen: Storm, number: int, seconds: float) -> bool:
    """Run the command for that long and kill it. False when it has come to its end by itself.

    Its time counts from its begin, for every other life from its first line: so a slow machine gets on as well. The
    first life ends when the first agent lives.
    """
    before = {process: lease(bench, process.run) for process in alive(bench)}
    running = bench.start_run()
    if number == 1:
        bench.agents.held()
    elif number % 2 == 0:
        running.next_line()
    if number > 1 and ended_within(running, seconds):
        seen.wrong.append(f"it ended before kill {seen.kills + 1}: {running.finish()}")
        return False
    running.end(signal.SIGKILL)
    seen.kills += 1
    now = alive(bench)
    seen.alive += len(now)
    seen.agents.update(now)
    seen.renewed += sum(lease(bench, process.run) != known for process, known in before.items())
    return True


def ended_within(running: Running, seconds: float) -> bool:
    """Wait that long for the end of a command, reading what it says."""
    descriptor = os.pidfd_open(running.pid)
    try:
        return bool(select.select([descriptor], [], [], seconds)[0])
    finally:
        os.close(descriptor)


def alive(bench: Bench) -> list[Process]:
    """The harnesses that live now, each by its claim and the process table."""
    found: list[Process] = []
    for claim in (bench.state / "runs").glob("*/*/*/*/pid.json"):
        content = json.loads(claim.read_text())
        if start_of(content["pid"]) == content["start"]:
            run = str(claim.parent.relative_to(bench.state / "runs"))
            found.append(Process(run, content["pid"], content["start"]))
    return found


def start_of(pid: int) -> int | None:
    """When a process was started, in ticks since boot; None for none, and for a zombie."""
    with contextlib.suppress(OSError):
        state, *rest = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return None if state in "ZX" else int(rest[18])
    return None


def lease(bench: Bench, run: str) -> int:
    """When a run's lease was last renewed; only a change of it says anything."""
    return (bench.state / "runs" / run / "lease").stat().st_mtime_ns


def fates(bench: Bench, seen: Storm) -> list[str]:
    """What is wrong with the agents that were alive at a kill: each has to have ended by itself, and to be the only one."""
    wrong: list[str] = []
    for process in sorted(seen.agents):
        directory = bench.state / "runs" / process.run
        claim = json.loads((directory / "pid.json").read_text())
        end = json.loads((directory / "exit.json").read_text())
        if (claim["pid"], claim["start"]) != (process.pid, process.start):
            wrong.append(f"{process.run}: claimed by {claim['pid']}, but {process.pid} was alive at a kill")
        if (end["cause"], end["code"]) != ("exited", 0):
            wrong.append(f"{process.run}: was alive at a kill and ended as {end}")
    wrong += [f"{name}: started twice" for name in bench.agents.twice()]
    return wrong


def summary(seen: Storm) -> list[str]:
    """What is said of a storm."""
    agents = f"{len(seen.agents)} agents were alive at one, {seen.alive} times in all"
    adopted = f"{seen.renewed} times a later life was seen to renew the lease of one"
    return [
        f"{seen.kills} kills in {seen.seconds:.0f} s; {agents}; {adopted}",
        f"agents started twice or ended by a kill, and what the forge has too much or too little: {len(seen.wrong)}",
        *(f"  {line}" for line in seen.wrong),
    ]
