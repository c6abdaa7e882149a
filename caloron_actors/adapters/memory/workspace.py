"""The workspace port kept in memory: for simulation, benchmarks and tests. No git and no files; paths are only names."""

from collections.abc import Mapping
from pathlib import Path

import anyio.lowlevel

from caloron_actors.adapters.memory._repository import MemoryRepository
from caloron_actors.domain.ids import AgentId, Commit, TaskId, slug
from caloron_actors.git import marker_lines
from caloron_actors.ports.errors import NotFound, Rejected
from caloron_actors.ports.workspace import (
    CollectAnswer,
    Collected,
    NoChange,
    Place,
    Prepared,
    Unresolved,
    Unusable,
)

__all__ = ["MemoryCopy", "MemoryRepository", "MemoryWorkspace"]


class MemoryCopy:
    """A working copy as its agent sees it: change `files`, commit, or merge the base branch."""

    def __init__(self, repository: MemoryRepository, agent: AgentId, start: Commit, base: Commit) -> None:
        self.files = repository.files(start)
        self.agent = agent
        self.start = start
        self.base = base
        self.head = start
        self._repository = repository

    def commit(self, message: str) -> Commit:
        """Commit the files as they are."""
        self.head = self._repository.commit(self.files, (self.head,), message)
        return self.head

    def merge_base(self, files: Mapping[str, bytes | None]) -> Commit:
        """Merge the base branch, `files` standing where the two conflict (None: deleted)."""
        self.files, _ = self._repository.merge_files(self.head, self.base)
        edit(self.files, files)
        self.head = self._repository.commit(self.files, (self.head, self.base), "Merge the base branch")
        return self.head


