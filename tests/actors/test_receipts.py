"""The journal takes orders at once: writes of several sprints share its commits, and its end answers what is open."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import msgspec
import pytest

from caloron_actors.actors.journal import Claim, Close, Commit, JournalActor, JournalArg, Load
from caloron_actors.actors.receipts import Receipt
from caloron_actors.actors.storage import Storage
from caloron_actors.adapters.memory.clock import ManualClock
from caloron_actors.adapters.memory.journal import MemoryJournal
from caloron_actors.adapters.sqlite import SqliteJournal
from caloron_actors.domain.dag import Dag
from caloron_actors.domain.events import Limits, TimePassed
from caloron_actors.domain.ids import EffectKey, SprintId
from caloron_actors.domain.sprint.state import Sprint, SprintPlan
from caloron_actors.ports.errors import PortError, Rejected, Unavailable
from caloron_actors.ports.journal import Entry, Journal
from caloron_actors.runtime import Ref, Report, System, child, supervisor
from tests.actors.faults import Faults, FaultyJournal
from tests.actors.rest import Bomb, settle
from tests.domain.sprint.plans import dag, task

CLOCK = ManualClock()
SPRINTS, EACH = 16, 8
FRAME = 24


def sprint_of(name: str) -> Sprint:
    plan: Dag = msgspec.structs.replace(dag(task("a")), id=SprintId(name))
    where = SprintPlan(dag=plan, source="/src", repository="local/x", base_branch="main")
    return Sprint.new(where, CLOCK.now(), Limits())


def entry(sprint: Sprint, seq: int) -> Entry:
    head = msgspec.structs.replace(sprint.head, seq=seq)
    return Entry(at=CLOCK.now(), event=TimePassed(), head=head)


class Silent:
    """An observer."""

    def report(self, report: Report) -> None:
        pass


@asynccontextmanager
async def keeping(open_journal: Callable[[], AbstractAsyncContextManager[Journal]]) -> AsyncIterator[Storage]:
    """A tree of nothing but the journal's actor."""
    clock = ManualClock()
    system = System(clock=clock, observer=Silent())
    failed: list[PortError] = []

    async def pause(duration: object) -> None:
        await anyio.lowlevel.checkpoint()

    arg = JournalArg(open=open_journal, pause=pause, failed=failed.append)
    root = supervisor(child(JournalActor, arg, id="journal"), id="root")
    async with anyio.create_task_group() as group:
        await group.start(system.run, root)
        yield Storage(system.ref(JournalActor, "root/journal"), pause)
        await system.stop()
    assert failed == []


@asynccontextmanager
async def over(inner: Journal, faults: Faults) -> AsyncIterator[Journal]:
    yield FaultyJournal(inner, faults)


def commits(wal: Path) -> int:
    """How many transactions are in a write-ahead log: each ends with a frame that names the file's size after it."""
    content = wal.read_bytes()
    page = int.from_bytes(content[8:12], "big")
    salt = content[16:24]
    frames = [content[at : at + FRAME] for at in range(32, len(content), FRAME + page)]
    return sum(frame[4:8] != b"\0\0\0\0" for frame in frames if frame[8:16] == salt)


async def test_writes_of_several_sprints_share_transactions(tmp_path: Path) -> None:
    path = tmp_path / "caloron.db"
    async with keeping(lambda: SqliteJournal.open(path, wall=CLOCK)) as storage:

        async def live(name: str) -> None:
            sprint = sprint_of(name)
            await storage.create(sprint.plan, sprint.head, tuple(sprint.tasks.values()))
            for seq in range(1, EACH + 1):
                await storage.commit(entry(sprint, seq))

        async with anyio.create_task_group() as group:
            for n in range(SPRINTS):
                group.start_soon(live, f"s{n}")
        written = commits(path.with_name("caloron.db-wal"))
        stored = [await storage.load(SprintId(f"s{n}")) for n in range(SPRINTS)]
    assert [sprint.head.seq for sprint in stored if sprint is not None] == [EACH] * SPRINTS
    assert EACH < written < SPRINTS * (EACH + 1) / 4


