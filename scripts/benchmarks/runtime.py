"""The actor kernel against its peers: one table, interleaved rounds, medians and ratios, and the goals they are held to.

Ours is the full actor: supervised, bounded, counted, asks with their default deadline, on the stock event loop. The
peers are the least that works. Rates are per second; a ratio above 1 is in our favour.
"""

import asyncio
import gc
import importlib.util
import shutil
import statistics
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import runtime_ours as ours
import runtime_peers as peers
import runtime_pykka as threads

ROUNDS = 3
HERE = Path(__file__).parent
Measure = Callable[[], float]


class Row:
    """One line of the table. `more` is better, or (for times and sizes) less."""

    def __init__(self, name: str, unit: str, goals: str, erlang: str, *, more: bool = True) -> None:
        self.name = name
        self.unit = unit
        self.goals = goals
        self.erlang = erlang
        self.more = more
        self.measures: dict[str, Measure] = {}
        self.seen: dict[str, list[float]] = {}

    def peer(self, name: str, work: Callable[..., Awaitable[float]], *arguments: Any) -> None:
        self.measures[name] = lambda: peers.run(work(*arguments))

    def play(self) -> None:
        """Measure everybody once."""
        for name, measure in self.measures.items():
            gc.collect()
            self.seen.setdefault(name, []).append(measure())

    def median(self, name: str) -> float | None:
        values = self.seen.get(name)
        return statistics.median(values) if values else None

    def line(self) -> str:
        """Medians of all, then ours against the Queue loop and against Erlang."""
        own = self.median("ours") or 0.0
        cells = [_figure(self.median(name)) for name in COLUMNS]
        ratios = []
        for name in ("asyncio.Queue", "erlang"):
            other = self.median(name)
            ratio = None if not other or not own else own / other if self.more else other / own
            ratios.append("-" if ratio is None else f"{ratio:.2f}x")
        return f"{self.name:<19}" + "".join(f"{cell:>9}" for cell in (*cells, *ratios)) + f"  {self.goals}"


COLUMNS = ("ours", "asyncio.Queue", "anyio", "pykka", "erlang", "limit")
TITLES = ("ours", "Queue", "anyio", "pykka", "erlang", "limit", "/Queue", "/erlang")


def main() -> None:
    """Measure all rows in turn, several times over, and print them on one screen."""
    rows = _rows()
    erlang = shutil.which("escript")
    for _ in range(ROUNDS):
        for row in rows:
            row.play()
        if erlang is not None:
            _play_erlang(rows, erlang)
    _memory(rows)
    print("runtime: per second unless said; goals: must | reach (Q: the Queue loop, E: Erlang, P: pykka)")
    print(f"{'':<19}" + "".join(f"{title:>9}" for title in TITLES) + "  must | reach")
    for row in rows:
        print(row.line())
    p99 = statistics.median(P99)
    print(f"storm: another actor's ask p99 {p99:.1f} ms meanwhile (must: < 20)")
    print(LIMITS)
    if erlang is None:
        print(
            "NO ERLANG: escript is not installed (apt-get install erlang-base); its column is empty",
            file=sys.stderr,
        )
    if not threads.pykka_is_here():
        print("NO PYKKA: it cannot be imported (pip install pykka); its column is empty", file=sys.stderr)
    if importlib.util.find_spec("uvloop") is None:
        print("NO UVLOOP: it cannot be imported; its row is empty", file=sys.stderr)


LIMITS = """what limits us (by profile): a turn of the event loop, not a message. Asks: two turns each, as the Queue loop's,
plus the call record, its deadline and the pool's hand-over. Ring and fan-out: a context switch (Context.run) and two
coroutines for each activation. Spawn: fifteen objects each, half of the time in the garbage collector. Crash: the
exception with its traceback, four reports as values, and a new incarnation with a context of its own. Memory: address,
mailbox, supervisor's record and specification stay separate objects, so that each survives what it must survive."""

P99: list[float] = []