class MemoryWorkspace:
    """The working copies of one sprint over a `MemoryRepository`. See `ports.workspace`."""

    def __init__(
        self, repository: MemoryRepository, *, base_branch: str = "main", root: Path = Path("/memory")
    ) -> None:
        self.saved: dict[TaskId, dict[str, Commit]] = {}
        """What is kept of each task, by label: `refs/caloron/saved/<task>/<label>`."""
        self._repository = repository
        self._base_branch = base_branch
        self._root = root
        self._copies: dict[TaskId, MemoryCopy] = {}

    def copy(self, task: TaskId) -> MemoryCopy:
        """The task's working copy, for whoever plays its agent. Raises KeyError when there is none."""
        return self._copies[task]

    def tree(self, task: TaskId) -> Path:
        """The name of the task's working copy."""
        return self._root / task / "tree"

    async def base(self) -> Commit:
        """The base branch's head."""
        await anyio.lowlevel.checkpoint()
        head = self._repository.head(self._base_branch)
        if head is None:
            raise NotFound(f"the forge has no branch {self._base_branch}")
        return head

    async def prepare_fresh(self, place: Place) -> Prepared:
        """Make the working copy anew from the base branch."""
        base = await self.base()
        self._keep(place.task)
        return self._put(place, base, base, ())

    async def prepare_rework(self, place: Place, head: Commit, *, merge_base_in: bool) -> Prepared:
        """Reset the working copy to `head`."""
        base = await self.base()
        self._require(head)
        conflicts = self._repository.merge_files(base, head)[1] if merge_base_in else ()
        return self._put(place, head, base, conflicts)

    async def prepare_review(self, place: Place, reviewer: AgentId, head: Commit) -> Prepared:
        """Name a checkout of `head`."""
        base = await self.base()
        self._require(head)
        return Prepared(path=self._root / place.task / f"review-{reviewer}", start=head, base=base)

    async def collect(
        self, place: Place, start: Commit, message: str, *, must_resolve: tuple[str, ...] = ()
    ) -> CollectAnswer:
        """Take what the agent changed since `start`."""
        await anyio.lowlevel.checkpoint()
        self._require(start)
        copy = self._copies.get(place.task)
        if copy is None:
            return Unusable("the working copy is gone")
        commit = self._gather(copy, start, message)
        if commit is None:
            return NoChange()
        if must_resolve and (paths := self._unresolved(copy.base, commit, must_resolve)):
            return Unresolved(paths)
        return Collected(commit)

    async def save(self, place: Place, start: Commit, label: str) -> Commit | None:
        """Keep what the agent changed in `saved`."""
        await anyio.lowlevel.checkpoint()
        self._require(start)
        copy = self._copies.get(place.task)
        commit = None if copy is None else self._gather(copy, start, f"Work kept: {label}")
        if commit is not None:
            self.saved.setdefault(place.task, {})[slug(label)] = commit
        return commit

    async def push(self, branch: str, commit: Commit, expected: Commit | None) -> None:
        """Set the branch unless somebody else moved it."""
        await anyio.lowlevel.checkpoint()
        self._require(commit)
        now = self._repository.head(branch)
        if now not in (commit, expected):
            raise Rejected(f"branch {branch} stands at {now or 'nothing'}, expected {expected or 'nothing'}")
        self._repository.set_branch(branch, commit)

    async def remote_head(self, branch: str) -> Commit | None:
        """Where the branch stands."""
        await anyio.lowlevel.checkpoint()
        return self._repository.head(branch)

    async def fetch_branch(self, branch: str, head: Commit) -> None:
        """Check that the branch leads to `head`: every commit is here already."""
        await anyio.lowlevel.checkpoint()
        at = self._repository.head(branch)
        if at is None:
            raise NotFound(f"the forge has no branch {branch}")
        if not self._repository.has(head) or not self._repository.contains(at, head):
            raise Rejected(f"branch {branch} of the forge does not lead to {head}")

    async def diff(self, base: Commit, head: Commit) -> str:
        """The whole unified diff from the merge base to `head`."""
        await anyio.lowlevel.checkpoint()
        self._require(base, head)
        return self._repository.diff(self._repository.merge_base(base, head) or base, head)

    async def conflicts(self, base: Commit, head: Commit) -> tuple[str, ...]:
        """The paths on which the two conflict."""
        await anyio.lowlevel.checkpoint()
        self._require(base, head)
        if self._repository.merge_base(base, head) is None:
            raise Rejected(f"{head} shares no history with the base branch at {base}")
        return self._repository.merge_files(base, head)[1]

    async def discard(self, task: TaskId) -> None:
        """Forget a task's working copy, keeping uncommitted work."""
        await anyio.lowlevel.checkpoint()
        self._keep(task)
        self._copies.pop(task, None)

    def _put(self, place: Place, start: Commit, base: Commit, conflicts: tuple[str, ...]) -> Prepared:
        self._copies[place.task] = MemoryCopy(self._repository, place.agent, start, base)
        return Prepared(path=self.tree(place.task), start=start, base=base, conflicts=conflicts)

    def _gather(self, copy: MemoryCopy, start: Commit, message: str) -> Commit | None:
        repository = self._repository
        top = start if repository.contains(start, copy.head) else copy.head
        commit = (
            top if copy.files == repository.files(top) else repository.commit(copy.files, (top,), message)
        )
        shared = repository.merge_base(commit, copy.base)
        merged_base = shared is not None and not repository.contains(start, shared)
        changed = merged_base or repository.files(commit) != repository.files(start)
        return commit if changed else None

    def _unresolved(self, base: Commit, commit: Commit, asked: tuple[str, ...]) -> tuple[str, ...]:
        conflicts = self._repository.merge_files(base, commit)[1]
        old, new = self._repository.files(base), self._repository.files(commit)
        marked = [
            path for path in asked if marker_lines(new.get(path, b"")) > marker_lines(old.get(path, b""))
        ]
        return tuple(dict.fromkeys((*conflicts, *marked)))

    def _keep(self, task: TaskId) -> None:
        copy = self._copies.get(task)
        kept = copy and self._gather(copy, copy.start, "Work kept before its working copy was removed")
        if kept:
            self.saved.setdefault(task, {})[f"removed-{kept[:12]}"] = kept

    def _require(self, *commits: Commit) -> None:
        for commit in commits:
            if not self._repository.has(commit):
                raise NotFound(f"commit {commit} is unknown")


def edit(files: dict[str, bytes], changes: Mapping[str, bytes | None]) -> None:
    """Write and delete files of a working copy in memory."""
    for path, content in changes.items():
        if content is None:
            files.pop(path, None)
        else:
            files[path] = content
