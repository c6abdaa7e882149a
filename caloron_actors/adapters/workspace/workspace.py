"""The workspace port over real git: composes the parts of this folder and gives their failures the port's names."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from caloron_actors.adapters.workspace.collecting import Collector
from caloron_actors.adapters.workspace.keeping import Keeper
from caloron_actors.adapters.workspace.layout import Layout
from caloron_actors.adapters.workspace.mirror import Mirror
from caloron_actors.adapters.workspace.preparing import Preparer
from caloron_actors.adapters.workspace.remote import Remote
from caloron_actors.adapters.workspace.removal import throw_away
from caloron_actors.adapters.workspace.resolution import Resolution
from caloron_actors.domain.ids import AgentId, Commit, TaskId
from caloron_actors.git import Git, GitFailed, TreeMerged
from caloron_actors.ports.errors import NotFound, Rejected, Unavailable
from caloron_actors.ports.workspace import (
    CollectAnswer,
    Collected,
    NoChange,
    Place,
    Prepared,
    Unresolved,
    Unusable,
)


class GitWorkspace:
    """The working copies below `root`, an absolute path that only this service writes. See `ports.workspace`."""

    def __init__(
        self, root: Path, git: Git, remote: Remote, *, base_branch: str, wall: Callable[[], datetime]
    ) -> None:
        layout = Layout(root)
        self._git = git
        self._layout = layout
        self._mirror = Mirror(layout.mirror, git, remote, base_branch)
        self._collector = Collector(git, self._mirror, layout.scratch, wall)
        self._keeper = Keeper(git, self._mirror, layout, self._collector)
        self._preparer = Preparer(git, self._mirror, layout)
        self._resolution = Resolution(git, self._mirror)

    def tree(self, task: TaskId) -> Path:
        """Where the author's working copy of a task stands once it is prepared."""
        return self._layout.task(task).tree

    async def base(self) -> Commit:
        """Fetch the base branch and give its head. Raises `NotFound` when the forge has none."""
        with _port_errors():
            await self._open()
            return await self._mirror.fetch_base()

    async def prepare_fresh(self, place: Place) -> Prepared:
        """Make the working copy anew from the base branch, keeping what was in an older one."""
        with _port_errors():
            await self._open()
            base = await self._mirror.fetch_base()
            await self._keeper.keep_before_removal(place.task)
            path = await self._preparer.build(place, base, base)
            await self._keeper.empty_trash()
            return Prepared(path=path, start=base, base=base)

    async def prepare_rework(self, place: Place, head: Commit, *, merge_base_in: bool) -> Prepared:
        """Reset the working copy to `head`, in place when it is there."""
        with _port_errors():
            await self._open()
            await self._mirror.fetch_branch(place.branch, head)
            base = await self._mirror.fetch_base()
            conflicts = await self._conflicts(base, head) if merge_base_in else ()
            path = await self._preparer.reset(place, head, base)
            await self._keeper.empty_trash()
            return Prepared(path=path, start=head, base=base, conflicts=conflicts)

    async def prepare_review(self, place: Place, reviewer: AgentId, head: Commit) -> Prepared:
        """Make a checkout of `head` whose files are read-only; `base` is as last fetched."""
        with _port_errors():
            await self._open()
            await self._mirror.fetch_branch(place.branch, head)
            base = await self._mirror.known_base()
            path = await self._preparer.review(place, reviewer, head, base)
            await self._keeper.empty_trash()
            return Prepared(path=path, start=head, base=base)

    async def collect(
        self, place: Place, start: Commit, message: str, *, must_resolve: tuple[str, ...] = ()
    ) -> CollectAnswer:
        """Take what the agent changed; `must_resolve` is about the base branch that its copy was made with."""
        with _port_errors():
            await self._open()
            await self._require(start)
            folder = self._layout.task(place.task)
            gathered = await self._collector.gather(folder, place.agent, start, message)
            if isinstance(gathered, Unusable):
                return gathered
            if not gathered.changed:
                return NoChange()
            if must_resolve:
                base = await self._collector.base_of(folder)
                if paths := await self._resolution.unresolved(base, gathered.commit, must_resolve):
                    return Unresolved(paths)
            await self._keeper.remember(place.task, gathered.commit)
            return Collected(gathered.commit)

    async def save(self, place: Place, start: Commit, label: str) -> Commit | None:
        """Keep what the agent changed on a hidden ref."""
        with _port_errors():
            await self._open()
            await self._require(start)
            return await self._keeper.save(place.task, place.agent, start, label)

    async def push(self, branch: str, commit: Commit, expected: Commit | None) -> None:
        """Set the forge's `branch` unless somebody else moved it. Raises `Rejected` then."""
        with _port_errors():
            await self._open()
            await self._require(commit)
            await self._mirror.push(branch, commit, expected)

    async def remote_head(self, branch: str) -> Commit | None:
        """Where the forge's `branch` stands now."""
        with _port_errors():
            await self._open()
            return await self._mirror.remote_head(branch)

    async def fetch_branch(self, branch: str, head: Commit) -> None:
        """Bring `head` of the forge's `branch` into the mirror. Raises `Rejected` when it does not lead there."""
        with _port_errors():
            await self._open()
            await self._mirror.fetch_branch(branch, head)

    async def diff(self, base: Commit, head: Commit) -> str:
        """The whole unified diff from the merge base to `head`."""
        with _port_errors():
            await self._open()
            await self._require(base, head)
            since = await self._git.merge_base(self._mirror.path, base, head)
            content = await self._git.diff(self._mirror.path, since or base, head)
            return content.decode(errors="replace")

    async def conflicts(self, base: Commit, head: Commit) -> tuple[str, ...]:
        """The paths on which the two conflict. Raises `Rejected` when they share no history."""
        with _port_errors():
            await self._open()
            await self._require(base, head)
            return await self._conflicts(base, head)

    async def discard(self, task: TaskId) -> None:
        """Remove a task's working copies, keeping uncommitted work."""
        with _port_errors():
            await self._open()
            await self._keeper.keep_before_removal(task)
            throw_away(self._layout.task(task).root, self._layout.trash)
            await self._keeper.empty_trash()

    async def _open(self) -> None:
        self._layout.scratch.mkdir(parents=True, exist_ok=True)
        await self._mirror.open()

    async def _require(self, *commits: Commit) -> None:
        for commit in commits:
            if not await self._mirror.has(commit):
                raise NotFound(f"commit {commit} is not in the mirror")

    async def _conflicts(self, base: Commit, head: Commit) -> tuple[str, ...]:
        merged = await self._git.merge_tree(self._mirror.path, base, head)
        if isinstance(merged, TreeMerged):
            return ()
        if merged.unrelated:
            raise Rejected(f"{head} shares no history with the base branch at {base}")
        return merged.paths


@contextmanager
def _port_errors() -> Generator[None, None, None]:
    # Conversations with the forge have named their failures already; what is left is trouble on this host.
    try:
        yield
    except GitFailed as failed:
        raise Unavailable(str(failed), ambiguous=False) from failed
    except OSError as error:
        raise Unavailable(f"the workspace's files: {error}", ambiguous=False) from error
