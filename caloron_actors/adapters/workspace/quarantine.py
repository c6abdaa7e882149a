"""The way of an agent's commits into the mirror: copied as files, packed apart, checked, and only then taken."""

import tempfile
from dataclasses import dataclass
from pathlib import Path

from anyio import to_thread

from caloron_actors.adapters.workspace.mirror import Mirror
from caloron_actors.adapters.workspace.untrusted import AgentGitDir
from caloron_actors.domain.ids import Commit
from caloron_actors.git import Git, GitFailed

_MINUTES = 600.0


@dataclass(frozen=True)
class Quarantine:
    """Takes commits from agents' git directories. `scratch` is a directory of the service's own."""

    git: Git
    mirror: Mirror
    scratch: Path

    async def take(self, agent: AgentGitDir, head: Commit, known: tuple[Commit, ...]) -> str | None:
        """Bring `head` and what it needs beyond `known` into the mirror. Gives the reason when that cannot be done.

        Only this difference is checked: history that came from the forge is taken as it is.
        """
        try:
            if not await self.mirror.has(head):
                with tempfile.TemporaryDirectory(dir=self.scratch, prefix="quarantine-") as folder:
                    await self._import(agent, Path(folder), head, known)
            await self._prove_whole(head, known)
        except GitFailed as failed:
            return f"the commits in the working copy are broken: {failed}"
        return None

    async def _import(
        self, agent: AgentGitDir, objects: Path, head: Commit, known: tuple[Commit, ...]
    ) -> None:
        await to_thread.run_sync(agent.copy_objects, objects)
        borrowed = [self.mirror.objects]
        where = self.mirror.path
        packs = await to_thread.run_sync(lambda: sorted(objects.glob("pack/*.pack")))
        for copied in packs:
            # An index of the agent's own making is not believed.
            await self.git.call(
                "index-pack",
                str(copied),
                git_dir=where,
                objects=objects,
                alternates=borrowed,
                timeout=_MINUTES,
            )
        pack = await self.git.call(
            *("pack-objects", "--quiet", "--revs", "--stdout", "--missing=error"),
            stdin=_difference(head, known).encode(),
            git_dir=where,
            objects=objects,
            alternates=borrowed,
            timeout=_MINUTES,
        )
        await self.git.call("index-pack", "--stdin", "--strict", stdin=pack, git_dir=where, timeout=_MINUTES)

    async def _prove_whole(self, head: Commit, known: tuple[Commit, ...]) -> None:
        # An object whose content is not what its name says was packed under its true name, and is missing here.
        order = _difference(head, known).encode()
        await self.git.call(
            *("rev-list", "--objects", "--quiet", "--stdin"),
            stdin=order,
            git_dir=self.mirror.path,
            timeout=_MINUTES,
        )


def _difference(head: Commit, known: tuple[Commit, ...]) -> str:
    return "".join(f"{line}\n" for line in (head, *(f"^{commit}" for commit in known)))
