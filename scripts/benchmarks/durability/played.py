"""A journal brought to a wanted state by the real `step`, without a service: the past that a benchmark starts from."""

from collections import deque
from collections.abc import Callable, Iterator
from datetime import timedelta

from caloron_actors.domain import effects as fx
from caloron_actors.domain import events as ev
from caloron_actors.domain.dag import Agent, Dag, ReviewPolicy, TaskPlan
from caloron_actors.domain.effects import Intent
from caloron_actors.domain.ids import AgentId, Commit, EffectKey, SprintId, TaskId
from caloron_actors.domain.instant import Now
from caloron_actors.domain.sprint.state import Sprint, SprintPlan, Step
from caloron_actors.domain.sprint.step import step
from caloron_actors.ports.journal import Entry, Journal

Answer = Callable[[Intent, int], list[tuple[EffectKey | None, ev.Event]]]


def plan(sprint: str, tasks: int) -> SprintPlan:
    """Tasks that need neither each other nor a review, each with an author of its own."""
    names = [f"t{n}" for n in range(tasks)]
    dag = Dag(
        id=SprintId(sprint),
        agents=tuple(Agent(id=AgentId(name)) for name in names),
        tasks=tuple(
            TaskPlan(id=TaskId(name), title=f"Do {name}", assigned_to=AgentId(name)) for name in names
        ),
        review=ReviewPolicy(required_approvals=0),
    )
    return SprintPlan(dag=dag, source="nowhere", repository="local/bench", base_branch="main")


def until_running(intent: Intent, count: int) -> list[tuple[EffectKey | None, ev.Event]]:
    """A world in which every author starts and none ends."""
    key, effect = intent.key, intent.effect
    match effect:
        case fx.CreateIssue(task=task):
            return [(key, ev.IssueCreated(task, count))]
        case fx.PrepareWork(task=task, run=run):
            return [(key, ev.WorkPrepared(task=task, run=run, start=Commit(f"{count:040x}")))]
        case fx.LaunchAuthor(task=task, agent=agent, run=run):
            return [(key, ev.RunStarted(task=task, agent=agent, run=run, role="author"))]
        case _:
            return [(key, ev.NoteWritten(effect.task))]


def entries(sprint: Sprint, now: Now, limits: ev.Limits, answer: Answer) -> Iterator[tuple[Entry, Sprint]]:
    """The entries of a sprint in that world, each with the sprint after it, until nothing is promised any more."""
    waiting: deque[tuple[EffectKey | None, ev.Event]] = deque([(None, ev.SprintStarted(limits, "caloron"))])
    count = 0
    while waiting:
        settles, event = waiting.popleft()
        count += 1
        at = Now(now.wall + timedelta(seconds=count), now.awake, now.boot_id)
        moved = step(sprint, event, at)
        if not isinstance(moved, Step):
            raise TypeError(f"{event} was refused: {moved.reason}")
        sprint = moved.sprint
        yield (
            Entry(
                at=at,
                event=event,
                head=sprint.head,
                changed=moved.changed,
                intents=moved.intents,
                withdrawn=moved.withdrawn,
                settled=settles,
            ),
            sprint,
        )
        for intent in moved.intents:
            waiting.extend(answer(intent, count))


async def fill(journal: Journal, sprint: Sprint, history: Iterator[tuple[Entry, Sprint]]) -> Sprint:
    """Store the sprint and all of its history; gives the sprint at the end."""
    await journal.create(sprint.plan, sprint.head, tuple(sprint.tasks.values()))
    for entry, after in history:
        await journal.commit(entry)
        sprint = after
    return sprint
