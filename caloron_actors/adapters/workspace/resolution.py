"""Whether a conflict is resolved: a head that merges cleanly and brings no marker lines on the paths asked about."""

from dataclasses import dataclass

from caloron_actors.adapters.workspace.mirror import Mirror
from caloron_actors.domain.ids import Commit
from caloron_actors.git import Git, TreeConflict, marker_lines, shown_path


@dataclass(frozen=True)
class Resolution:
    """Looks at commits in the mirror."""

    git: Git
    mirror: Mirror

    async def unresolved(self, base: Commit, head: Commit, asked: tuple[str, ...]) -> tuple[str, ...]:
        """The paths on which `head` still conflicts with `base` or has marker lines that `base` has not."""
        merged = await self.git.merge_tree(self.mirror.path, base, head)
        conflicts: tuple[str, ...] = ()
        if isinstance(merged, TreeConflict):
            conflicts = merged.paths or asked
        marked = [path for path in asked if await self._marked(base, head, path)]
        return tuple(dict.fromkeys((*conflicts, *marked)))

    async def _marked(self, base: Commit, head: Commit, path: str) -> bool:
        # A test's data or a manual may show markers and mean them: these stand in the base as well.
        return await self._markers(head, path) > await self._markers(base, path)

    async def _markers(self, commit: Commit, path: str) -> int:
        listed = await self.git.call("ls-tree", "-r", "-z", commit, git_dir=self.mirror.path)
        for entry in listed.split(b"\0"):
            meta, _, name = entry.partition(b"\t")
            if meta.split()[1:2] == [b"blob"] and shown_path(name) == path:
                blob = meta.split()[2].decode()
                content = await self.git.call("cat-file", "blob", blob, git_dir=self.mirror.path)
                return marker_lines(content)
        return 0
