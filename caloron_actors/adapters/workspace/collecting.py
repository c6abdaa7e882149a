"""From whatever an agent left in its working copy to one commit in the mirror, or the reason why not."""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import msgspec

from caloron_actors.adapters.workspace.checkout import Checkout
from caloron_actors.adapters.workspace.clone import copy_index
from caloron_actors.adapters.workspace.layout import TaskFolder
from caloron_actors.adapters.workspace.messages import closes_issues
from caloron_actors.adapters.workspace.mirror import Mirror
from caloron_actors.adapters.workspace.quarantine import Quarantine
from caloron_actors.adapters.workspace.untrusted import (
    AgentGitDir,
    is_real_directory,
    open_git_dir,
    submodule_head,
)
from caloron_actors.domain.ids import AgentId, Commit
from caloron_actors.git import Git, Identity, shown_path
from caloron_actors.ports.workspace import Unusable

_UNFINISHED = ("rebase-merge", "rebase-apply")


class Gathered(msgspec.Struct, frozen=True, tag=True):
    """The agent's work as a commit in the mirror. `changed` tells whether it differs from where the agent began."""

    commit: Commit
    changed: bool


class _Left(msgspec.Struct, frozen=True):
    """What the agent's git directory says. `head` is in the mirror; None when there is no usable one."""

    head: Commit | None = None
    merging: tuple[Commit, ...] = ()


