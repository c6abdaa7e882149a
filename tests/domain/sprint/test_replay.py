"""Any history, journalled as the service journals it, folds to the same sprint; one that was changed does not."""

import dataclasses
from datetime import timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from caloron_actors.domain.dag import Dag
from caloron_actors.domain.effects import Intent
from caloron_actors.domain.events import (
    Event,
    IssueCreated,
    Limits,
    NoteWritten,
    SprintStarted,
    TaskEvent,
    TimePassed,
)
from caloron_actors.domain.ids import EffectKey
from caloron_actors.domain.sprint.differences import differences
from caloron_actors.domain.sprint.recorded import Recorded, result_of
from caloron_actors.domain.sprint.replay import Replayed, replay
from caloron_actors.domain.sprint.state import Refused, Sprint, Step
from caloron_actors.domain.task import Status
from tests.domain.sprint.outside import Tape
from tests.domain.sprint.plans import AUTHOR_LOGIN, FIRST_BOOT, PATIENT, T, dag, sprint_plan, task
from tests.domain.sprint.rules import checked_step
from tests.domain.sprint.test_every_history import UNHURRIED, plans, short_tapes, tapes
from tests.domain.sprint.world import World


class Journalled(World):
    """A world that keeps what a journal would, and moves as the service does: an idle step is not written."""

    def __init__(self, plan: Dag, limits: Limits, tape: Tape) -> None:
        super().__init__(plan, limits, tape)
        self.first = self.sprint
        self.recorded: list[Recorded] = []
        self.stored = self.sprint

    def reboot(self, away: timedelta) -> None:
        """The service goes down with its host, and comes back with what is stored."""
        super().reboot(away)
        self.sprint = self.stored

    def try_tell(self, event: Event) -> Step | Refused:
        """See `Play.try_tell`. Every second refusal is taken for that of an outcome, which is written."""
        moved = checked_step(self.sprint, event, self.now, self.ledger)
        if isinstance(moved, Step):
            self._take(event, moved)
        elif len(event.__struct_fields__) % 2:
            head = self.sprint.head.refusing(self.now)
            self.sprint = dataclasses.replace(self.sprint, head=head)
            self._write(event, refusal=moved.reason)
        return moved

    def _take(self, event: Event, moved: Step) -> None:
        if moved.idle:
            head = msgspec.structs.replace(self.sprint.head, age=moved.sprint.head.age)
            self.sprint = dataclasses.replace(self.sprint, head=head)
            return
        self.sprint = moved.sprint
        for key in moved.withdrawn:
            self.open.pop(key, None)
        for intent in moved.intents:
            self.open[intent.key] = intent
            self.past.append(intent.effect)
        self._write(event, moved)

    def _write(self, event: Event, moved: Step | None = None, refusal: str | None = None) -> None:
        head = self.sprint.head
        result = (
            result_of(event, head, moved.changed, moved.intents, moved.withdrawn)
            if moved
            else result_of(event, head)
        )
        kind = type(event).__name__
        self.recorded.append(
            Recorded(seq=head.seq, at=self.now, kind=kind, event=event, refusal=refusal, result=result)
        )
        self.stored = self.sprint


def end_with_something(world: Journalled) -> None:
    """What is written last tells whether all that was not written before it was rightly left away."""
    world.try_tell(SprintStarted(world.limits, "somebody else"))


@given(plans(), st.integers(1, 4), tapes, short_tapes)
@UNHURRIED
def test_every_history_replays_to_the_same_sprint(plan: Dag, slots: int, wild: bytes, rest: bytes) -> None:
    world = Journalled(plan, Limits(max_agents=slots), Tape(wild))
    world.live_wildly(may_cancel=False)
    world.come_to_rest(Tape(rest, again=True))
    end_with_something(world)
    fold = replay(world.first, world.recorded)
    assert fold.diverged is None
    assert differences(fold.sprint, world.sprint) == []
    assert fold.sprint == world.sprint
    assert list(fold.promised.values()) == world.past
    middle = len(world.recorded) // 2
    first = replay(world.first, world.recorded[:middle])
    assert replay(first.sprint, world.recorded[middle:]).sprint == world.sprint


