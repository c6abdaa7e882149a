"""The journal's commits against a raw SQLite commit of the same bytes, alone and shared, as it grows and beside work."""

import asyncio
import queue
import sqlite3
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack, closing
from pathlib import Path

import anyio
import anyio.lowlevel
import msgspec

from caloron_actors.adapters.sqlite import SqliteJournal
from caloron_actors.adapters.system import SystemClock
from caloron_actors.domain import events as ev
from caloron_actors.domain.sprint.state import Sprint, Step
from caloron_actors.domain.sprint.step import step
from caloron_actors.ports.journal import Entry, Journal
from durability.lines import show
from durability.played import entries, plan, until_running

ROUNDS = 5
EVENTS = 300
SPRINTS = 16
LENGTHS = (1_000, 10_000, 30_000)
BUSY_TURN = 0.001
"""Seconds of work in each turn of the saturated loop."""


def report() -> None:
    """Measure and print."""
    anyio.run(_against_raw)
    anyio.run(_growth)
    anyio.run(_saturated)


async def _against_raw() -> None:
    raw, hops, alone, shared = [], [], [], []
    for _ in range(ROUNDS):
        hops.append(await _hop())
        with tempfile.TemporaryDirectory(prefix="bench-") as directory:
            histories = [list(_history(f"s{n}")) for n in range(SPRINTS + 1)]
            raw.append(_raw(Path(directory) / "raw.db", [entry for entry, _ in histories[0]]))
            async with SqliteJournal.open(Path(directory) / "caloron.db", wall=SystemClock()) as journal:
                alone.append(await _write(journal, "s0", histories[0]))
                shared.append(await _write_together(journal, histories[1:]))
    limit = statistics.median(raw)
    show("a raw commit of the same bytes in its own thread (limit)", f"{limit * 1e6:.0f} us")
    show(
        "to a thread and back, which an event of the loop costs besides",
        f"{statistics.median(hops) * 1e6:.0f} us",
    )
    for name, taken, goal in (
        ("alone", alone, "at most 2"),
        (f"of {SPRINTS} sprints at once", shared, "below 1"),
    ):
        ratio = statistics.median(t / r for t, r in zip(taken, raw, strict=True))
        cost = f"{statistics.median(taken) * 1e6:.0f} us"
        show(f"an event of the journal, {name}", cost, f"{ratio:.2f} x limit", goal)


