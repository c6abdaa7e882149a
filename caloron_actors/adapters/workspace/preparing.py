"""Making directories ready for agents: built aside and renamed into place, so that a prepare can always be repeated."""

from dataclasses import dataclass
from pathlib import Path

from anyio import to_thread

from caloron_actors.adapters.workspace.checkout import Checkout, protect_files
from caloron_actors.adapters.workspace.clone import make_git_dir
from caloron_actors.adapters.workspace.collecting import agent_identity
from caloron_actors.adapters.workspace.layout import Layout, Record, TaskFolder
from caloron_actors.adapters.workspace.mirror import Mirror
from caloron_actors.adapters.workspace.removal import throw_away
from caloron_actors.adapters.workspace.untrusted import is_real_directory
from caloron_actors.domain.ids import AgentId, Commit
from caloron_actors.git import Git, GitFailed
from caloron_actors.ports.workspace import Place


@dataclass(frozen=True)
class Preparer:
    """Makes clones and checkouts from commits that are in the mirror."""

    git: Git
    mirror: Mirror
    layout: Layout

    async def build(self, place: Place, head: Commit, base: Commit) -> Path:
        """Make the author's clone anew at `head`; what stands in its place is thrown away."""
        folder = self.layout.task(place.task)
        index = folder.aside(folder.index.name)
        aside = await self._fill(folder, folder.tree, index, head)
        self._make_git_dir(aside / ".git", place.agent, head, base, index)
        self._put(aside, folder.tree)
        index.replace(folder.index)
        self._note(folder, place, head, base)
        return folder.tree

    async def reset(self, place: Place, head: Commit, base: Commit) -> Path:
        """Set the author's clone back to `head` where it is, ignored files kept; build it where that fails."""
        folder = self.layout.task(place.task)
        if not is_real_directory(folder.tree) or not folder.index.is_file():
            return await self.build(place, head, base)
        self._throw_away(folder.tree / ".git")
        try:
            await Checkout(self.git, self.mirror, folder.tree, folder.index).reset(head)
        except GitFailed:
            return await self.build(place, head, base)
        aside = folder.aside("git")
        self._throw_away(aside)
        self._make_git_dir(aside, place.agent, head, base, folder.index)
        aside.rename(folder.tree / ".git")
        self._note(folder, place, head, base)
        return folder.tree

    async def review(self, place: Place, reviewer: AgentId, head: Commit, base: Commit) -> Path:
        """Make a reviewer's checkout of `head` with read-only files."""
        folder = self.layout.task(place.task)
        target = folder.review(reviewer)
        index = folder.aside(f"index-{reviewer}")
        aside = await self._fill(folder, target, index, head)
        await to_thread.run_sync(protect_files, aside)
        await Checkout(self.git, self.mirror, aside, index).refresh()
        self._make_git_dir(aside / ".git", reviewer, head, base, index)
        index.unlink()
        self._put(aside, target)
        return target

    async def _fill(self, folder: TaskFolder, target: Path, index: Path, head: Commit) -> Path:
        aside = folder.aside(target.name)
        self._throw_away(aside)
        aside.mkdir(parents=True)
        await Checkout(self.git, self.mirror, aside, index).fill(head)
        return aside

    def _make_git_dir(self, path: Path, agent: AgentId, head: Commit, base: Commit, index: Path) -> None:
        make_git_dir(path, self.mirror, head=head, base=base, who=agent_identity(agent), index=index)

    def _put(self, aside: Path, target: Path) -> None:
        self._throw_away(target)
        aside.rename(target)

    def _throw_away(self, path: Path) -> None:
        throw_away(path, self.layout.trash)

    def _note(self, folder: TaskFolder, place: Place, start: Commit, base: Commit) -> None:
        folder.write_record(Record(agent=place.agent, branch=place.branch, start=start, base=base))
