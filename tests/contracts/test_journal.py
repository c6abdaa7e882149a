"""What every journal promises, over the one in memory and the one on disk."""

from collections.abc import AsyncIterator
from datetime import timedelta

import anyio
import msgspec
import pytest

from caloron_actors.adapters.memory.clock import ManualClock
from caloron_actors.adapters.memory.journal import MemoryJournal
from caloron_actors.adapters.sqlite import SqliteJournal
from caloron_actors.domain.dag import Agent, Dag, TaskPlan
from caloron_actors.domain.effects import CloseIssue, CreateIssue, Intent
from caloron_actors.domain.events import Event, IssueCreated, Limits, TimePassed
from caloron_actors.domain.ids import AgentId, EffectKey, SprintId, TaskId
from caloron_actors.domain.instant import Age
from caloron_actors.domain.sprint.recorded import Moved
from caloron_actors.domain.sprint.state import SprintHead, SprintPlan
from caloron_actors.domain.task import Status, Task
from caloron_actors.ports.errors import NotFound, Rejected
from caloron_actors.ports.journal import Entry, Journal, OpenIntent, Recorded, Result

CLOCK = ManualClock()
NOW = CLOCK.now()
SPRINT = SprintId("s1")
A, B = TaskId("a"), TaskId("b")
KEY = EffectKey("s1/a/issue")
ISSUE = Intent(KEY, CreateIssue(A))
LATER = NOW.wall + timedelta(minutes=1)


def plan(sprint: SprintId = SPRINT) -> SprintPlan:
    agent = AgentId("dev")
    tasks = tuple(TaskPlan(id=task, title=f"Task {task}", assigned_to=agent) for task in (A, B))
    dag = Dag(id=sprint, agents=(Agent(id=agent),), tasks=tasks)
    return SprintPlan(dag=dag, repository="local/x", base_branch="main", source="/src")


def head(seq: int, sprint: SprintId = SPRINT) -> SprintHead:
    return SprintHead(id=sprint, seq=seq, age=Age.born(NOW), limits=Limits())


def entry(seq: int, event: Event | None = None, sprint: SprintId = SPRINT) -> Entry:
    return Entry(at=NOW, event=event or TimePassed(), head=head(seq, sprint))


def promise(seq: int, *intents: Intent) -> Entry:
    return msgspec.structs.replace(entry(seq), intents=intents)


async def begin(journal: Journal, sprint: SprintId = SPRINT) -> None:
    await journal.create(plan(sprint), head(0, sprint), (Task(id=A), Task(id=B)))


async def states(journal: Journal) -> dict[EffectKey, tuple[str, int]]:
    return {found.intent.key: (found.state, found.tries) for found in await journal.open_intents(SPRINT)}


@pytest.fixture(params=["memory", "sqlite"])
async def journal(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Journal]:
    if request.param == "memory":
        yield MemoryJournal()
    else:
        path = tmp_path_factory.mktemp("journal") / "caloron.db"
        async with SqliteJournal.open(path, wall=CLOCK) as opened:
            yield opened


async def test_a_new_sprint_is_loaded_as_it_was_stored(journal: Journal) -> None:
    assert await journal.load(SPRINT) is None
    assert await journal.sprints() == []
    await begin(journal)
    await begin(journal, SprintId("s0"))
    sprint = await journal.load(SPRINT)
    assert sprint is not None
    assert (sprint.plan, sprint.head) == (plan(), head(0))
    assert list(sprint.tasks.items()) == [(A, Task(id=A)), (B, Task(id=B))]
    assert await journal.sprints() == [head(0), head(0, SprintId("s0"))]


async def test_a_journal_that_is_no_backup_says_so(journal: Journal) -> None:
    assert await journal.copies() == 0
    await begin(journal)
    assert await journal.copies() == 0


async def test_a_sprint_is_created_once_and_from_its_beginning(journal: Journal) -> None:
    await begin(journal)
    with pytest.raises(Rejected):
        await begin(journal)
    with pytest.raises(Rejected):
        await journal.create(plan(SprintId("s2")), head(1, SprintId("s2")), ())
    with pytest.raises(Rejected):
        await journal.create(plan(SprintId("s2")), head(0, SprintId("s2")), (Task(id=A), Task(id=A)))
    assert await journal.sprints() == [head(0)]


async def test_a_commit_changes_the_rows_it_names(journal: Journal) -> None:
    await begin(journal)
    changed = Task(id=B, status=Status.READY, reason="it's \x00 time 🙂")
    written = msgspec.structs.replace(entry(1, IssueCreated(A, 7)), changed=(changed,))
    await journal.commit(written)
    sprint = await journal.load(SPRINT)
    assert sprint is not None
    assert sprint.head == head(1)
    assert list(sprint.tasks.values()) == [Task(id=A), changed]
    (event,) = await journal.history(SPRINT)
    assert (event.seq, event.wall, event.event, event.refusal) == (1, NOW.wall, IssueCreated(A, 7), None)


