"""Hidden refs for work that is about to go, and the removal of what it stood in."""

from dataclasses import dataclass

from anyio import to_thread

from caloron_actors.adapters.workspace.collecting import Collector, Gathered
from caloron_actors.adapters.workspace.layout import Layout
from caloron_actors.adapters.workspace.mirror import Mirror
from caloron_actors.adapters.workspace.removal import empty, throw_away
from caloron_actors.adapters.workspace.untrusted import is_real_directory
from caloron_actors.domain.ids import AgentId, Commit, TaskId, slug
from caloron_actors.git import Git, GitFailed

_MESSAGE = "Work kept before its working copy was removed"


@dataclass(frozen=True)
class Keeper:
    """Keeps commits of tasks on refs below `refs/caloron` of the mirror; nothing there is ever pushed or pruned."""

    git: Git
    mirror: Mirror
    layout: Layout
    collector: Collector

    async def save(self, task: TaskId, agent: AgentId, start: Commit, label: str) -> Commit | None:
        """Keep what differs from `start` as `refs/caloron/saved/<task>/<label>`; None when there is nothing."""
        gathered = await self.collector.gather(
            self.layout.task(task), agent, start, f"Work kept: {label}", all_costs=True
        )
        if not isinstance(gathered, Gathered) or not gathered.changed:
            return None
        await self._set_saved(task, slug(label), gathered.commit)
        return gathered.commit

    async def remember(self, task: TaskId, commit: Commit) -> None:
        """Hold the task's last collected commit, so that no housekeeping can ever take it."""
        await self._set(f"refs/caloron/work/{task}", commit)

    async def keep_before_removal(self, task: TaskId) -> None:
        """Save what an older working copy holds; where git cannot, the directory itself is put aside for people."""
        folder = self.layout.task(task)
        record = folder.record()
        if record is None or not is_real_directory(folder.tree):
            return
        try:
            gathered = await self.collector.gather(
                folder, record.agent, record.start, _MESSAGE, all_costs=True
            )
        except GitFailed:
            throw_away(folder.tree, self.layout.root / "kept" / task)
            return
        if isinstance(gathered, Gathered) and gathered.changed:
            await self._set_saved(task, f"removed-{gathered.commit[:12]}", gathered.commit)

    async def empty_trash(self) -> None:
        """Delete what was thrown away. Returns when it is done; repeated by every later removal."""
        await to_thread.run_sync(empty, self.layout.trash)

    async def _set_saved(self, task: TaskId, label: str, commit: Commit) -> None:
        ref = f"refs/caloron/saved/{task}/{label}"
        known = await self.git.resolve(self.mirror.path, ref)
        if known not in (None, commit):
            # Two different works under one label: the older one moves aside, nothing is lost.
            await self._set(f"{ref}-{known}", Commit(str(known)))
        await self._set(ref, commit)

    async def _set(self, ref: str, commit: Commit) -> None:
        known = await self.git.resolve(self.mirror.path, ref)
        await self.git.update_ref(self.mirror.path, ref, commit, known)
