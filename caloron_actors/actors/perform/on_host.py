"""Effects on this host: working copies, agents' processes, and the commits that come out of them."""

from typing import Literal

from caloron_actors.actors.perform.world import World, place_of, task_plan
from caloron_actors.domain import effects as fx
from caloron_actors.domain.events import (
    AuthorEnded,
    BranchPushed,
    Event,
    LaunchFailed,
    ReviewerEnded,
    RunStarted,
    WorkCollected,
    WorkMissing,
    WorkPrepared,
    WorkSaved,
)
from caloron_actors.domain.marker import neutralise
from caloron_actors.domain.sprint.state import Sprint
from caloron_actors.ports.errors import Unavailable
from caloron_actors.ports.launcher import Absent, Ended, GivenUp, LaunchOrder, RunId, RunState
from caloron_actors.ports.workspace import Collected, NoChange, Unresolved, Unusable
from caloron_actors.views.prompts import author_prompt, reviewer_prompt

Role = Literal["author", "reviewer"]
NO_CHANGE = "the agent changed nothing"


async def prepare(world: World, sprint: Sprint, effect: fx.PrepareWork) -> Event:
    """Make the author's working copy ready. Repeating it is safe: nobody works in it yet."""
    place = place_of(sprint, effect.task)
    if effect.head is None:
        ready = await world.workspace.prepare_fresh(place)
    else:
        ready = await world.workspace.prepare_rework(place, effect.head, merge_base_in=effect.merge_base_in)
    return WorkPrepared(task=effect.task, run=effect.run, start=ready.start, conflicts=ready.conflicts)


async def launch_author(world: World, sprint: Sprint, effect: fx.LaunchAuthor) -> Event:
    """Start the author unless its run's slot is taken; the run directory decides, however often this is asked."""
    plan, task = task_plan(sprint, effect.task), sprint.tasks[effect.task]
    run = RunId(sprint.head.id, effect.task, effect.agent, effect.run)
    tree = world.workspace.tree(effect.task)
    order = LaunchOrder(
        run=run,
        argv=world.commands.authors[effect.agent],
        cwd=tree,
        env=_environment(world, sprint, run, str(tree), task.attempts + 1),
        prompt=author_prompt(sprint.plan.dag, plan, task, sprint.plan.base_branch),
        wall_time=plan.budget.wall_time or world.wall_time,
    )
    return await _launch(world, order, "author")


async def launch_reviewer(world: World, sprint: Sprint, effect: fx.LaunchReviewer) -> Event:
    """Check the head out for a reviewer and start it there."""
    plan, task = task_plan(sprint, effect.task), sprint.tasks[effect.task]
    run = RunId(sprint.head.id, effect.task, effect.agent, effect.run)
    state = await world.launcher.look(run)
    if not isinstance(state, Absent):
        return _claimed(run, "reviewer", state)
    place = place_of(sprint, effect.task)
    ready = await world.workspace.prepare_review(place, effect.agent, effect.head)
    diff = await world.workspace.diff(ready.base, effect.head)
    order = LaunchOrder(
        run=run,
        argv=world.commands.reviewers[effect.agent],
        cwd=ready.path,
        env=_environment(world, sprint, run, str(ready.path), effect.run),
        prompt=reviewer_prompt(sprint.plan.dag, plan, task, diff),
        wall_time=plan.budget.wall_time or world.wall_time,
    )
    return await _launch(world, order, "reviewer")


async def collect(world: World, sprint: Sprint, effect: fx.CollectWork) -> Event:
    """Take the author's work as one commit; asking again gives the same commit."""
    place, plan = place_of(sprint, effect.task), task_plan(sprint, effect.task)
    message = f"[{place.agent}] {neutralise(plan.title)}"
    answer = await world.workspace.collect(place, effect.start, message, must_resolve=effect.must_resolve)
    match answer:
        case Collected(commit=commit):
            return WorkCollected(task=effect.task, run=effect.run, commit=commit)
        case NoChange():
            return WorkMissing(task=effect.task, run=effect.run, reason=NO_CHANGE)
        case Unusable(reason=reason):
            return WorkMissing(task=effect.task, run=effect.run, reason=reason)
        case Unresolved(paths=paths):
            words = "conflicts are left in " + ", ".join(paths)
            return WorkMissing(task=effect.task, run=effect.run, reason=words, unresolved=paths)


async def save(world: World, sprint: Sprint, effect: fx.SaveWork) -> Event:
    """Keep a stopped author's work on a hidden ref."""
    commit = await world.workspace.save(place_of(sprint, effect.task), effect.start, f"run-{effect.run}")
    return WorkSaved(task=effect.task, run=effect.run, commit=commit)


async def push(world: World, sprint: Sprint, effect: fx.PushBranch) -> Event:
    """Set the branch on the forge; ref and commit are the natural key, so a repeated push is none."""
    branch = place_of(sprint, effect.task).branch
    await world.workspace.push(branch, effect.commit, effect.expected)
    return BranchPushed(effect.task, effect.commit)


async def stop(world: World, sprint: Sprint, effect: fx.StopRun) -> Event:
    """End a run and tell how it ended, in case nobody watches it."""
    run = RunId(sprint.head.id, effect.task, effect.agent, effect.run)
    state = await world.launcher.stop(run, effect.grace)
    author = task_plan(sprint, effect.task).assigned_to == effect.agent
    if not isinstance(state, Ended):
        role: Role = "author" if author else "reviewer"
        return LaunchFailed(
            task=effect.task,
            agent=effect.agent,
            run=effect.run,
            role=role,
            reason="given up before its start",
        )
    if author:
        return AuthorEnded(
            task=effect.task,
            run=effect.run,
            result="stopped" if state.started else "not_started",
            detail="stopped by the service",
        )
    return ReviewerEnded(
        task=effect.task,
        agent=effect.agent,
        run=effect.run,
        verdict=None,
        detail="stopped by the service",
        stopped=True,
    )


async def _launch(world: World, order: LaunchOrder, role: Role) -> Event:
    try:
        state = await world.launcher.launch(order)
    except Unavailable as error:
        if error.ambiguous:
            # Its harness may have claimed the run: only asking again tells, and starts nothing twice.
            raise
        return _given_up(order.run, role, str(error))
    return _claimed(order.run, role, state)


def _claimed(run: RunId, role: Role, state: RunState) -> Event:
    if isinstance(state, GivenUp):
        return _given_up(run, role, "its run was given up")
    return RunStarted(task=run.task, agent=run.agent, run=run.ordinal, role=role)


def _given_up(run: RunId, role: Role, reason: str) -> Event:
    return LaunchFailed(task=run.task, agent=run.agent, run=run.ordinal, role=role, reason=reason)


def _environment(world: World, sprint: Sprint, run: RunId, tree: str, attempt: int) -> dict[str, str]:
    role = next(agent.role for agent in sprint.plan.dag.agents if agent.id == run.agent)
    return {
        **world.commands.environ,
        "CALORON_AGENT_ID": run.agent,
        "CALORON_AGENT_ROLE": role,
        "CALORON_TASK_ID": run.task,
        "CALORON_SPRINT_ID": run.sprint,
        "CALORON_WORKTREE": tree,
        "CALORON_ATTEMPT": str(attempt),
    }


__all__ = ["collect", "launch_author", "launch_reviewer", "prepare", "push", "save", "stop"]
