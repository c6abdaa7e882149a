"""Whole sprints in memory: what stands on the forge at the end, and what the agents were told."""

from datetime import timedelta

import pytest

from caloron_actors.actors.sprint import Apply
from caloron_actors.adapters.memory.launcher import CannotStart, Finished
from caloron_actors.domain.dag import ReviewPolicy
from caloron_actors.domain.events import Limits, SprintCancelled, SprintStarted, SprintSuspended
from caloron_actors.domain.sprint.schedule import condition
from caloron_actors.ports.launcher import LaunchOrder
from tests.actors.cast import Cast, Stage, diligent, idle, mute, picky, slowly
from tests.actors.conftest import MakeService
from tests.actors.picture import picture
from tests.domain.sprint.plans import dag, task

DIAMOND = dag(task("a"), task("b", "a", by="bob"), task("c", "a", by="cy"), task("d", "b", "c"))


async def test_a_diamond_is_merged_in_its_order_with_one_issue_and_pull_request_for_each_task(
    service: MakeService,
) -> None:
    world = await service(DIAMOND, cast=Cast(reviewer=picky("b")))
    sprint = await world.finish()
    assert sprint.head.outcome == "succeeded"
    assert world.crashes() == []
    end = await picture(world)
    assert [thing.title for thing in end.things] == sorted(
        f"{mark}Do {name}" for name in "abcd" for mark in ("", f"[{name}] ")
    )
    assert all(thing.state.startswith("closed") for thing in end.things)
    assert [path for path, _ in end.files] == ["README.md", "a.txt", "b.txt", "c.txt", "d.txt"]
    assert dict(end.files)["b.txt"] == b"b, version 2\n"
    assert end.history.count("[bob] Do b") == 2
    assert len(end.launched) == len(set(end.launched)) == 10


async def test_independent_tasks_are_worked_on_at_once(service: MakeService) -> None:
    """J1: the time taken is that of the longest path."""
    world = await service(
        dag(*[task(f"t{n}", by=f"dev{n}", reviewed_by=(f"rev{n}",)) for n in range(8)]),
        limits=Limits(max_agents=16),
    )
    await world.finish()
    assert world.clock.now().awake < timedelta(seconds=60)


async def test_never_more_agents_than_allowed(service: MakeService) -> None:
    """J9: reviewers count."""
    busy = most = 0

    async def author(stage: Stage) -> Finished:
        nonlocal busy, most
        busy += 1
        most = max(most, busy)
        done = await diligent(stage)
        busy -= 1
        return done

    world = await service(
        dag(*[task(f"t{n}", by=f"dev{n}") for n in range(6)]),
        cast=Cast(author=author),
        limits=Limits(max_agents=2),
    )
    assert (await world.finish()).head.outcome == "succeeded"
    assert most == 2


async def test_a_conflict_goes_back_to_its_author(service: MakeService) -> None:
    """E9."""
    world = await service(dag(task("a", by="ann"), task("b", by="bob")), cast=Cast(author=slowly("b")))
    assert (await world.finish()).head.outcome == "succeeded"
    assert world.row("b").conflict_rounds == 1
    assert dict((await picture(world)).files)["shared.txt"] == b"both\n"


async def test_an_author_that_changes_nothing_fails_and_its_dependents_are_cancelled(
    service: MakeService,
) -> None:
    """E2, E5: no change is no success."""
    world = await service(dag(task("a"), task("b", "a"), task("c")), cast=Cast(author=_only_c))
    sprint = await world.finish()
    assert sprint.head.outcome == "partial"
    assert [world.row(name).status for name in "abc"] == ["failed", "cancelled", "done"]
    assert "the agent changed nothing" in (world.row("a").reason or "")
    assert world.row("a").attempts == 3


async def _only_c(stage: Stage) -> Finished:
    return await (diligent if stage.task == "c" else idle)(stage)


async def test_an_agent_that_fails_is_tried_again_and_its_last_words_are_told(service: MakeService) -> None:
    """E2, F3: the exit status counts."""

    async def author(stage: Stage) -> Finished:
        await diligent(stage)
        return Finished(code=7, stderr="warming up\nnot logged in\n")

    world = await service(dag(task("a")), cast=Cast(author=author))
    await world.finish()
    assert world.row("a").status == "failed"
    assert "exit status 7: not logged in" in (world.row("a").reason or "")


async def test_a_command_that_cannot_be_started_is_no_attempt(service: MakeService) -> None:
    """B11."""

    async def author(stage: Stage) -> CannotStart:
        return CannotStart("no such program")

    world = await service(dag(task("a")), cast=Cast(author=author), limits=Limits(launch_attempts=2))
    await world.finish()
    assert world.row("a").status == "blocked"
    assert "no such program" in (world.row("a").reason or "")
    assert world.row("a").attempts == 0


async def test_a_launch_that_is_given_up_is_repeated_as_another_run(service: MakeService) -> None:
    world = await service(dag(task("a")))
    world.launcher.refuse_next("no claim in time")
    assert (await world.finish()).head.outcome == "succeeded"
    assert [run.ordinal for run in world.launcher.launched if run.agent == "dev"] == [2]
    assert world.row("a").attempts == 1


async def test_a_mute_reviewer_is_asked_twice_more_and_never_approves(service: MakeService) -> None:
    """E3."""
    world = await service(dag(task("a")), cast=Cast(reviewer=mute))
    sprint = await world.finish()
    assert condition(sprint) == "blocked"
    assert "gave no verdict when asked 3 times, the last time: it printed nothing" in (
        world.row("a").reason or ""
    )
    pull = world.row("a").pull_request
    assert pull is not None
    assert await world.forge.reviews(pull) == []


