"""Every value a journal keeps comes back as it was, over the one in memory and the one on disk."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import get_args

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from caloron_actors.adapters.memory.clock import ManualClock
from caloron_actors.adapters.memory.journal import MemoryJournal
from caloron_actors.adapters.sqlite import SqliteJournal
from caloron_actors.domain.dag import Agent, Dag
from caloron_actors.domain.effects import Effect, Intent
from caloron_actors.domain.events import Event, Limits, TimePassed
from caloron_actors.domain.ids import AgentId, EffectKey, SprintId, TaskId
from caloron_actors.domain.instant import Age
from caloron_actors.domain.sprint.state import SprintHead, SprintPlan
from caloron_actors.domain.task import Task
from caloron_actors.ports.journal import Entry, Journal

CLOCK = ManualClock()
NOW = CLOCK.now()
A = TaskId("a")
PLAN = SprintPlan(
    dag=Dag(id=SprintId("s"), agents=(Agent(id=AgentId("dev")),), tasks=()),
    repository="local/x",
    base_branch="main",
    source="/src",
)


def head(seq: int, sprint: SprintId) -> SprintHead:
    return SprintHead(id=sprint, seq=seq, age=Age.born(NOW), limits=Limits())


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


INSTANTS = st.datetimes(timezones=st.just(UTC))
SPANS = st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=4000))
st.register_type_strategy(datetime, INSTANTS)
st.register_type_strategy(timedelta, SPANS)
st.register_type_strategy(float, st.floats(allow_nan=False, allow_infinity=False))


def structs(kind: type[msgspec.Struct]) -> st.SearchStrategy[msgspec.Struct]:
    """Any value of a Struct class, all of its fields drawn by their types."""
    fields = msgspec.structs.fields(kind)
    return st.builds(kind, **{field.name: values(field.type) for field in fields})


def values(kind: object) -> st.SearchStrategy[object]:
    """Any value of an annotation as msgspec resolves it."""
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return structs(kind)
    arguments = get_args(kind)
    if getattr(kind, "__origin__", None) is tuple:
        return st.lists(values(arguments[0]), max_size=2).map(tuple)
    if arguments and any(isinstance(part, type) and issubclass(part, msgspec.Struct) for part in arguments):
        return st.one_of([values(part) for part in arguments])
    return st.from_type(kind)  # type: ignore[arg-type]


NUMBERS = count()
EVENTS = st.tuples(*(structs(kind) for kind in get_args(Event)))
EFFECTS = st.tuples(*(structs(kind) for kind in get_args(Effect)))
ROUND_TRIPS = settings(
    deadline=None,
    max_examples=25,
    suppress_health_check=[
        HealthCheck.function_scoped_fixture,
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
    ],
)


@ROUND_TRIPS
@given(drawn=EVENTS)
async def test_every_event_comes_back_equal(journal: Journal, drawn: tuple[Event, ...]) -> None:
    sprint = SprintId(f"r{next(NUMBERS)}")
    await journal.create(PLAN, head(0, sprint), ())
    for seq, event in enumerate(drawn, start=1):
        await journal.commit(Entry(at=NOW, event=event, head=head(seq, sprint)))
    recorded = [found.event for found in await journal.history(sprint)]
    assert recorded == list(drawn)
    assert [type(event) for event in recorded] == list(get_args(Event))


@ROUND_TRIPS
@given(drawn=EFFECTS)
async def test_every_effect_comes_back_equal(journal: Journal, drawn: tuple[Effect, ...]) -> None:
    sprint = SprintId(f"r{next(NUMBERS)}")
    intents = tuple(Intent(EffectKey(f"{sprint}/{number}"), effect) for number, effect in enumerate(drawn))
    await journal.create(PLAN, head(0, sprint), ())
    await journal.commit(Entry(at=NOW, event=TimePassed(), head=head(1, sprint), intents=intents))
    found = [opened.intent for opened in await journal.open_intents(sprint)]
    assert found == list(intents)
    assert [type(intent.effect) for intent in found] == list(get_args(Effect))


@ROUND_TRIPS
@given(task=structs(Task), first=structs(SprintHead), stored=structs(SprintPlan))
async def test_every_row_comes_back_equal(
    journal: Journal, task: Task, first: SprintHead, stored: SprintPlan
) -> None:
    sprint = SprintId(f"r{next(NUMBERS)}")
    task = msgspec.structs.replace(task, id=A)
    first = msgspec.structs.replace(first, id=sprint, seq=0)
    await journal.create(stored, first, (task,))
    found = await journal.load(sprint)
    assert found is not None
    assert (found.plan, found.head, found.tasks) == (stored, first, {A: task})
