"""Files of a commit in a directory, by the mirror's git directory and an index of the service's own."""

import stat
from dataclasses import dataclass
from pathlib import Path

from anyio import to_thread

from caloron_actors.adapters.workspace.mirror import Mirror
from caloron_actors.adapters.workspace.removal import below, make_accessible
from caloron_actors.domain.ids import Commit
from caloron_actors.git import Git, GitFailed, Surroundings
from caloron_actors.ports.workspace import Unusable

_MINUTES = 600.0
NOTHING = b"0" * 40
_WORKERS = (("checkout.workers", "2"),)


@dataclass(frozen=True)
class Found:
    """What stands in a work tree and is, or claims to be, a repository of its own.

    `nested`: paths that nobody tracks. `submodules`: entries of the index, as git lists them.
    """

    nested: tuple[bytes, ...]
    submodules: tuple[bytes, ...]


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

    async def begin(self, commit: Commit) -> Found:
        """Make the index that of `commit`, the tree left alone, and find what git would take for repositories in it."""
        await self._read_tree("-m", "-i", commit)
        listed = await self._call("ls-files", "-z", "--others", "--exclude-standard")
        # Git goes into every directory but a repository, which it names with a slash at the end.
        nested = tuple(name[:-1] for name in listed.split(b"\0") if name.endswith(b"/"))
        staged = (await self._call("ls-files", "-z", "--stage")).split(b"\0")
        return Found(nested, tuple(entry for entry in staged if entry.startswith(b"160000 ")))

    async def add_all(self, found: Found, *, all_costs: bool) -> str | Unusable:
        """Take every file that is tracked or not ignored, except below what was found, and give the tree's name.

        With `all_costs` a file that git cannot take is passed over.
        """
        # Of a submodule in its index, `git add` asks another git, which obeys the configuration found inside. So
        # there is none in the index meanwhile; what was in it comes back untouched.
        paths = [entry.partition(b"\t")[2] for entry in found.submodules]
        await self._edit_index([b"0 " + NOTHING + b"\t" + path for path in paths])
        refused = await self._add(tuple(paths) + found.nested, all_costs=all_costs)
        if refused is not None:
            return refused
        await self._edit_index(list(found.submodules))
        return (await self._call("write-tree")).decode().strip()

    async def _add(self, besides: tuple[bytes, ...], *, all_costs: bool) -> Unusable | None:
        # An ignore file can name an excluded path again; a pathspec it cannot overrule.
        paths = b"".join([b".\0", *(b":(exclude,literal)" + path + b"\0" for path in besides)])
        args = ["add", "--all", "--pathspec-from-file=-", "--pathspec-file-nul"]
        if all_costs:
            args.append("--ignore-errors")
        where = self._where()
        where["extra_env"] = {"GIT_LITERAL_PATHSPECS": "0"}
        done = await self.git.run(*args, stdin=paths, timeout=_MINUTES, **where)
        if done.code != 0 or done.stderr:
            # What cannot be read is either refused or passed over with a warning; both lose work.
            await to_thread.run_sync(make_accessible, self.tree)
            done = await self.git.run(*args, stdin=paths, timeout=_MINUTES, **where)
        if done.code != 0 and not all_costs:
            failed = GitFailed("add", done.code, done.stderr)
            return Unusable(f"the files of the working copy cannot be taken: {failed}")
        return None

    async def _reset(self, commit: Commit) -> None:
        await self._clean()
        await self._read_tree("--reset", "-u", commit)
        # Once more: what is ignored may have changed with the commit.
        await self._clean()

    async def _edit_index(self, entries: list[bytes]) -> None:
        if entries:
            await self._call("update-index", "-z", "--index-info", stdin=b"".join(e + b"\0" for e in entries))

    async def _clean(self) -> None:
        await self._call("clean", "-ffdq")

    async def _read_tree(self, *args: str) -> None:
        where = self._where()
        where["config"] = _WORKERS
        await self.git.call("read-tree", *args, timeout=_MINUTES, **where)

    async def _call(self, *args: str, stdin: bytes = b"") -> bytes:
        return await self.git.call(*args, stdin=stdin, timeout=_MINUTES, **self._where())

    def _unlock(self) -> None:
        # Nobody else uses this index; a lock on it is of a process that was killed.
        self.index.with_name(f"{self.index.name}.lock").unlink(missing_ok=True)

    def _where(self) -> Surroundings:
        return {"git_dir": self.mirror.path, "work_tree": self.tree, "index": self.index}


def protect_files(tree: Path) -> None:
    """Take the right to write from every regular file below `tree`."""
    for path, _ in below(tree):
        mode = path.lstat().st_mode
        if stat.S_ISREG(mode):
            path.chmod(stat.S_IMODE(mode) & ~0o222)
