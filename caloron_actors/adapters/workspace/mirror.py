"""The bare mirror: what it knows of the forge, and the exchange of commits with it. One conversation at a time."""

import hashlib
from pathlib import Path

import anyio

from caloron_actors.adapters.workspace.remote import Remote, checked_branch, refusal
from caloron_actors.adapters.workspace.removal import throw_away
from caloron_actors.domain.ids import Commit, is_commit
from caloron_actors.git import Git, GitFailed
from caloron_actors.ports.errors import Rejected, Unavailable

BASE_REF = "refs/caloron/base"
ATTRIBUTES = "* -text !eol -ident -filter !working-tree-encoding\n"
"""Content goes in and out as it is, whatever a `.gitattributes` says. (git refuses `-working-tree-encoding`.)"""
_MINUTES = 600.0
_FETCH = (
    "--quiet",
    "--force",
    "--no-tags",
    "--no-write-fetch-head",
    "--no-auto-maintenance",
    "--no-recurse-submodules",
    "--refmap=",
    "--update-shallow",  # otherwise nothing comes from a forge whose repository is shallow
)


class Mirror:
    """The mirror of the forge's repository in the bare repository `path`."""

    def __init__(self, path: Path, git: Git, remote: Remote, base_branch: str) -> None:
        self.path = path
        self.base_branch = checked_branch(base_branch)
        self._git = git
        self._remote = remote
        self._ready = False
        # What is true of a commit stays true: nothing is ever collected from the mirror.
        self._here: set[Commit] = set()
        self._trees: dict[Commit, str] = {}
        self._gitlinks: dict[Commit, dict[str, Commit]] = {}
        self._making = anyio.Lock()
        self._talking = anyio.Lock()

    @property
    def objects(self) -> Path:
        """The object directory, which agents' clones borrow from."""
        return self.path / "objects"

    async def open(self) -> None:
        """Make the mirror if there is none. Locks that a killed process left are removed, once."""
        async with self._making:
            if self._ready:
                return
            if not self.path.is_dir():
                await self._make()
            for lock in (*self.path.glob("*.lock"), *self.path.glob("refs/**/*.lock")):
                lock.unlink(missing_ok=True)
            self._ready = True

    async def fetch_base(self) -> Commit:
        """Bring the base branch here and give its head. Raises `NotFound` when the forge has none."""
        await self._fetch(f"refs/heads/{self.base_branch}", BASE_REF)
        return await self.known_base()

    async def known_base(self) -> Commit:
        """The base branch's head as last fetched."""
        known = await self._git.resolve(self.path, BASE_REF)
        return known or await self.fetch_base()

    async def fetch_branch(self, branch: str, head: Commit) -> None:
        """Bring `head` of a forge's branch here. Raises `Rejected` when the branch does not lead to it."""
        if await self.has(head):
            return
        # Named by a hash: two branches of different times may not fit beside each other as refs.
        ref = f"refs/caloron/forge/{hashlib.sha256(branch.encode()).hexdigest()[:20]}"
        await self._fetch(f"refs/heads/{checked_branch(branch)}", ref)
        if not await self.has(head):
            raise Rejected(f"branch {branch} of the forge does not lead to {head}")

    async def has(self, commit: Commit) -> bool:
        """Whether `commit` is here."""
        if commit not in self._here:
            if not is_commit(commit) or await self._git.resolve(self.path, commit) is None:
                return False
            self._here.add(commit)
        return True

    async def tree_of(self, commit: Commit) -> str:
        """The name of a commit's tree."""
        if commit not in self._trees:
            out = await self._git.call("rev-parse", f"{commit}^{{tree}}", git_dir=self.path)
            self._trees[commit] = out.decode().strip()
        return self._trees[commit]

    async def gitlinks(self, commit: Commit) -> dict[str, Commit]:
        """The submodule entries of a commit, by path."""
        if commit not in self._gitlinks:
            self._gitlinks[commit] = await self._git.gitlinks(self.path, commit)
        return self._gitlinks[commit]

    async def remote_head(self, branch: str) -> Commit | None:
        """Where the forge's branch stands."""
        ref = f"refs/heads/{checked_branch(branch)}"
        try:
            out = await self._talk("ls-remote", "--quiet", "--", self._remote.address, ref, minutes=120.0)
        except GitFailed as failed:
            raise refusal(failed, ambiguous=False) from failed
        for line in out.decode(errors="replace").splitlines():
            commit, _, name = line.partition("\t")
            if name == ref and is_commit(commit):
                return Commit(commit)
        return None

    async def push(self, branch: str, commit: Commit, expected: Commit | None) -> None:
        """Set the forge's branch to `commit` unless somebody else has moved it. Raises `Rejected` then."""
        ref = f"refs/heads/{checked_branch(branch)}"
        lease = f"--force-with-lease={ref}:{expected or ''}"
        target = ("--", self._remote.address, f"{commit}:{ref}")
        try:
            await self._talk("push", "--no-verify", "--no-recurse-submodules", lease, *target)
        except GitFailed as failed:
            problem = refusal(failed, ambiguous=True)
            if isinstance(problem, Unavailable):
                raise problem from failed
            now = await self.remote_head(branch)
            if now not in (commit, expected):
                words = f"branch {branch} stands at {now or 'nothing'}, expected {expected or 'nothing'}"
                raise Rejected(words) from failed
            if now != commit:
                raise problem from failed

    async def _fetch(self, source: str, ref: str) -> None:
        async with self._talking:
            try:
                await self._talk("fetch", *_FETCH, "--", self._remote.address, f"+{source}:{ref}")
            except GitFailed as failed:
                raise refusal(failed, ambiguous=False) from failed

    async def _talk(self, *args: str, minutes: float = _MINUTES) -> bytes:
        secret = self._remote.config()
        env = self._remote.env
        return await self._git.call(
            *args, git_dir=self.path, secret_config=secret, extra_env=env, timeout=minutes
        )

    async def _make(self) -> None:
        aside = self.path.with_name(f"{self.path.name}.new")
        throw_away(aside, self.path.with_name("trash"))
        await self._git.init_bare(aside, initial_branch=self.base_branch)
        (aside / "info").mkdir(exist_ok=True)
        (aside / "info" / "attributes").write_text(ATTRIBUTES)
        aside.rename(self.path)
