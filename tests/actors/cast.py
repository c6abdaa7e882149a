"""Agents as coroutines. What one does follows from its prompt alone, so a run that is repeated does the same."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta

from caloron_actors.adapters.memory.clock import ManualClock
from caloron_actors.adapters.memory.launcher import CannotStart, Finished
from caloron_actors.adapters.memory.workspace import MemoryWorkspace
from caloron_actors.domain.ids import TaskId
from caloron_actors.ports.launcher import LaunchOrder

AUTHOR_TIME = timedelta(seconds=30)
REVIEWER_TIME = timedelta(seconds=10)
SENT_BACK = "# Changes were requested"
SEEN_BEFORE = "# The change request before this version"
IN_CONFLICT = "# Your branch conflicts with"


@dataclass(frozen=True)
class Stage:
    """Where an agent plays: its order, its working copies and its time."""

    order: LaunchOrder
    workspace: MemoryWorkspace
    clock: ManualClock

    @property
    def task(self) -> TaskId:
        return self.order.run.task

    def told(self, words: str) -> bool:
        """Whether the prompt has these words."""
        return words in self.order.prompt

    def write(self, path: str, text: str) -> None:
        """Change a file of the author's working copy."""
        self.workspace.copy(self.task).files[path] = text.encode()


Part = Callable[[Stage], Awaitable[Finished | CannotStart]]


async def diligent(stage: Stage) -> Finished:
    """An author who writes one file of its own, and writes it anew when it is sent back."""
    await stage.clock.sleep(AUTHOR_TIME.total_seconds())
    version = 2 if stage.told(SENT_BACK) else 1
    stage.write(f"{stage.task}.txt", f"{stage.task}, version {version}\n")
    if stage.told(IN_CONFLICT):
        stage.workspace.copy(stage.task).merge_base({"shared.txt": b"both\n"})
    return Finished(stdout="done\n")


async def quarrelsome(stage: Stage) -> Finished:
    """An author who also writes a file that all authors write, and resolves the conflict when told to."""
    stage.write("shared.txt", f"{stage.task}\n")
    return await diligent(stage)


async def idle(stage: Stage) -> Finished:
    """An author who changes nothing."""
    await stage.clock.sleep(AUTHOR_TIME.total_seconds())
    return Finished(stdout="nothing to do\n")


async def content(stage: Stage) -> Finished:
    """A reviewer who approves."""
    await stage.clock.sleep(REVIEWER_TIME.total_seconds())
    return Finished(stdout="I have read it.\nAPPROVED\n")


def picky(*tasks: str) -> Part:
    """A reviewer who sends these tasks back once."""

    async def review(stage: Stage) -> Finished:
        if stage.task in tasks and not stage.told(SEEN_BEFORE):
            await stage.clock.sleep(REVIEWER_TIME.total_seconds())
            return Finished(stdout="CHANGES_NEEDED: say more\n")
        return await content(stage)

    return review


async def mute(stage: Stage) -> Finished:
    """A reviewer who says nothing."""
    await stage.clock.sleep(REVIEWER_TIME.total_seconds())
    return Finished()


@dataclass
class Cast:
    """Who plays the authors and the reviewers."""

    author: Part = diligent
    reviewer: Part = content


def slowly(task: str) -> Part:
    """Authors who change the same file, of whom that of `task` takes ten minutes more for its first work."""

    async def write(stage: Stage) -> Finished:
        if stage.task == task and not stage.told(IN_CONFLICT):
            stage.write(f"{task}.txt", "begun\n")
            await stage.clock.sleep(600)
        return await quarrelsome(stage)

    return write