def _rows() -> list[Row]:
    queue, stream = peers.QueueLoop, peers.StreamLoop
    burst, alone, hops, many = 100_000, 10_000, 100_000, 10_000
    tell = Row("tell, drained", "/s", ">=1 Q, >=6 P | >=1.4 Q", "tell")
    singly = Row("tell, one by one", "/s", "", "singly")
    ask = Row("ask, alone", "/s", ">=0.7 Q, >=5 P | >=1.2 Q", "ask")
    ask_64 = Row("ask, 64 at once", "/s", ">=0.7 Q, >=5 P | >=1.2 Q", "ask_64")
    on_uvloop = Row("ask, alone, uvloop", "/s", "| >=0.3 E", "ask")
    ring = Row("ring of 1,000", "/s", ">=1 Q | >=5 Q, >=0.4 E", "ring")
    fan = Row("fan-out to 10,000", "/s", ">=1 Q | >=5 Q, >=0.4 E", "fan")
    spawn = Row("spawn to ready", "/s", ">=1 Q | >=8 Q, >=2 E", "spawn")
    singly_spawned = Row("spawn, one by one", "/s", "", "spawn")
    for name, make in (("asyncio.Queue", queue), ("anyio", stream)):
        share = 1 if name == "asyncio.Queue" else 4
        tell.peer(name, peers.tell_burst, make, burst // share)
        singly.peer(name, peers.tell_singly, make, alone)
        ask.peer(name, peers.ask_alone, make, alone // share)
        ask_64.peer(name, peers.ask_64, make, alone // share)
        ring.peer(name, peers.ring, make, 1000, hops // share)
        fan.peer(name, peers.fan_out, make, many)
        spawn.peer(name, peers.spawn, make, many)
        singly_spawned.peer(name, peers.spawn_singly, make, many)
    for row, work, arguments in (
        (tell, ours.tell_burst, (burst,)),
        (singly, ours.tell_singly, (alone,)),
        (ask, ours.ask_alone, (alone,)),
        (ask_64, ours.ask_64, (alone,)),
        (ring, ours.ring, (1000, hops)),
        (fan, ours.fan_out, (many,)),
        (spawn, ours.spawn, (many,)),
        (singly_spawned, ours.spawn_singly, (many,)),
    ):
        row.peer("ours", work, *arguments)
    tell.peer("limit", peers.awaited_calls, burst)
    _add_uvloop(on_uvloop)
    if threads.pykka_is_here():
        _add_pykka(tell, ask, ask_64, ring, fan, spawn)
    crash = Row("crash to running us", "us", "<=1 E | <=0.5 E", "crash", more=False)
    crash.peer("ours", ours.crash_to_running, 1000)
    storm = Row("storm of 10,000 s", "s", "<1 E | <=1 E 100x100", "storm", more=False)
    hundred = Row("   E: 100 x 100 s", "s", "", "storm_100x100", more=False)
    storm.measures["ours"] = hundred.measures["ours"] = _storm
    memory = Row("idle actor, B, 10k", "B", "<=3072 | <=300", "memory", more=False)
    most = Row("idle actor, B, 100k", "B", "<=3072 | <=300", "", more=False)
    rows = [tell, singly, ask, ask_64, on_uvloop, ring, fan, spawn, singly_spawned, crash, storm, hundred]
    return [*rows, memory, most]


def _storm() -> float:
    spent, p99 = asyncio.run(ours.storm(10_000))
    P99.append(p99)
    return spent


def _add_uvloop(row: Row) -> None:
    if importlib.util.find_spec("uvloop") is None:
        return
    import uvloop  # type: ignore[import-not-found, unused-ignore]  # noqa: PLC0415

    def on(work: Callable[[], Awaitable[float]]) -> Measure:
        async def started() -> float:
            return await work()

        def measure() -> float:
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                return runner.run(started())

        return measure

    row.measures["ours"] = on(lambda: ours.ask_alone(10_000))
    row.measures["asyncio.Queue"] = on(lambda: peers.ask_alone(peers.QueueLoop, 10_000))


def _add_pykka(tell: Row, ask: Row, ask_64: Row, ring: Row, fan: Row, spawn: Row) -> None:  # noqa: PLR0917
    pykka = threads.Pykka()
    tell.measures["pykka"] = lambda: pykka.tell_burst(10_000)
    ask.measures["pykka"] = lambda: pykka.ask_alone(2_000)
    ask_64.measures["pykka"] = lambda: pykka.ask_64(1_920)
    ring.measures["pykka"] = lambda: pykka.ring(500, 5_000)
    fan.measures["pykka"] = lambda: pykka.fan_out(500)
    spawn.measures["pykka"] = lambda: pykka.spawn(500)


def _play_erlang(rows: list[Row], escript: str) -> None:
    done = subprocess.run(
        [escript, str(HERE / "runtime_peer.escript")], capture_output=True, check=True, text=True
    )
    figures = dict(line.split() for line in done.stdout.splitlines())
    for row in rows:
        if row.erlang in figures:
            row.seen.setdefault("erlang", []).append(float(figures[row.erlang]))


def _memory(rows: list[Row]) -> None:
    """Resident bytes for each idle actor, each measured in a process of its own."""
    for row, number in zip(rows[-2:], (10_000, 100_000), strict=True):
        for name, kind in (("ours", "ours"), ("asyncio.Queue", "queue"), ("anyio", "anyio")):
            command = [sys.executable, str(HERE / "runtime_memory.py"), kind, str(number)]
            done = subprocess.run(command, capture_output=True, check=True, text=True)
            row.seen[name] = [float(done.stdout)]


def _figure(value: float | None) -> str:
    if value is None:
        return "-"
    if value >= 1e6:
        return f"{value / 1e6:.2f}M"
    if value >= 1e4:
        return f"{value / 1e3:.0f}k"
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


if __name__ == "__main__":
    main()