async def test_an_endless_reviewer_ends_with_a_human(service: MakeService) -> None:
    """E8, E11: never a forced merge."""

    async def reviewer(stage: Stage) -> Finished:
        return Finished(stdout="CHANGES_NEEDED: more\n")

    async def author(stage: Stage) -> Finished:
        stage.write("a.txt", f"{stage.order.run.ordinal}\n")
        return Finished()

    world = await service(
        dag(task("a"), review=ReviewPolicy(max_cycles=2)), cast=Cast(author=author, reviewer=reviewer)
    )
    await world.finish()
    assert world.row("a").status == "blocked"
    assert world.row("a").review_cycles == 2
    assert "still wants changes after 2 rounds of rework: more" in (world.row("a").reason or "")
    assert world.faults.calls["merge"] == 0


async def test_what_an_agent_is_started_with(service: MakeService) -> None:
    """H4: the task, the names and nothing of the service's own environment but what is inherited."""
    orders: list[LaunchOrder] = []

    async def author(stage: Stage) -> Finished:
        orders.append(stage.order)
        return await diligent(stage)

    world = await service(dag(task("a", body="Write a.txt.")), cast=Cast(author=author, reviewer=picky("a")))
    await world.finish()
    first, second = orders
    assert first.argv == ("/bin/author",)
    assert dict(first.env) == {
        "PATH": "/bin",
        "CALORON_AGENT_ID": "dev",
        "CALORON_AGENT_ROLE": "developer",
        "CALORON_TASK_ID": "a",
        "CALORON_SPRINT_ID": "s1",
        "CALORON_WORKTREE": str(first.cwd),
        "CALORON_ATTEMPT": "1",
    }
    assert second.env["CALORON_ATTEMPT"] == "2"
    assert "Write a.txt." in first.prompt
    assert "say more" not in first.prompt
    assert "say more" in second.prompt
    assert second.cwd == first.cwd


async def test_a_suspended_sprint_keeps_the_work_and_goes_on_when_it_is_started_again(
    service: MakeService,
) -> None:
    """P12: what `run` does when it is interrupted."""
    world = await service(dag(task("a")), cast=Cast(author=_starts_a_file))
    await world.until(lambda: world.sprint is not None and world.row("a").status == "in_progress")
    await world.let(timedelta(seconds=5))
    ref = world.tree.sprints.ref(world.id)
    assert await ref.ask(Apply(SprintSuspended("the run was ended"))) is None
    await world.let(timedelta(seconds=5))
    kept = world.workspace.saved[world.row("a").id]
    assert [world.repository.files(commit)["half.txt"] for commit in kept.values()] == [b"half\n"]
    assert await world.journal.open_intents(world.id) == []
    assert world.row("a").author is None
    assert await ref.ask(Apply(SprintStarted(world.limits, "caloron"))) is None
    assert (await world.finish()).head.outcome == "succeeded"


async def _starts_a_file(stage: Stage) -> Finished:
    stage.write("half.txt", "half\n")
    return await diligent(stage)


@pytest.mark.parametrize("at", ["in_progress", "in_review"])
async def test_a_cancelled_sprint_stops_its_agents_and_says_so_on_the_forge(
    service: MakeService, at: str
) -> None:
    """P1, P2, P3: pull requests stay open, labelled; the work is kept."""
    world = await service(dag(task("a"), task("b", "a")))
    await world.until(lambda: world.sprint is not None and world.row("a").status == at)
    await world.let(timedelta(seconds=2))
    began = world.clock.now().awake
    assert await world.tree.sprints.ref(world.id).ask(Apply(SprintCancelled("the operator"))) is None
    sprint = await world.finish()
    assert sprint.head.outcome == "cancelled"
    assert world.clock.now().awake - began < timedelta(seconds=5)
    assert [world.row(name).status for name in "ab"] == ["cancelled", "cancelled"]
    comments = [comment.body for comment in await world.forge.comments(1)]
    assert any("the sprint was cancelled by the operator" in body for body in comments)
    pulls = await world.forge.pull_requests()
    assert [pull.state for pull in pulls] == (["open"] if at == "in_review" else [])
    assert [world.forge._rules.labels(pull.number) for pull in pulls] == (
        [("caloron:sprint-cancelled",)] if at == "in_review" else []
    )


async def test_a_sprint_that_has_ended_is_not_taken_up_by_the_next_service(service: MakeService) -> None:
    world = await service(dag(task("a")))
    await world.finish()
    seq = (await world.journal.sprints())[0].seq
    await world.stop()
    await world.start(take_up=False)
    await world.let(timedelta(minutes=10))
    assert world.tree.sprints.keys() == ()
    assert (await world.journal.sprints())[0].seq == seq


async def test_a_stopped_service_leaves_its_agents_alone(service: MakeService) -> None:
    """P4: `serve` on SIGTERM. The run is adopted by the next life."""
    world = await service(dag(task("a")))
    await world.until(lambda: world.sprint is not None and world.row("a").status == "in_progress")
    await world.stop()
    await world.start(take_up=False)
    assert (await world.finish()).head.outcome == "succeeded"
    assert len(world.launcher.launched) == 2
    assert world.faults.calls["stop"] == 0