@dataclass(frozen=True)
class Collector:
    """Makes commits of working copies. `scratch` is a directory of the service's own."""

    git: Git
    mirror: Mirror
    scratch: Path
    wall: Callable[[], datetime]

    async def gather(
        self, folder: TaskFolder, agent: AgentId, start: Commit, message: str, *, all_costs: bool = False
    ) -> Gathered | Unusable:
        """Make one commit of what stands in the working copy.

        With `all_costs` (work that is about to be removed) as much as can be taken is taken, and nothing refused
        but a working copy that is gone.
        """
        if not is_real_directory(folder.tree):
            return Unusable("the working copy is gone, or is no directory any more")
        base = await self.base_of(folder)
        left = await self._look(folder.tree, start, base, all_costs=all_costs)
        if isinstance(left, Unusable):
            return left
        top = await self._top(left.head, start, base)
        tree = await self._tree(folder, left.head or start, all_costs=all_costs)
        if isinstance(tree, Unusable):
            return tree
        merged = [commit for commit in left.merging if not await self._contains(top, commit)]
        commit = top
        if merged or tree != await self.mirror.tree_of(top):
            commit = await self._commit(folder, agent, tree, (top, *merged), message)
        if not all_costs and await closes_issues(self.git, self.mirror.path, commit, (start, base)):
            parents = await self._parents_anew(commit, start, base)
            commit = await self._commit(folder, agent, await self.mirror.tree_of(commit), parents, message)
        return await self._judge(commit, start, base, all_costs=all_costs)

    async def base_of(self, folder: TaskFolder) -> Commit:
        """The base branch's head that the working copy was made with."""
        record = folder.record()
        return record.base if record else await self.mirror.known_base()

    async def _look(self, tree: Path, start: Commit, base: Commit, *, all_costs: bool) -> _Left | Unusable:
        with open_git_dir(tree) as agent:
            if agent is None:
                return _Left()
            if not all_costs and any(agent.has_folder(name) for name in _UNFINISHED):
                return Unusable("a rebase was begun in the working copy and not finished")
            head = agent.head()
            if head is None:
                return _Left()
            problem = await self._quarantine().take(agent, head, (start, base))
            if problem is not None:
                return _Left() if all_costs else Unusable(problem)
            return _Left(head, await self._merging(agent, base))

    async def _merging(self, agent: AgentGitDir, base: Commit) -> tuple[Commit, ...]:
        known = [commit for commit in agent.merge_heads() if await self.mirror.has(commit)]
        return tuple([commit for commit in known if await self._contains(base, commit)])

    async def _top(self, head: Commit | None, start: Commit, base: Commit) -> Commit:
        """The commit that unfinished work goes on top of: the agent's head, unless it went back or starts anew."""
        if head is None or await self._contains(start, head):
            return start
        for other in (start, base):
            if await self.git.merge_base(self.mirror.path, head, other) is not None:
                return head
        return start

    async def _tree(self, folder: TaskFolder, head: Commit, *, all_costs: bool) -> str | Unusable:
        with tempfile.TemporaryDirectory(dir=self.scratch, prefix="index-") as scratch:
            index = Path(scratch, "index")
            if folder.index.is_file():
                # With the times of the files in it git reads only what has changed.
                copy_index(folder.index, index)
            checkout = Checkout(self.git, self.mirror, folder.tree, index)
            found = await checkout.begin(head)
            if found.nested and not all_costs:
                names = ", ".join(shown_path(name) for name in found.nested[:5])
                return Unusable(f"a repository stands inside the working copy: {names}")
            moved = moved_submodules(folder.tree, found.submodules)
            if moved and not all_costs:
                return Unusable(f"another commit is checked out in a submodule: {', '.join(moved[:5])}")
            return await checkout.add_all(found, all_costs=all_costs)

    async def _commit(
        self, folder: TaskFolder, agent: AgentId, tree: str, parents: tuple[Commit, ...], message: str
    ) -> Commit:
        when = folder.stamp("\0".join((tree, *parents, message)), self.wall())
        who = agent_identity(agent)
        return await self.git.commit_tree(self.mirror.path, tree, parents, message, identity=who, when=when)

    async def _parents_anew(self, commit: Commit, start: Commit, base: Commit) -> tuple[Commit, ...]:
        """What a commit with the files of `commit` goes on top of when the agent's own commits are left out."""
        merged = await self._contains(commit, base) and not await self._contains(start, base)
        return (start, base) if merged else (start,)

    async def _judge(
        self, commit: Commit, start: Commit, base: Commit, *, all_costs: bool
    ) -> Gathered | Unusable:
        same_files = await self.mirror.tree_of(commit) == await self.mirror.tree_of(start)
        if same_files and not await self._newly_merged(commit, start, base):
            return Gathered(commit, changed=False)
        if all_costs:
            return Gathered(commit, changed=True)
        if commit != start and await self._contains(base, commit):
            return Unusable("the working copy holds nothing beyond the base branch")
        moved = await self._moved_submodules(commit, start, base)
        if moved:
            return Unusable(
                f"a submodule or nested repository was committed or changed: {', '.join(moved[:5])}"
            )
        return Gathered(commit, changed=True)

    async def _newly_merged(self, commit: Commit, start: Commit, base: Commit) -> bool:
        shared = await self.git.merge_base(self.mirror.path, commit, base)
        return shared is not None and not await self._contains(start, shared)

    async def _moved_submodules(self, commit: Commit, start: Commit, base: Commit) -> list[str]:
        """Submodule entries that are neither those of `start` nor those of `base`."""
        mine, theirs, wanted = [await self.mirror.gitlinks(c) for c in (start, base, commit)]
        paths = sorted({*mine, *theirs, *wanted})
        return [path for path in paths if wanted.get(path) not in {mine.get(path), theirs.get(path)}]

    async def _contains(self, commit: Commit, other: Commit) -> bool:
        return await self.git.is_ancestor(self.mirror.path, other, commit)

    def _quarantine(self) -> Quarantine:
        return Quarantine(self.git, self.mirror, self.scratch)


def moved_submodules(tree: Path, entries: tuple[bytes, ...]) -> list[str]:
    """The paths of the index's submodule entries in whose place another commit is checked out."""
    moved: list[str] = []
    for entry in entries:
        meta, _, path = entry.partition(b"\t")
        if submodule_head(tree, path) not in (None, meta.split()[1].decode()):
            moved.append(shown_path(path))
    return moved


def agent_identity(agent: AgentId) -> Identity:
    """Who an agent's commits are from."""
    return Identity(str(agent), f"{agent}@caloron.local")
