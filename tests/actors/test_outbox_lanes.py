"""What fails for one task, for whatever reason and however long, fails for that task alone."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import timedelta

import anyio
import pytest
from msgspec.structs import replace
from structlog.typing import EventDict

from caloron_actors.adapters.memory.forge import MemoryForge
from caloron_actors.adapters.memory.workspace import MemoryWorkspace
from caloron_actors.domain.ids import Commit, TaskId
from caloron_actors.ports.errors import RateLimited, Unavailable
from caloron_actors.ports.forge import MergeAnswer, PullRequestSeen
from caloron_actors.ports.workspace import Place, Prepared
from tests.actors.service import AUTHOR, REPOSITORY, Service
from tests.domain.sprint.plans import dag, task

BOTH = dag(task("a", by="ann"), task("b", by="bob"))


class Buggy(MemoryWorkspace):
    """Stumbles over one task."""

    stumbles = True

    async def prepare_fresh(self, place: Place) -> Prepared:
        if self.stumbles and place.task == TaskId("a"):
            raise KeyError("nobody thought of this")
        return await super().prepare_fresh(place)


@asynccontextmanager
async def stumbling() -> AsyncGenerator[tuple[Service, Buggy], None]:
    async with anyio.create_task_group() as group:
        service = Service(group, BOTH)
        service.workspace = buggy = Buggy(service.repository)
        await service.start()
        yield service, buggy
        group.cancel_scope.cancel()


@pytest.mark.parametrize("restart", [False, True])
async def test_a_bug_in_one_effect_holds_up_its_own_task(logs: list[EventDict], restart: bool) -> None:
    """It is said loudly, tried ever more rarely, and crashes nothing; when it is mended the task goes on."""
    async with stumbling() as (service, buggy):
        await service.until(lambda: service.sprint is not None and service.row("b").status == "done")
        await service.let(timedelta(hours=1))
        assert service.row("a").status == "starting"
        assert service.crashes() == []
        tries = service.faults.calls["prepare_fresh"] - 1
        assert 10 <= tries <= 30
        assert len([line for line in logs if line["event"] == "effect_failed"]) == tries
        if restart:
            service.kill()
            await service.start()
        buggy.stumbles = False
        assert (await service.finish()).head.outcome == "succeeded"
        assert service.row("a").attempts == 1


class Broken(MemoryForge):
    """Answers the merges of some pull requests with trouble; with `lossy` it has carried them out all the same."""

    def __init__(self, service: Service, *, lossy: bool) -> None:
        super().__init__(REPOSITORY, service.wall, author_login=AUTHOR, git=service.repository)
        self._reviewers = service.forge._reviewers
        self._lossy = lossy
        self.stuck: set[str] = {"a"}
        self.merges: list[str] = []

    async def merge(self, number: int, expected_head: Commit, title: str) -> MergeAnswer:
        branch = (await self.pull_request(number)).head_branch
        task = branch.rpartition("/")[2]
        if task in self.stuck and not self._lossy:
            raise Unavailable("502", ambiguous=True)
        self.merges.append(task)
        answer = await super().merge(number, expected_head, title)
        if task in self.stuck:
            raise Unavailable("502", ambiguous=True)
        return answer


@pytest.mark.parametrize("lossy", [False, True])
async def test_a_merge_without_an_answer_holds_up_no_other_one(logs: list[EventDict], lossy: bool) -> None:
    """After three tries the next one is merged; the other follows as soon as the forge answers it, once."""
    async with anyio.create_task_group() as group:
        service = Service(group, BOTH)
        service.forge = forge = Broken(service, lossy=lossy)
        await service.start()
        await service.until(lambda: service.sprint is not None and service.row("b").status == "done")
        assert service.row("a").status == ("done" if lossy else "merging")
        await service.let(timedelta(hours=1))
        assert len([line for line in logs if line["event"] == "merge_gives_way"]) == (0 if lossy else 1)
        forge.stuck.clear()
        assert (await service.finish()).head.outcome == "succeeded"
        assert sorted(forge.merges) == ["a", "b"]
        assert service.row("a").merge_refusals == 0
        group.cancel_scope.cancel()


@pytest.mark.parametrize("under_way", [False, True])
async def test_a_withdrawn_merge_that_was_to_wait_long_holds_up_no_other_one(under_way: bool) -> None:
    """Withdrawn during its pause, or between the forge's answer and the pause."""
    async with anyio.create_task_group() as group:
        service = Service(group, BOTH)
        service.forge = forge = Busy(service)
        await service.start()
        await service.until(lambda: len(forge.asked) == 1)
        if not under_way:
            forge.answer.set()
            await service.let(timedelta(minutes=1))
        issue = service.row("a").issue
        assert issue is not None
        forge.grant("maria", "write")
        forge.as_human("maria").close_issue(issue)
        await service.until(lambda: service.row("a").status == "cancelled")
        forge.answer.set()
        began = service.wall()
        await service.until(lambda: service.row("b").status == "done")
        assert service.wall() - began < timedelta(minutes=5)
        assert forge.asked == ["a", "b"]
        group.cancel_scope.cancel()


class Busy(Broken):
    """Answers the first merge, once it is let, with a rate limit of `wait`."""

    def __init__(self, service: Service, wait: timedelta = timedelta(minutes=30)) -> None:
        super().__init__(service, lossy=False)
        self._wait = wait
        self.stuck = set()
        self.answer = anyio.Event()
        self.asked: list[str] = []
        self._wall = service.wall

    async def merge(self, number: int, expected_head: Commit, title: str) -> MergeAnswer:
        self.asked.append((await self.pull_request(number)).head_branch.rpartition("/")[2])
        if len(self.asked) == 1:
            await self.answer.wait()
            raise RateLimited("too many", retry_after=self._wall() + self._wait)
        return await super().merge(number, expected_head, title)


class Coy(Broken):
    """Carries the merge out without an answer, and shows it for a while without its commit."""

    def __init__(self, service: Service) -> None:
        super().__init__(service, lossy=True)
        self.shown = 0

    async def pull_request(self, number: int) -> PullRequestSeen:
        seen = await super().pull_request(number)
        if seen.merged and self.shown < 3:
            self.shown += 1
            return replace(seen, merge_commit=None)
        return seen


async def test_a_merge_that_is_shown_without_its_commit_is_waited_for() -> None:
    """It is neither a refusal nor sent again."""
    async with anyio.create_task_group() as group:
        service = Service(group, dag(task("a", by="ann")))
        service.forge = forge = Coy(service)
        await service.start()
        assert (await service.finish()).head.outcome == "succeeded"
        assert forge.merges == ["a"]
        assert forge.shown == 3
        assert service.row("a").merge_refusals == 0
        group.cancel_scope.cancel()


async def test_no_wait_is_longer_than_an_hour() -> None:
    """Whatever reset a forge names: its clock may be wrong by days."""
    async with anyio.create_task_group() as group:
        service = Service(group, dag(task("a", by="ann")))
        service.forge = forge = Busy(service, wait=timedelta(days=3))
        forge.answer.set()
        await service.start()
        await service.until(lambda: len(forge.asked) == 1)
        began = service.wall()
        assert (await service.finish()).head.outcome == "succeeded"
        assert timedelta(minutes=59) < service.wall() - began < timedelta(hours=2)
        group.cancel_scope.cancel()
