"""The actor kernel against its peers: one table, interleaved rounds, medians and ratios, and the goals they are held to.

Ours is the full actor: supervised, bounded, counted, asks with their default deadline, on the stock event loop. The
peers are the least that works. Rates are per second; a ratio above 1 is in our favour.
"""

import asyncio
import importlib.util
import shutil
import statistics
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import runtime_ours as ours
import runtime_peers as peers
import runtime_pykka as threads
from runtime_growth import print_growth
from runtime_parts import Parts
from runtime_table import Measure, Row, heading
from runtime_why import print_missed

ROUNDS = 3
HERE = Path(__file__).parent
BURST, ALONE, HOPS, MANY = 100_000, 10_000, 100_000, 10_000
P99: list[float] = []


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
    print("runtime: per second unless said; goals against Q: the Queue loop, P: pykka's threads, E: Erlang")
    print(heading())
    for row in rows:
        print(row.line())
    p99 = statistics.median(P99)
    print(f"storm: another actor's ask p99 {p99:.1f} ms meanwhile (must: < 20)")
    print_growth()
    print_missed(rows, Parts())
    _say_who_is_missing(erlang is not None)


def _say_who_is_missing(erlang: bool) -> None:  # noqa: FBT001
    missing = []
    if not erlang:
        missing.append(
            "NO ERLANG: escript is not installed (apt-get install erlang-base); its column is empty"
        )
    if not threads.pykka_is_here():
        missing.append("NO PYKKA: it cannot be imported (pip install pykka); its column is empty")
    if importlib.util.find_spec("uvloop") is None:
        missing.append("NO UVLOOP: it cannot be imported (pip install uvloop); its row is empty")
    for line in missing:
        print(line, file=sys.stderr)


def _rows() -> list[Row]:
    tell = Row("tell, drained", "tell").must(1, "Q").must(6, "P").reach(1.4, "Q")
    singly = Row("tell, one by one", "singly")
    ask = Row("ask, alone", "ask").must(0.7, "Q").must(5, "P").reach(1.2, "Q")
    ask_64 = Row("ask, 64 at once", "ask_64").must(0.7, "Q").must(5, "P").reach(1.2, "Q")
    on_uvloop = Row("ask, alone, uvloop", "ask").reach(0.3, "E")
    ring = Row("ring of 1,000", "ring").must(1, "Q").reach(5, "Q").reach(0.4, "E")
    fan = Row("fan-out to 10,000", "fan").must(1, "Q").reach(5, "Q").reach(0.4, "E")
    spawn = Row("spawn to ready", "spawn").must(1, "Q").reach(8, "Q").reach(2, "E")
    one_by_one = Row("spawn, one by one", "spawn")
    for name, make in (("asyncio.Queue", peers.QueueLoop), ("anyio", peers.StreamLoop)):
        share = 1 if name == "asyncio.Queue" else 4
        tell.peer(name, peers.tell_burst, make, BURST // share)
        singly.peer(name, peers.tell_singly, make, ALONE)
        ask.peer(name, peers.ask_alone, make, ALONE // share)
        ask_64.peer(name, peers.ask_64, make, ALONE // share)
        ring.peer(name, peers.ring, make, 1000, HOPS // share)
        fan.peer(name, peers.fan_out, make, MANY)
        spawn.peer(name, peers.spawn, make, MANY)
        one_by_one.peer(name, peers.spawn_singly, make, MANY)
    tell.peer("ours", ours.tell_burst, BURST)
    singly.peer("ours", ours.tell_singly, ALONE)
    ask.peer("ours", ours.ask_alone, ALONE)
    ask_64.peer("ours", ours.ask_64, ALONE)
    ring.peer("ours", ours.ring, 1000, HOPS)
    fan.peer("ours", ours.fan_out, MANY)
    spawn.peer("ours", ours.spawn, MANY)
    one_by_one.peer("ours", ours.spawn_singly, MANY)
    tell.peer("limit", peers.awaited_calls, BURST)
    _add_uvloop(on_uvloop)
    if threads.pykka_is_here():
        _add_pykka({"tell": tell, "ask": ask, "ask_64": ask_64, "ring": ring, "fan": fan, "spawn": spawn})
    return [tell, singly, ask, ask_64, on_uvloop, ring, fan, spawn, one_by_one, *_rows_of_lives()]


def _rows_of_lives() -> list[Row]:
    crash = Row("crash to running us", "crash", more=False).must(1, "E").reach(0.5, "E")
    crash.peer("ours", ours.crash_to_running, 1000)
    storm = Row("storm of 10,000 s", "storm", more=False).must(1, "E")
    hundred = Row("   E: 100 x 100 s", "storm_100x100", more=False).reach(1, "E")
    storm.measures["ours"] = hundred.measures["ours"] = _storm
    memory = Row("idle actor, B, 10k", "memory", more=False).must(3072).reach(300)
    most = Row("idle actor, B, 100k", more=False).must(3072).reach(300)
    return [crash, storm, hundred, memory, most]


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

    row.measures["ours"] = on(lambda: ours.ask_alone(ALONE))
    row.measures["asyncio.Queue"] = on(lambda: peers.ask_alone(peers.QueueLoop, ALONE))


def _add_pykka(rows: dict[str, Row]) -> None:
    pykka = threads.Pykka()
    rows["tell"].measures["pykka"] = lambda: pykka.tell_burst(BURST)
    rows["ask"].measures["pykka"] = lambda: pykka.ask_alone(2_000)
    rows["ask_64"].measures["pykka"] = lambda: pykka.ask_64(6_400)
    rows["ring"].measures["pykka"] = lambda: pykka.ring(500, 5_000)
    rows["fan"].measures["pykka"] = lambda: pykka.fan_out(500)
    rows["spawn"].measures["pykka"] = lambda: pykka.spawn(500)


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


if __name__ == "__main__":
    main()
