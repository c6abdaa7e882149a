"""Git's commands with typed answers. Whoever calls names the git directory; none is ever searched for."""

import shutil
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Unpack

import anyio

from caloron_actors.domain.ids import Commit
from caloron_actors.git import process
from caloron_actors.git.environment import Surroundings, environment, working_directory
from caloron_actors.git.errors import GitFailed, GitUnusable
from caloron_actors.git.process import Finished, Stream
from caloron_actors.git.results import Identity, TreeConflict, TreeMerged, shown_path

OLDEST = (2, 38)
NOTHING = "0" * 40


@dataclass(frozen=True)
class Git:
    """The git program of this host. Safe to use from many tasks at once."""

    executable: str

    @classmethod
    async def find(cls) -> "Git":
        """Look git up on PATH and check its version. Raises `GitUnusable`."""
        path = shutil.which("git")
        if path is None:
            raise GitUnusable("there is no git on PATH; install git 2.38 or newer")
        git = cls(path)
        words = (await git.call("version")).decode(errors="replace").split()
        version = (
            tuple(int(part) for part in words[2].split(".")[:2] if part.isdigit()) if len(words) > 2 else ()
        )
        if len(version) < 2 or version < OLDEST:
            raise GitUnusable(f"git 2.38 or newer is needed, {path} says: {' '.join(words)[:80]}")
        return git

    async def run(
        self, *args: str, stdin: bytes = b"", timeout: float = 120.0, **where: Unpack[Surroundings]
    ) -> Finished:
        """Run a command to its end, whatever its exit status. Raises `GitFailed` after `timeout` seconds."""
        with anyio.move_on_after(timeout):
            return await process.run(
                [self.executable, *args], environment(where), working_directory(where), stdin
            )
        raise GitFailed(args[0], -15, f"no end within {timeout:g} s", timed_out=True)

    async def call(
        self, *args: str, stdin: bytes = b"", timeout: float = 120.0, **where: Unpack[Surroundings]
    ) -> bytes:
        """Run a command that has to succeed and give its stdout. Raises `GitFailed`."""
        done = await self.run(*args, stdin=stdin, timeout=timeout, **where)
        return _expect(args[0], done, 0).stdout

    @asynccontextmanager
    async def stream(self, *args: str, **where: Unpack[Surroundings]) -> AsyncGenerator[Stream, None]:
        """Run a command with open pipes; leaving the block ends it.

        For `http-backend` the CGI variables go into `extra_env`.
        """
        argv = [self.executable, *args]
        async with process.stream(argv, environment(where), working_directory(where)) as running:
            yield running

    async def init_bare(self, path: Path, *, initial_branch: str) -> None:
        """Make an empty bare repository, without hooks and without housekeeping of its own."""
        where = ("--bare", "--template=", "--object-format=sha1", f"--initial-branch={initial_branch}")
        await self.call("init", "--quiet", *where, str(path))
        for key, value in (("gc.auto", "0"), ("maintenance.auto", "false")):
            await self.call("config", key, value, git_dir=path)

    async def resolve(self, git_dir: Path, rev: str) -> Commit | None:
        """The commit that `rev` names; None when it names none."""
        wanted = f"{rev}^{{commit}}"
        done = await self.run("rev-parse", "--verify", "--quiet", "--end-of-options", wanted, git_dir=git_dir)
        if done.code == 0:
            return Commit(done.stdout.decode().split()[-1])
        # Without a word: no such name. With one: either no such object, or the repository is broken.
        if done.stderr and "not a git repository" in done.stderr:
            raise GitFailed("rev-parse", done.code, done.stderr)
        return None

    async def merge_tree(self, git_dir: Path, ours: Commit, theirs: Commit) -> TreeMerged | TreeConflict:
        """Merge two commits' trees in the object store alone."""
        args = ("--write-tree", "-z", "--name-only", "--no-messages", ours, theirs)
        done = await self.run("merge-tree", *args, git_dir=git_dir)
        if done.code > 1 and "unrelated histories" in done.stderr:
            return TreeConflict(paths=(), unrelated=True)
        # A name that is no commit ends with 1 as a conflict does, but without a tree.
        if done.code not in (0, 1) or not done.stdout:
            raise GitFailed("merge-tree", done.code, done.stderr)
        tree, *names = [field for field in done.stdout.split(b"\0") if field]
        if done.code == 0:
            return TreeMerged(tree.decode())
        return TreeConflict(tuple(dict.fromkeys(shown_path(name) for name in names)))

    async def commit_tree(
        self,
        git_dir: Path,
        tree: str,
        parents: tuple[Commit, ...] | list[Commit],
        message: str,
        *,
        identity: Identity,
        when: datetime,
    ) -> Commit:
        """Make a commit; the same arguments give the same commit. `when` is aware."""
        date = f"@{int(when.timestamp())} +0000"
        env: dict[str, str] = {}
        for role in ("AUTHOR", "COMMITTER"):
            env |= {
                f"GIT_{role}_NAME": identity.name,
                f"GIT_{role}_EMAIL": identity.email,
                f"GIT_{role}_DATE": date,
            }
        args = [word for parent in parents for word in ("-p", parent)]
        text = message.replace("\0", "").encode("utf-8", "replace")
        out = await self.call(
            "commit-tree", tree, *args, "-F", "-", stdin=text, git_dir=git_dir, extra_env=env
        )
        return Commit(out.decode().strip())

    async def update_ref(self, git_dir: Path, ref: str, new: Commit | None, expected: Commit | None) -> None:
        """Set `ref` to `new` (None: delete it) if it stands at `expected` (None: does not exist).

        Raises `GitFailed`, also when it stands elsewhere.
        """
        if new is None and expected is None:
            order = f"verify {ref} {NOTHING}"
        elif new is None:
            order = f"delete {ref} {expected}"
        else:
            order = f"update {ref} {new} {expected or NOTHING}"
        await self.call("update-ref", "--no-deref", "--stdin", stdin=f"{order}\n".encode(), git_dir=git_dir)

    async def is_ancestor(self, git_dir: Path, ancestor: Commit, descendant: Commit) -> bool:
        """Whether `descendant` contains `ancestor` (a commit contains itself)."""
        done = await self.run("merge-base", "--is-ancestor", ancestor, descendant, git_dir=git_dir)
        return _expect("merge-base", done, 0, 1).code == 0

    async def merge_base(self, git_dir: Path, ours: Commit, theirs: Commit) -> Commit | None:
        """The best common ancestor; None when the two share no history."""
        done = _expect("merge-base", await self.run("merge-base", ours, theirs, git_dir=git_dir), 0, 1)
        return Commit(done.stdout.decode().split()[0]) if done.code == 0 else None

    async def gitlinks(self, git_dir: Path, commit: Commit) -> dict[str, Commit]:
        """The submodule entries of a commit's tree: path to the commit each one names."""
        links: dict[str, Commit] = {}
        for entry in (await self.call("ls-tree", "-r", "-z", commit, git_dir=git_dir)).split(b"\0"):
            meta, _, path = entry.partition(b"\t")
            if meta.startswith(b"160000 "):
                links[shown_path(path)] = Commit(meta.split()[2].decode())
        return links

    async def diff(self, git_dir: Path, base: Commit, head: Commit) -> bytes:
        """The whole unified diff of two commits, with `a/` and `b/` prefixes, made by no driver."""
        plain = ("--no-color", "--no-ext-diff", "--no-textconv", "--src-prefix=a/", "--dst-prefix=b/")
        return await self.call("diff", *plain, "--ignore-submodules=none", base, head, "--", git_dir=git_dir)


def _expect(command: str, done: Finished, *codes: int) -> Finished:
    if done.code not in codes:
        raise GitFailed(command, done.code, done.stderr)
    return done
