"""The cost of one event through `step` and the commit of its changed rows, in plans of 20 to 2,000 tasks, in memory."""

import statistics
import time
from collections import deque
from datetime import UTC, datetime, timedelta

import anyio

from caloron_actors.adapters.memory.journal import MemoryJournal
from caloron_actors.domain import effects as fx
from caloron_actors.domain import events as ev
from caloron_actors.domain.dag import Agent, Dag, TaskPlan
from caloron_actors.domain.ids import AgentId, Commit, EffectKey, SprintId, TaskId
from caloron_actors.domain.instant import Now
from caloron_actors.domain.sprint.state import Sprint, SprintPlan, Step
from caloron_actors.domain.sprint.step import step
from caloron_actors.domain.task import Review
from caloron_actors.ports.journal import Entry

SIZES = (20, 200, 2000)
WIDTH = 10
"""Tasks on a level; each needs two of the level before."""
WALL = datetime(2026, 1, 1, tzinfo=UTC)


def main() -> None:
    """Play a whole sprint of each size, interleaved three times."""
    costs: dict[int, list[float]] = {size: [] for size in SIZES}
    for _ in range(3):
        for size in SIZES:
            costs[size].append(anyio.run(_cost, size))
    print("step: one event through step and commit (memory adapters), microseconds")
    first = statistics.median(costs[SIZES[0]])
    for size in SIZES:
        middle = statistics.median(costs[size])
        print(
            f"  {size:5} tasks {middle * 1e6:8.1f}   ratio to {SIZES[0]} tasks {middle / first:.2f} (goal: at most 2)"
        )


async def _cost(size: int) -> float:
    """Seconds for an event, on average over a whole sprint."""
    sprint = Sprint.new(_plan(size), _now(0), ev.Limits())
    journal = MemoryJournal()
    await journal.create(sprint.plan, sprint.head, tuple(sprint.tasks.values()))
    waiting: deque[tuple[EffectKey | None, ev.Event]] = deque(
        [(None, ev.SprintStarted(ev.Limits(), "caloron"))]
    )
    spent, count = 0.0, 0
    while waiting:
        settles, event = waiting.popleft()
        count += 1
        began = time.perf_counter()
        moved = step(sprint, event, _now(count))
        if not isinstance(moved, Step):
            raise TypeError(f"{event} was refused: {moved.reason}")
        await journal.commit(
            Entry(
                at=_now(count),
                event=event,
                head=moved.sprint.head,
                changed=moved.changed,
                intents=moved.intents,
                withdrawn=moved.withdrawn,
                settled=settles,
            )
        )
        spent += time.perf_counter() - began
        sprint = moved.sprint
        for intent in moved.intents:
            waiting.extend(_outcomes(intent, count))
    if sprint.head.outcome != "succeeded":
        raise RuntimeError(f"the sprint did not succeed: {sprint.head.outcome}")
    return spent / count


def _outcomes(intent: fx.Intent, count: int) -> list[tuple[EffectKey | None, ev.Event]]:  # noqa: PLR0911 - one a kind
    """What a world without trouble answers."""
    key, effect = intent.key, intent.effect
    commit = Commit(f"{count:040x}")
    match effect:
        case fx.CreateIssue(task=task):
            return [(key, ev.IssueCreated(task, count))]
        case fx.PrepareWork(task=task, run=run):
            return [(key, ev.WorkPrepared(task=task, run=run, start=commit))]
        case fx.LaunchAuthor(task=task, agent=agent, run=run):
            begun = ev.RunStarted(task=task, agent=agent, run=run, role="author")
            return [(key, begun), (None, ev.AuthorEnded(task=task, run=run, result="finished"))]
        case fx.CollectWork(task=task, run=run):
            return [(key, ev.WorkCollected(task=task, run=run, commit=commit))]
        case fx.PushBranch(task=task):
            return [(key, ev.BranchPushed(task, effect.commit))]
        case fx.OpenPullRequest(task=task):
            return [(key, ev.PullRequestOpened(task, count))]
        case fx.LaunchReviewer(task=task, agent=agent, run=run):
            begun = ev.RunStarted(task=task, agent=agent, run=run, role="reviewer")
            end = ev.ReviewerEnded(task=task, agent=agent, run=run, verdict="approve")
            return [(key, begun), (None, end)]
        case fx.SubmitReview(task=task, agent=agent, run=run, head=head):
            review = Review(id=count, login=agent, state="approved", head=head, text="", submitted_at=WALL)
            return [(key, ev.ReviewSubmitted(task=task, agent=agent, run=run, review=review))]
        case fx.MergePullRequest(task=task):
            return [(key, ev.PullRequestMerged(task, commit))]
        case _:
            return [(key, ev.NoteWritten(effect.task))]


def _plan(size: int) -> SprintPlan:
    agents = [Agent(id=AgentId(f"a{n}")) for n in range(WIDTH)]
    agents += [Agent(id=AgentId(f"r{n}"), role="reviewer") for n in range(WIDTH)]
    tasks = []
    for n in range(size):
        above = [m for m in (n - WIDTH, n - WIDTH + 1) if 0 <= m < n - n % WIDTH]
        tasks.append(
            TaskPlan(
                id=TaskId(f"t{n}"),
                title=f"Task {n}",
                assigned_to=AgentId(f"a{n % WIDTH}"),
                reviewed_by=(AgentId(f"r{n % WIDTH}"),),
                depends_on=tuple(TaskId(f"t{m}") for m in above),
            )
        )
    dag = Dag(id=SprintId("bench"), agents=tuple(agents), tasks=tuple(tasks))
    return SprintPlan(dag=dag, source="nowhere", repository="local/bench", base_branch="main")


def _now(count: int) -> Now:
    return Now(wall=WALL + timedelta(seconds=count), awake=timedelta(seconds=count), boot_id="bench")