async def ask(storage: Storage, *entries: Entry) -> list[Receipt[None]]:
    return [await storage.journal.ask(Commit(entry)) for entry in entries]


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
async def test_the_order_of_a_sprints_writes_is_kept_and_a_read_sees_those_before_it(
    kind: str, tmp_path: Path
) -> None:
    """Nobody has waited for a receipt in between."""
    memory = MemoryJournal()
    stores: dict[str, Callable[[], AbstractAsyncContextManager[Journal]]] = {
        "memory": lambda: over(memory, Faults()),
        "sqlite": lambda: SqliteJournal.open(tmp_path / "caloron.db", wall=CLOCK),
    }
    sprint = sprint_of("s1")
    async with keeping(stores[kind]) as storage:
        await storage.create(sprint.plan, sprint.head, tuple(sprint.tasks.values()))
        receipts = await ask(storage, *[entry(sprint, seq) for seq in range(1, 21)])
        seen = await storage.journal.ask(Load(sprint.head.id))
        found = await seen.value()
        assert not any(receipt.open for receipt in receipts)
        for receipt in receipts:
            await receipt.value()
    assert found is not None
    assert found.head.seq == 20


async def _fails(receipt: Receipt[Any]) -> PortError:
    with pytest.raises(PortError) as failure:
        await receipt.value()
    return failure.value


@pytest.mark.parametrize("end", ["crash", "stop"])
async def test_the_end_of_the_journal_fails_every_open_receipt(end: str) -> None:
    sprint = sprint_of("s1")
    faults = Faults()
    memory = MemoryJournal()
    async with keeping(lambda: over(memory, faults)) as storage:
        await storage.create(sprint.plan, sprint.head, ())
        faults.hanging |= {"commit", "claim"}
        written = await ask(storage, entry(sprint, 1), entry(sprint, 2))
        claimed = await storage.journal.ask(Claim(sprint.head.id, EffectKey("s1/a/issue")))
        read = await storage.journal.ask(Load(sprint.head.id))  # after the writes
        receipts: list[Receipt[Any]] = [*written, claimed, read]
        await settle()
        assert all(receipt.open for receipt in receipts)
        if end == "crash":
            journal: Ref[JournalActor] = storage.journal
            assert journal.tell(Bomb())
            for receipt in receipts:
                error = await _fails(receipt)
                assert isinstance(error, Unavailable)
                assert error.ambiguous
    for receipt in receipts:
        assert not receipt.open


async def test_a_commit_that_may_have_happened_is_looked_for_before_it_is_repeated() -> None:
    sprint = sprint_of("s1")
    faults, memory = Faults(), MemoryJournal()
    lost = Unavailable("disk I/O error", ambiguous=True)
    async with keeping(lambda: over(memory, faults)) as storage:
        faults.fail("create", lost, "after")
        await storage.create(sprint.plan, sprint.head, tuple(sprint.tasks.values()))
        faults.fail("commit", lost, "after")
        await storage.commit(entry(sprint, 1))
        faults.fail("commit", lost, times=3)
        faults.fail("load", lost, times=2)
        await storage.commit(entry(sprint, 2))
        assert (faults.calls["create"], faults.calls["commit"]) == (1, 5)
        assert [event.seq for event in await memory.history(sprint.head.id)] == [1, 2]
        with pytest.raises(Rejected):
            await storage.commit(entry(sprint, 2))


async def test_a_journal_that_closes_ends_what_is_under_way_and_takes_nothing_more(tmp_path: Path) -> None:
    sprint = sprint_of("s1")
    async with keeping(lambda: SqliteJournal.open(tmp_path / "caloron.db", wall=CLOCK)) as storage:
        await storage.create(sprint.plan, sprint.head, ())
        (before,) = await ask(storage, entry(sprint, 1))
        closed = await storage.journal.ask(Close())
        (after,) = await ask(storage, entry(sprint, 2))
        await closed.ended()
        await before.value()
        refused = await _fails(after)
        assert isinstance(refused, Unavailable)
        assert not refused.ambiguous


async def test_an_asker_that_is_killed_leaves_nothing(tmp_path: Path) -> None:
    """Its write goes on, and whoever reads after it sees it."""
    sprint = sprint_of("s1")
    async with keeping(lambda: SqliteJournal.open(tmp_path / "caloron.db", wall=CLOCK)) as storage:
        await storage.create(sprint.plan, sprint.head, ())
        (written,) = await ask(storage, entry(sprint, 1))
        async with anyio.create_task_group() as group:
            group.start_soon(written.value)
            group.cancel_scope.cancel()
        found = await storage.load(sprint.head.id)
        assert found is not None
        assert found.head.seq == 1
