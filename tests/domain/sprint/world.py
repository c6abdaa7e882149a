"""A sprint in a world that answers its effects in every possible way and order, with humans who do as they like."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial

from caloron_actors.domain import effects as fx
from caloron_actors.domain import events as ev
from caloron_actors.domain.dag import Dag
from caloron_actors.domain.ids import EffectKey, TaskId
from caloron_actors.domain.sprint.schedule import next_deadline, runs_alive
from caloron_actors.domain.sprint.state import Step
from tests.domain.sprint.answers import Answers
from tests.domain.sprint.humans import deeds
from tests.domain.sprint.outside import Process, Tape
from tests.domain.sprint.plans import AUTHOR_LOGIN
from tests.domain.sprint.play import Play
from tests.domain.sprint.rules import may_be_merged

Action = Callable[[], object]
BOUND = 5000
"""Turns after which a sprint that nobody disturbs must have come to rest."""

REPEATABLE = (
    ev.IssueCreated,
    ev.WorkPrepared,
    ev.RunStarted,
    ev.LaunchFailed,
    ev.AuthorEnded,
    ev.ReviewerEnded,
    ev.WorkCollected,
    ev.WorkMissing,
    ev.WorkSaved,
    ev.BranchPushed,
    ev.ReviewSubmitted,
    ev.PullRequestMerged,
    ev.NoteWritten,
)
"""Events that are known for repetitions however late they come: they name a run, a commit or a number."""


class World(Play):
    """A play in which nobody but the tape decides."""

    def __init__(self, plan: Dag, limits: ev.Limits, tape: Tape) -> None:
        super().__init__(plan, limits, begin=False)
        self.tape = tape
        self.answers = Answers(plan, tape)
        self.forge = self.answers.forge
        self.under_way: dict[str, ev.TaskEvent] = {}
        self.history: list[ev.TaskEvent] = []

    def happens(self, event: ev.TaskEvent) -> None:
        """Something happens, and is told a second time: the repetition is refused or changes nothing."""
        moved = self.try_tell(event)
        if isinstance(event, ev.RunStarted) and isinstance(moved, Step):
            self.answers.runs[event.task, event.agent, event.run].watched = True
        self.repeats(event)
        if isinstance(event, REPEATABLE):
            self.history.append(event)

    def repeats(self, event: ev.TaskEvent) -> None:
        """Something is told again that was told before: at most the time has passed, and a reboot is noticed."""
        before = self.sprint
        again = self.try_tell(event)
        if isinstance(again, Step) and before.head.age.boot_id == self.now.boot_id:
            assert again.idle, f"repeated: {event}"
        elif isinstance(again, Step):
            assert (again.changed, again.intents, again.withdrawn) == ((), (), ()), f"repeated: {event}"

    def service_actions(self) -> list[Action]:
        """What the service and the world can do next without any human."""
        actions: list[Action] = [partial(self._settle, lane) for lane in self.under_way]
        lanes: set[str] = set(self.under_way)
        for key, intent in self.open.items():
            lane = fx.lane(intent.effect)
            if lane not in lanes:
                lanes.add(lane)
                actions.append(partial(self._claim, key))
        alive = [run for run in self.answers.runs.values() if run.alive and run.watched]
        actions += [partial(self._end, run) for run in alive]
        deadline = next_deadline(self.sprint)
        if deadline is not None and (not actions or self.tape.one_of([False, True])):
            actions.append(partial(self._pass, deadline))
        return actions

    def _claim(self, key: EffectKey) -> None:
        intent = self.open.pop(key)
        row = self.sprint.tasks[intent.effect.task]
        match intent.effect:
            case fx.MergePullRequest() as merge:
                assert row.merging, "no merge fires after an objection"
                may_be_merged(self.sprint, merge)
            case fx.LaunchAuthor() as launch:
                assert row.author is not None, "no launch fires after a cancel"
                assert (row.author.ordinal, row.author.phase) == (launch.run, "launching")
            case _:
                pass
        self.under_way[fx.lane(intent.effect)] = self.answers.to(intent.effect)

    def _settle(self, lane: str) -> None:
        self.happens(self.under_way.pop(lane))

    def _end(self, run: Process, *, orphaned: bool = False) -> None:
        for event in self.answers.end(run, orphaned=orphaned):
            self.happens(event)

    def _pass(self, deadline: timedelta) -> None:
        age = self.sprint.head.age.at(self.now).lived
        self.wait(max(deadline - age, timedelta(0)))

    def wild_actions(self) -> list[Action]:
        """What people, the operator and mischance can do next."""
        actions: list[Action] = []
        drastic = self.tape.one_of([False, False, False, True])
        for task in self.sprint.tasks:
            actions += [partial(self._deed, task, deed) for deed in deeds(self.forge, task, drastic=drastic)]
            actions.append(partial(self._look, task))
        actions += [lambda: self.try_tell(ev.SprintSuspended("SIGTERM")), self._start, self._start]
        actions.append(lambda: self.reboot(timedelta(hours=3)))
        actions.append(lambda: self.wait(timedelta(minutes=20)))
        alive = [run for run in self.answers.runs.values() if run.alive and run.watched]
        actions += [partial(self._end, run, orphaned=True) for run in alive]
        if self.history:
            actions += [lambda: self.repeats(self.tape.one_of(self.history))] * 2
        return actions

    def _start(self) -> None:
        self.try_tell(ev.SprintStarted(self.limits, AUTHOR_LOGIN))

    def _deed(self, task: TaskId, deed: Action) -> None:
        deed()
        if self.tape.one_of([True, True, False]):
            self._look(task)

    def _look(self, task: TaskId) -> None:
        row = self.sprint.tasks[task]
        if row.issue is None:
            return
        pull = self.forge.pull_fact(task, row.pull_request)
        self.happens(ev.TaskObserved(task=task, pull_request=pull, issue=self.forge.issue_fact(task)))

    def live_wildly(self, *, may_cancel: bool) -> None:
        """Go on, disturbed by everybody, until the tape is over."""
        self._start()
        while not self.tape.over:
            wild = self.tape.one_of([False] * 7 + [True])
            actions = (self.wild_actions() if wild else self.service_actions()) or [self._start]
            self.tape.one_of(actions)()
        if may_cancel:
            self.try_tell(ev.SprintCancelled("an operator"))

    def come_to_rest(self, tape: Tape) -> None:
        """Go on undisturbed until nothing happens any more, the answers being drawn from another tape."""
        self.tape = self.answers.tape = tape
        self._start()
        for _ in range(BOUND):
            actions = self.service_actions()
            if self.condition in ("ended", "blocked") and not self.open and not self.under_way:
                break
            assert actions, f"a dead state: {self.statuses()} {self.sprint.tasks}"
            tape.one_of(actions)()
        else:
            raise AssertionError(f"no rest after {BOUND} turns: {self.statuses()}")
        assert not runs_alive(self.sprint)
        assert not any(run.alive for run in self.answers.runs.values())

    def suspend(self, tape: Tape) -> None:
        """The service is told to end: agents are stopped, and nothing is left that has to be waited for."""
        self.tape = self.answers.tape = tape
        if self.sprint.head.outcome is not None:
            return
        self.try_tell(ev.SprintSuspended("SIGTERM"))
        for _ in range(BOUND):
            if not self.open and not self.under_way:
                break
            tape.one_of(self.service_actions())()
        assert not runs_alive(self.sprint)
        assert not any(run.alive for run in self.answers.runs.values())