async def test_history_tells_all_of_an_event_and_what_came_of_it(journal: Journal) -> None:
    await begin(journal)
    moved = Task(id=A, status=Status.BLOCKED, reason="no\nway")
    written = msgspec.structs.replace(promise(1, ISSUE), changed=(moved,), withdrawn=(EffectKey("s1/x"),))
    await journal.commit(written)
    refused = msgspec.structs.replace(entry(2, IssueCreated(A, 7)), settled=KEY, refusal="it is blocked")
    await journal.commit(refused)
    first, second = await journal.history(SPRINT)
    assert first == Recorded(
        seq=1,
        at=NOW,
        kind="TimePassed",
        event=TimePassed(),
        result=Result(
            moved=(Moved(A, Status.BLOCKED, "no way"),), promised=(KEY,), withdrawn=(EffectKey("s1/x"),)
        ),
    )
    assert second == Recorded(
        seq=2,
        at=NOW,
        kind="IssueCreated",
        event=IssueCreated(A, 7),
        refusal="it is blocked",
        settled=KEY,
        result=Result(task=A),
    )


async def test_history_is_read_in_pages(journal: Journal) -> None:
    await begin(journal)
    for seq in range(1, 6):
        refusal = "no such task" if seq == 4 else None
        await journal.commit(msgspec.structs.replace(entry(seq), refusal=refusal))
    assert [event.seq for event in await journal.history(SPRINT)] == [1, 2, 3, 4, 5]
    page = await journal.history(SPRINT, after=2, limit=2)
    assert [(event.seq, event.refusal) for event in page] == [(3, None), (4, "no such task")]
    assert await journal.history(SprintId("s9")) == []


@pytest.mark.parametrize("seq", [0, 1, 3, 99])
async def test_a_commit_out_of_order_writes_nothing(journal: Journal, seq: int) -> None:
    await begin(journal)
    await journal.commit(entry(1))
    with pytest.raises(Rejected):
        await journal.commit(promise(seq, ISSUE))
    assert await journal.sprints() == [head(1)]
    assert await states(journal) == {}
    await journal.commit(entry(2))


async def test_a_commit_for_what_is_not_stored_is_refused(journal: Journal) -> None:
    with pytest.raises(NotFound):
        await journal.commit(entry(1))
    await begin(journal)
    with pytest.raises(Rejected):
        await journal.commit(msgspec.structs.replace(entry(1), changed=(Task(id=TaskId("z")),)))
    with pytest.raises(Rejected):
        await journal.commit(msgspec.structs.replace(entry(1), settled=KEY))
    assert await journal.sprints() == [head(0)]
    with pytest.raises(NotFound):
        await journal.claim(SPRINT, KEY)
    with pytest.raises(NotFound):
        await journal.postpone(SPRINT, KEY, LATER, "no")


async def test_an_intent_lives_from_promise_to_settlement(journal: Journal) -> None:
    await begin(journal)
    other = Intent(EffectKey("s1/b/close"), CloseIssue(B, 2))
    await journal.commit(promise(1, ISSUE, other))
    waiting = [
        OpenIntent(intent=intent, state="waiting", tries=0, since=NOW.wall) for intent in (ISSUE, other)
    ]
    assert await journal.open_intents(SPRINT) == waiting
    assert await journal.claim(SPRINT, KEY)
    assert await states(journal) == {KEY: ("claimed", 1), other.key: ("waiting", 0)}
    await journal.postpone(SPRINT, KEY, LATER, "connection lost")
    again = (await journal.open_intents(SPRINT))[0]
    assert (again.state, again.tries, again.since, again.due) == ("waiting", 1, NOW.wall, LATER)
    assert await journal.claim(SPRINT, KEY)
    await journal.commit(msgspec.structs.replace(entry(2, IssueCreated(A, 7)), settled=KEY))
    assert await states(journal) == {other.key: ("waiting", 0)}
    assert not await journal.claim(SPRINT, KEY)
    await journal.postpone(SPRINT, KEY, LATER, "too late")
    assert await states(journal) == {other.key: ("waiting", 0)}


async def test_a_claimed_intent_may_be_claimed_again_after_a_crash(journal: Journal) -> None:
    await begin(journal)
    await journal.commit(promise(1, ISSUE))
    assert await journal.claim(SPRINT, KEY)
    assert await journal.claim(SPRINT, KEY)
    assert await states(journal) == {KEY: ("claimed", 2)}


async def test_an_intent_is_settled_once(journal: Journal) -> None:
    await begin(journal)
    await journal.commit(promise(1, ISSUE))
    await journal.commit(msgspec.structs.replace(entry(2), settled=KEY))
    with pytest.raises(Rejected):
        await journal.commit(msgspec.structs.replace(entry(3), settled=KEY))
    assert await journal.sprints() == [head(2)]