def test_the_first_step_after_a_reboot_is_written(sprint: Journalled) -> None:
    """What is idle otherwise tells the age from there on: without it, a replay would lose the time since the reboot."""
    sprint.reboot(timedelta(hours=1))
    sprint.wait(timedelta(minutes=1))
    sprint.wait(timedelta(minutes=20))
    end_with_something(sprint)
    assert len(sprint.recorded) == 3
    assert sprint.sprint.head.age.lived == timedelta(minutes=20)
    assert replay(sprint.first, sprint.recorded).sprint == sprint.sprint


def test_an_awake_clock_that_goes_back_is_written(sprint: Journalled) -> None:
    before = len(sprint.recorded)
    sprint.wait(timedelta(minutes=-5))
    assert len(sprint.recorded) == before + 1
    sprint.wait(timedelta(minutes=5))
    assert len(sprint.recorded) == before + 1
    end_with_something(sprint)
    assert replay(sprint.first, sprint.recorded).sprint == sprint.sprint


def test_a_refused_outcome_counts_and_tells_the_time(sprint: Journalled) -> None:
    sprint.wait(timedelta(minutes=3))
    refused = sprint.try_tell(IssueCreated(T("nobody"), 1))
    if not sprint.recorded[-1].refusal:
        refused = sprint.try_tell(NoteWritten(T("nobody")))
    assert isinstance(refused, Refused)
    assert sprint.sprint.head.refused == 1
    assert replay(sprint.first, sprint.recorded).sprint == sprint.sprint


@pytest.fixture
def sprint() -> Journalled:
    world = Journalled(dag(task("a"), task("b", "a")), PATIENT, Tape(b""))
    world.try_tell(SprintStarted(PATIENT, AUTHOR_LOGIN))
    return world


def changed(sprint: Journalled, number: int, **fields: object) -> Replayed:
    """The fold of a history with one record changed."""
    history = list(sprint.recorded)
    history[number] = msgspec.structs.replace(history[number], **fields)
    return replay(sprint.first, history)


def test_a_changed_record_is_named(sprint: Journalled) -> None:
    sprint.give_issues()
    assert replay(sprint.first, sprint.recorded).diverged is None
    first = sprint.recorded[0].result
    wrong: dict[str, Replayed] = {
        "nothing was promised": changed(sprint, 0, result=msgspec.structs.replace(first, promised=())),
        "was accepted then, and was refused (no task nobody) now": changed(
            sprint, 1, event=IssueCreated(T("nobody"), 3)
        ),
        "was refused (then)": changed(sprint, 1, refusal="then"),
        "the stored event is a TimePassed": changed(sprint, 1, event=TimePassed()),
        "no longer kept": changed(sprint, 1, event=None),
        "is number 7": changed(sprint, 1, seq=7),
    }
    for words, fold in wrong.items():
        assert fold.diverged is not None, words
        if words != "nothing was promised":
            assert words in fold.diverged.why
    told = wrong["nothing was promised"].diverged
    assert told is not None
    assert told.seq == 1
    assert told.why.startswith("SprintStarted: promised: recorded (), replayed ('s1/a/CreateIssue/1'")


def test_settled_and_withdrawn_intents_are_told(sprint: Journalled) -> None:
    key = EffectKey("s1/a/CreateIssue/1")
    sprint.give_issues()
    fold = changed(sprint, 1, settled=key)
    assert fold.settled == {key: 2}
    assert fold.withdrawn == set()
    assert Intent(key, fold.promised[key]).effect.task == "a"


def test_differences_are_told_field_by_field() -> None:
    one = Sprint.new(sprint_plan(dag(task("a"), task("b"))), FIRST_BOOT, PATIENT)
    head = msgspec.structs.replace(one.head, refused=3)
    row = msgspec.structs.replace(one.tasks[T("a")], status=Status.READY, issue=4)
    other = Sprint(plan=one.plan, head=head, tasks={T("a"): row, T("c"): row})
    assert differences(one, one) == []
    assert differences(one, other) == [
        "head.refused: replayed 0, stored 3",
        'tasks.a.status: replayed "pending", stored "ready"',
        "tasks.a.issue: replayed null, stored 4",
        "tasks.b: is not stored",
        "tasks.c: is only stored",
    ]


def test_a_later_event_of_a_task_is_about_it() -> None:
    event: TaskEvent = IssueCreated(T("a"), 1)
    head = Sprint.new(sprint_plan(dag(task("a"))), FIRST_BOOT, PATIENT).head
    assert result_of(event, head).task == "a"
    assert result_of(TimePassed(), head).task is None