def _history(sprint: str) -> Iterator[tuple[Entry, Sprint]]:
    """EVENTS entries of a sprint whose tasks get started."""
    clock = SystemClock()
    new = Sprint.new(plan(sprint, EVENTS // 4), clock.now(), ev.Limits(max_agents=EVENTS))
    return entries(new, clock.now(), new.head.limits, until_running)


def _raw(path: Path, history: list[Entry]) -> float:
    """Seconds for one commit of an entry's bytes, by a thread that does nothing else."""
    rows = [
        msgspec.json.encode((entry.at, entry.event, entry.head, entry.changed, entry.intents))
        for entry in history
    ]
    taken = 0.0

    def work() -> None:
        nonlocal taken
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("CREATE TABLE raw (id INTEGER PRIMARY KEY, body BLOB)")
            began = time.perf_counter()
            for row in rows:
                connection.execute("BEGIN IMMEDIATE")
                connection.execute("INSERT INTO raw (body) VALUES (?)", (row,))
                connection.execute("COMMIT")
            taken = time.perf_counter() - began

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    return taken / len(rows)


async def _hop() -> float:
    """Seconds from the loop to a waiting thread and back, with nothing done there."""
    loop = asyncio.get_running_loop()
    asked: queue.SimpleQueue[asyncio.Future[None] | None] = queue.SimpleQueue()

    def answer() -> None:
        while (future := asked.get()) is not None:
            loop.call_soon_threadsafe(future.set_result, None)

    thread = threading.Thread(target=answer)
    thread.start()
    began = time.perf_counter()
    for _ in range(EVENTS):
        asked.put(future := loop.create_future())
        await future
    taken = time.perf_counter() - began
    asked.put(None)
    thread.join()
    return taken / EVENTS


async def _write(journal: Journal, sprint: str, history: list[tuple[Entry, Sprint]]) -> float:
    """Seconds for one event of a sprint, written one after another."""
    new = Sprint.new(plan(sprint, EVENTS // 4), SystemClock().now(), ev.Limits(max_agents=EVENTS))
    await journal.create(new.plan, new.head, tuple(new.tasks.values()))
    began = time.perf_counter()
    for entry, _ in history:
        await journal.commit(entry)
    return (time.perf_counter() - began) / len(history)


async def _write_together(journal: Journal, histories: list[list[tuple[Entry, Sprint]]]) -> float:
    """Seconds for one event while as many sprints write at once."""
    began = time.perf_counter()
    async with anyio.create_task_group() as group:
        for number, history in enumerate(histories, start=1):
            group.start_soon(_write, journal, f"s{number}", history)
    return (time.perf_counter() - began) / sum(map(len, histories))


async def _growth() -> None:
    """The cost of an event after so many others, taken in turns, and of taking the sprint up again."""
    async with AsyncExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        grown: dict[int, tuple[Journal, Sprint]] = {}
        costs: dict[int, list[float]] = {length: [] for length in LENGTHS}
        for length in LENGTHS:
            opened = SqliteJournal.open(directory / f"{length}.db", wall=SystemClock())
            journal: Journal = await stack.enter_async_context(opened)
            new = Sprint.new(plan("s", 20), SystemClock().now(), ev.Limits())
            await journal.create(new.plan, new.head, tuple(new.tasks.values()))
            grown[length] = (journal, await _lengthen(journal, new, length))
        for _ in range(ROUNDS):
            for length, (journal, sprint) in grown.items():
                began = time.perf_counter()
                grown[length] = (journal, await _lengthen(journal, sprint, sprint.head.seq + EVENTS))
                costs[length].append((time.perf_counter() - began) / EVENTS)
        for length, (journal, sprint) in grown.items():
            began = time.perf_counter()
            await journal.load(sprint.head.id)
            load_ms = f"{(time.perf_counter() - began) * 1e3:.1f} ms"
            ratio = statistics.median(c / f for c, f in zip(costs[length], costs[LENGTHS[0]], strict=True))
            cost = f"{statistics.median(costs[length]) * 1e6:.0f} us"
            show(f"an event after {length} others", cost, f"{ratio:.2f} x first", "flat")
            show("  and to load the sprint then", load_ms)


async def _lengthen(journal: Journal, sprint: Sprint, length: int) -> Sprint:
    """Commit starts of the sprint, which change its head, until it has so many events."""
    clock = SystemClock()
    while sprint.head.seq < length:
        now = clock.now()
        limits = ev.Limits(max_agents=2 + sprint.head.seq % 2)
        moved = step(sprint, ev.SprintStarted(limits, "caloron"), now)
        if not isinstance(moved, Step):
            raise TypeError(moved.reason)
        await journal.commit(
            Entry(
                at=now,
                event=ev.SprintStarted(limits, "caloron"),
                head=moved.sprint.head,
                changed=moved.changed,
                intents=moved.intents,
            )
        )
        sprint = moved.sprint
    return sprint


async def _saturated() -> None:
    """How long a commit takes while the loop is never idle."""
    with tempfile.TemporaryDirectory(prefix="bench-") as directory:
        async with SqliteJournal.open(Path(directory) / "caloron.db", wall=SystemClock()) as journal:
            quiet = await _latencies(journal, "quiet")
            async with anyio.create_task_group() as group:
                group.start_soon(_burn)
                busy = await _latencies(journal, "busy")
                group.cancel_scope.cancel()
    for name, taken, goal in (("idle", quiet, ""), ("saturated", busy, "at most 20 ms")):
        p99 = statistics.quantiles(taken, n=100)[98]
        show(f"commit beside a loop that is {name}, median", f"{statistics.median(taken) * 1e3:.2f} ms")
        show("  and its 99th percentile", f"{p99 * 1e3:.2f} ms", "", goal)


async def _latencies(journal: Journal, sprint: str) -> list[float]:
    new = Sprint.new(plan(sprint, EVENTS // 4), SystemClock().now(), ev.Limits(max_agents=EVENTS))
    await journal.create(new.plan, new.head, tuple(new.tasks.values()))
    taken = []
    for entry, _ in _history(sprint):
        began = time.perf_counter()
        await journal.commit(entry)
        taken.append(time.perf_counter() - began)
    return taken


async def _burn() -> None:
    """Never let the loop be idle."""
    while True:
        until = time.perf_counter() + BUSY_TURN
        while time.perf_counter() < until:
            pass
        await anyio.lowlevel.checkpoint()