async def test_a_key_is_promised_once_for_ever(journal: Journal) -> None:
    await begin(journal)
    await begin(journal, SprintId("s2"))
    await journal.commit(promise(1, ISSUE))
    await journal.commit(msgspec.structs.replace(entry(2), settled=KEY))
    fresh = Intent(EffectKey("s1/b/issue"), CreateIssue(B))
    for doubled in (promise(3, fresh, ISSUE), promise(3, fresh, fresh)):
        with pytest.raises(Rejected):
            await journal.commit(doubled)
    with pytest.raises(Rejected):
        await journal.commit(msgspec.structs.replace(entry(1, sprint=SprintId("s2")), intents=(ISSUE,)))
    assert await states(journal) == {}
    assert [event.seq for event in await journal.history(SPRINT)] == [1, 2]


async def test_a_withdrawn_intent_is_never_claimed(journal: Journal) -> None:
    await begin(journal)
    await journal.commit(promise(1, ISSUE))
    await journal.commit(msgspec.structs.replace(entry(2), withdrawn=(KEY, EffectKey("s1/unknown"))))
    assert await states(journal) == {}
    assert not await journal.claim(SPRINT, KEY)


async def test_withdrawing_leaves_a_claimed_intent_to_its_outcome(journal: Journal) -> None:
    await begin(journal)
    await journal.commit(promise(1, ISSUE))
    assert await journal.claim(SPRINT, KEY)
    await journal.commit(msgspec.structs.replace(entry(2), withdrawn=(KEY,)))
    assert await states(journal) == {KEY: ("claimed", 1)}
    await journal.commit(msgspec.structs.replace(entry(3), settled=KEY))
    assert await states(journal) == {}


async def test_an_intent_withdrawn_while_claimed_does_not_wait_again(journal: Journal) -> None:
    await begin(journal)
    await journal.commit(promise(1, ISSUE))
    assert await journal.claim(SPRINT, KEY)
    await journal.commit(msgspec.structs.replace(entry(2), withdrawn=(KEY,)))
    await journal.postpone(SPRINT, KEY, LATER, "connection lost")
    assert await states(journal) == {}
    assert not await journal.claim(SPRINT, KEY)


async def test_an_intent_withdrawn_while_claimed_is_not_claimed_by_a_later_life(journal: Journal) -> None:
    await begin(journal)
    await journal.commit(promise(1, ISSUE))
    assert await journal.claim(SPRINT, KEY)
    await journal.commit(msgspec.structs.replace(entry(2), withdrawn=(KEY,)))
    assert not await journal.claim(SPRINT, KEY)
    assert await states(journal) == {}


async def test_a_claim_and_a_withdrawal_at_once_leave_one_winner(journal: Journal) -> None:
    await begin(journal)
    for seq in range(1, 40, 2):
        intent = Intent(EffectKey(f"s1/a/issue/{seq}"), CreateIssue(A))
        await journal.commit(promise(seq, intent))
        claims: list[bool] = []

        async def claim(key: EffectKey, claims: list[bool]) -> None:
            claims.append(await journal.claim(SPRINT, key))

        async with anyio.create_task_group() as group:
            first = seq % 4 == 1
            if first:
                group.start_soon(claim, intent.key, claims)
            group.start_soon(journal.commit, msgspec.structs.replace(entry(seq + 1), withdrawn=(intent.key,)))
            if not first:
                group.start_soon(claim, intent.key, claims)
        assert (intent.key in await states(journal)) == claims[0]
        if claims[0]:
            await journal.postpone(SPRINT, intent.key, LATER, "")


async def test_concurrent_writers_of_many_sprints_do_not_disturb_each_other(journal: Journal) -> None:
    names = [SprintId(f"c{number}") for number in range(20)]
    refused: list[SprintId] = []

    async def write(sprint: SprintId, wrong: bool) -> None:
        await begin(journal, sprint)
        for seq in range(1, 6):
            await journal.commit(entry(seq, sprint=sprint))
            if wrong:
                with pytest.raises(Rejected):
                    await journal.commit(entry(seq, sprint=sprint))
                refused.append(sprint)

    async with anyio.create_task_group() as group:
        for number, name in enumerate(names):
            group.start_soon(write, name, number % 3 == 0)
    assert sorted(found.id for found in await journal.sprints()) == sorted(names)
    assert all(found.seq == 5 for found in await journal.sprints())
    assert len(refused) == 7 * 5


async def test_of_two_commits_with_one_number_one_wins(journal: Journal) -> None:
    await begin(journal)
    outcomes: list[str] = []

    async def write(number: int) -> None:
        try:
            await journal.commit(entry(1, IssueCreated(A, number)))
            outcomes.append("written")
        except Rejected:
            outcomes.append("rejected")

    async with anyio.create_task_group() as group:
        for number in range(10):
            group.start_soon(write, number)
    assert sorted(outcomes) == ["rejected"] * 9 + ["written"]
    assert len(await journal.history(SPRINT)) == 1
