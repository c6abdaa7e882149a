"""Every write of the forge client through a real connection that breaks: looked for first, then done, once.

The embedded forge over TCP, and between it and the client a server that accepts and then drops, times out or says 500.
"""

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import msgspec
import pytest

from caloron_actors.actors.perform import Performer
from caloron_actors.actors.perform.world import World
from caloron_actors.adapters.github import Credential, GitHubForge, Limits
from caloron_actors.adapters.memory.launcher import Finished, MemoryLauncher
from caloron_actors.adapters.memory.workspace import MemoryRepository, MemoryWorkspace
from caloron_actors.domain import effects as fx
from caloron_actors.domain import events as ev
from caloron_actors.domain.ids import EffectKey, TaskId, branch_name
from caloron_actors.domain.sprint.state import Sprint, SprintPlan
from caloron_actors.ports.commands import Commands
from caloron_actors.ports.errors import Unavailable
from caloron_actors.ports.launcher import LaunchOrder
from tests.actors.middle import How, Middle, When, middle
from tests.contracts.test_forge import REPOSITORY, REV, LocalRoom, local_room
from tests.domain.sprint.plans import FIRST_BOOT, PATIENT, dag, task

A = TaskId("a")
SHORT = Limits(read=timedelta(seconds=2))
REPEATED = ("AddLabel", "RemoveLabel", "CloseIssue")
"""Effects that put a state: they are sent again, which changes nothing."""


@dataclass
class Wire:
    """A sprint of one task whose effects go over a connection that can be spoilt."""

    room: LocalRoom
    between: Middle
    performer: Performer
    sprint: Sprint
    spoil: tuple[How, When]

    def know(self, **changes: Any) -> None:
        """What the sprint has learnt of its task."""
        row = msgspec.structs.replace(self.sprint.tasks[A], **changes)
        self.sprint = replace(self.sprint, tasks={A: row})

    async def once(self, effect: fx.Effect, ordinal: str = "1") -> ev.Event:
        """Perform an effect whose first answer is lost; the second try is what the outbox makes of that."""
        name = type(effect).__name__
        intent = fx.Intent(EffectKey(f"s1/a/{name}/{ordinal}"), effect)
        self.between.spoil_next(self.spoil)
        with pytest.raises(Unavailable) as lost:
            await self.performer.perform(self.sprint, intent, probe=False)
        assert lost.value.ambiguous, name
        assert self.between.spoil is None, name
        done = await self.performer.perform(self.sprint, intent, probe=lost.value.ambiguous)
        again = name in REPEATED and self.spoil[1] == "after"
        assert len(self.between.writes) == (2 if again else 1), self.between.writes
        return done


async def nobody(_: LaunchOrder) -> Finished:
    return Finished()


@pytest.fixture
async def wire(tmp_path: Path, spoil: tuple[How, When]) -> AsyncGenerator[Wire, None]:
    plan = SprintPlan(dag=dag(task("a")), source="/repo", repository=REPOSITORY, base_branch="main")
    async with AsyncExitStack() as stack:
        room = await stack.enter_async_context(local_room(tmp_path / "forge", None))
        between = await stack.enter_async_context(middle(room.url))
        group = await stack.enter_async_context(anyio.create_task_group())
        author = Credential(await room.local.ensure_user("caloron"))
        reviewers = {REV: Credential(await room.local.ensure_user("rev-bot"))}
        client = await stack.enter_async_context(
            GitHubForge(
                between.url, REPOSITORY, author, reviewers, lambda: room.clock.now().wall, limits=SHORT
            )
        )
        world = World(
            forge=client,
            workspace=MemoryWorkspace(MemoryRepository("main", {})),
            launcher=MemoryLauncher(nobody, group),
            commands=Commands(authors={}, reviewers={}, environ={}),
            secret=b"secret",
            wall_time=timedelta(hours=1),
            pause=lambda wait: anyio.lowlevel.checkpoint(),
            settling=timedelta(0),
        )
        sprint = Sprint.new(plan, FIRST_BOOT, PATIENT)
        yield Wire(room, between, Performer(world), sprint, spoil)


SPOILS: list[tuple[How, When]] = [
    ("close", "after"),
    ("close", "before"),
    ("reset", "after"),
    ("reset", "before"),
    ("half", "after"),
    ("hold", "after"),
    ("500", "after"),
    ("500", "before"),
    ("503", "after"),
    ("408", "after"),
]


@pytest.mark.parametrize("spoil", SPOILS, ids=" ".join)
async def test_every_write_once(wire: Wire) -> None:
    """From the issue to the merge; the forge then holds what an undisturbed client would have left."""
    forge = wire.room.forge
    created = await wire.once(fx.CreateIssue(A))
    assert isinstance(created, ev.IssueCreated)
    issue = created.number
    wire.know(issue=issue)
    await wire.once(fx.AddLabel(A, issue, "caloron:ready"))
    await wire.once(fx.AddLabel(A, issue, "caloron:wip"), "2")
    await wire.once(fx.RemoveLabel(A, issue, "caloron:ready"))
    await wire.once(fx.PostComment(A, issue, "it goes on"))
    branch = branch_name(wire.sprint.plan.dag.tasks[0].assigned_to, wire.sprint.head.id, A)
    head = await wire.room.push(branch, "the work")
    opened = await wire.once(fx.OpenPullRequest(A))
    assert isinstance(opened, ev.PullRequestOpened)
    number = opened.number
    wire.know(pull_request=number, head=head)
    review = fx.SubmitReview(task=A, agent=REV, run=1, verdict="approve", text="fine", head=head)
    assert isinstance(await wire.once(review, "rev.1"), ev.ReviewSubmitted)
    merged = await wire.once(fx.MergePullRequest(task=A, number=number, head=head))
    assert isinstance(merged, ev.PullRequestMerged)
    await wire.once(fx.CloseIssue(A, issue))

    assert [(seen.number, seen.labels) for seen in await forge.issues()] == [
        (issue, ("caloron:task", "caloron:wip"))
    ]
    assert len(await forge.comments(issue)) == 1
    pulls = await forge.pull_requests()
    assert [(pull.number, pull.merged, pull.merge_commit) for pull in pulls] == [
        (number, True, merged.commit)
    ]
    assert [seen.state for seen in await forge.reviews(number)] == ["approved"]
    history = await wire.room.git.call("rev-list", "--count", "--merges", "main", git_dir=wire.room.path)
    assert history.strip() == b"1"


@pytest.mark.parametrize("spoil", [("html", "after")], ids=" ".join)
async def test_an_answer_that_is_none_is_no_success(wire: Wire) -> None:
    """A proxy's page with status 200: nobody knows whether it was done."""
    created = await wire.once(fx.CreateIssue(A))
    assert isinstance(created, ev.IssueCreated)
    wire.know(issue=created.number)
    await wire.once(fx.PostComment(A, created.number, "it goes on"))
    await wire.once(fx.AddLabel(A, created.number, "caloron:wip"))
    await wire.once(fx.RemoveLabel(A, created.number, "caloron:wip"))
    await wire.once(fx.CloseIssue(A, created.number))
    assert len(await wire.room.forge.comments(created.number)) == 1
