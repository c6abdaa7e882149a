"""A repository in memory: commits with whole files, branches, and three-way merges file by file. Runs no git."""

import difflib
import hashlib
from collections.abc import Iterable, Mapping

import msgspec

from caloron_actors.domain.ids import Commit

Files = Mapping[str, bytes]


class _Snapshot(msgspec.Struct, frozen=True):
    files: Files
    parents: tuple[Commit, ...]
    message: str


class MemoryRepository:
    """The forge's repository and everyone's commits. Two changes to one file that differ are a conflict.

    It is a `GitModel` for the memory forge, so a workspace and a forge can share it.
    """

    def __init__(self, base_branch: str = "main", files: Files | None = None) -> None:
        self._commits: dict[Commit, _Snapshot] = {}
        self._branches: dict[str, Commit] = {}
        self._branches[base_branch] = self.commit(files or {}, (), "Begin")

    def commit(self, files: Files, parents: Iterable[Commit], message: str) -> Commit:
        """Make a commit; the same arguments give the same one."""
        snapshot = _Snapshot(dict(sorted(files.items())), tuple(parents), message)
        content = repr((sorted(files.items()), snapshot.parents, message)).encode()
        name = Commit(hashlib.sha1(content, usedforsecurity=False).hexdigest())
        self._commits[name] = snapshot
        return name

    def has(self, commit: Commit) -> bool:
        """Whether the commit exists."""
        return commit in self._commits

    def files(self, commit: Commit) -> dict[str, bytes]:
        """A copy of the commit's files."""
        return dict(self._commits[commit].files)

    def set_branch(self, branch: str, commit: Commit | None) -> None:
        """Push by force: the branch is at `commit` now; None deletes it."""
        if commit is None:
            self._branches.pop(branch, None)
        else:
            self._branches[branch] = commit

    def head(self, branch: str) -> Commit | None:
        """The commit a branch is at, None without such a branch."""
        return self._branches.get(branch)

    def ahead(self, base: str, head: Commit) -> bool:
        """Whether `head` has commits that branch `base` lacks."""
        return not self.contains(self._branches[base], head)

    def mergeable(self, base: str, head: Commit) -> bool:
        """Whether `head` merges into branch `base` without a conflict."""
        at = self._branches.get(base)
        return at is not None and self.has(head) and not self.merge_files(at, head)[1]

    def merge(self, base: str, head: Commit, title: str) -> Commit:
        """Merge `head` into branch `base`, which has to be possible, and give the merge commit."""
        at = self._branches[base]
        merged, conflicts = self.merge_files(at, head)
        if conflicts:
            raise ValueError(f"{head} conflicts with {base} on {', '.join(conflicts)}")
        self._branches[base] = self.commit(merged, (at, head), title)
        return self._branches[base]

    def contains(self, commit: Commit, other: Commit) -> bool:
        """Whether `other` is `commit` or an ancestor of it."""
        return other in self._ancestors(commit)

    def merge_base(self, ours: Commit, theirs: Commit) -> Commit | None:
        """A common ancestor that no other common ancestor contains; None when they share no history."""
        shared = self._ancestors(ours) & self._ancestors(theirs)
        parents = {parent for commit in shared for parent in self._commits[commit].parents}
        return min(shared - parents, default=None)

    def merge_files(self, ours: Commit, theirs: Commit) -> tuple[dict[str, bytes], tuple[str, ...]]:
        """The merged files, ours where the two conflict, and the paths of the conflicts."""
        since = self.merge_base(ours, theirs)
        old = self.files(since) if since else {}
        left, right = self.files(ours), self.files(theirs)
        merged: dict[str, bytes] = {}
        conflicts: list[str] = []
        for path in sorted({*old, *left, *right}):
            was, mine, other = old.get(path), left.get(path), right.get(path)
            if was != mine != other != was:
                conflicts.append(path)
            kept = other if mine == was else mine
            if kept is not None:
                merged[path] = kept
        return merged, tuple(conflicts)

    def diff(self, base: Commit, head: Commit) -> str:
        """The whole unified diff of two commits, with `a/` and `b/` prefixes."""
        old, new = self.files(base), self.files(head)
        paths = sorted(path for path in {*old, *new} if old.get(path) != new.get(path))
        return "".join(_file_diff(path, old.get(path), new.get(path)) for path in paths)

    def _ancestors(self, commit: Commit) -> set[Commit]:
        found: set[Commit] = set()
        left = [commit]
        while left:
            current = left.pop()
            if current not in found:
                found.add(current)
                left.extend(self._commits[current].parents)
        return found


def _file_diff(path: str, old: bytes | None, new: bytes | None) -> str:
    lines = difflib.unified_diff(
        (old or b"").decode(errors="replace").splitlines(keepends=True),
        (new or b"").decode(errors="replace").splitlines(keepends=True),
        "/dev/null" if old is None else f"a/{path}",
        "/dev/null" if new is None else f"b/{path}",
    )
    body = "".join(
        line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines
    )
    return f"diff --git a/{path} b/{path}\n{body}"
