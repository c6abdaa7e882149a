"""Files of a commit in a directory, by the mirror's git directory and an index of the service's own."""

import stat
from dataclasses import dataclass
from pathlib import Path

from anyio import to_thread

from caloron_actors.adapters.workspace.mirror import Mirror
from caloron_actors.adapters.workspace.removal import make_accessible
from caloron_actors.domain.ids import Commit
from caloron_actors.git import Git, GitFailed, Surroundings, shown_path
from caloron_actors.ports.workspace import Unusable

_MINUTES = 600.0
_WORKERS = (("checkout.workers", "2"),)


@dataclass(frozen=True)
class Checkout:
    """A work tree and the index that describes it. The agent's git directory inside is never looked at."""

    git: Git
    mirror: Mirror
    tree: Path
    index: Path

    async def fill(self, commit: Commit) -> None:
        """Write the files of `commit` into the empty directory `tree`, and the index anew."""
        self._unlock()
        self.index.unlink(missing_ok=True)
        await self._read_tree("--reset", "-u", commit)

    async def reset(self, commit: Commit) -> None:
        """Make the tracked files those of `commit` and remove the others, except ignored ones. Raises `GitFailed`."""
        self._unlock()
        try:
            await self._reset(commit)
        except GitFailed:
            await to_thread.run_sync(make_accessible, self.tree)
            await self._reset(commit)

    async def refresh(self) -> None:
        """Note the files' present modes and times in the index."""
        await self.git.run("update-index", "-q", "--refresh", timeout=_MINUTES, **self._where())

    async def nested_repositories(self, commit: Commit) -> tuple[str, ...]:
        """Make the index that of `commit` and name the repositories inside the tree that are not ignored."""
        await self._read_tree("-m", "-i", commit)
        listed = await self.git.call(
            *("ls-files", "-z", "--others", "--exclude-standard"), timeout=_MINUTES, **self._where()
        )
        # Git goes into every directory but a repository, which it names with a slash at the end.
        return tuple(shown_path(name[:-1]) for name in listed.split(b"\0") if name.endswith(b"/"))

    async def add_all(self, *, besides: tuple[str, ...], all_costs: bool) -> str | Unusable:
        """Take every file that is tracked or not ignored, except below `besides`, and give the tree's name.

        With `all_costs` a file that git cannot take is passed over.
        """
        args = ("add", "--all", "--ignore-errors") if all_costs else ("add", "--all")
        patterns = self.index.with_name("besides")
        patterns.write_text("".join(f"/{_escaped(name)}/\n" for name in besides))
        where = self._where()
        where["config"] = [("core.excludesFile", str(patterns))]
        done = await self.git.run(*args, timeout=_MINUTES, **where)
        if done.code != 0 or done.stderr:
            # What cannot be read is either refused or passed over with a warning; both lose work.
            await to_thread.run_sync(make_accessible, self.tree)
            done = await self.git.run(*args, timeout=_MINUTES, **where)
        if done.code != 0 and not all_costs:
            failed = GitFailed("add", done.code, done.stderr)
            return Unusable(f"the files of the working copy cannot be taken: {failed}")
        return (await self.git.call("write-tree", **self._where())).decode().strip()

    async def _reset(self, commit: Commit) -> None:
        await self._clean()
        await self._read_tree("--reset", "-u", commit)
        # Once more: what is ignored may have changed with the commit.
        await self._clean()

    async def _clean(self) -> None:
        await self.git.call("clean", "-ffdq", timeout=_MINUTES, **self._where())

    async def _read_tree(self, *args: str) -> None:
        where = self._where()
        where["config"] = _WORKERS
        await self.git.call("read-tree", *args, timeout=_MINUTES, **where)

    def _unlock(self) -> None:
        # Nobody else uses this index; a lock on it is of a process that was killed.
        self.index.with_name(f"{self.index.name}.lock").unlink(missing_ok=True)

    def _where(self) -> Surroundings:
        return {"git_dir": self.mirror.path, "work_tree": self.tree, "index": self.index}


def protect_files(tree: Path) -> None:
    """Take the right to write from every regular file below `tree`."""
    for path in tree.rglob("*"):
        mode = path.lstat().st_mode
        if stat.S_ISREG(mode):
            path.chmod(stat.S_IMODE(mode) & ~0o222)


def _escaped(name: str) -> str:
    return "".join(f"\\{char}" if char in "\\*?[]!# " else char for char in name)
