"""What the memory forge needs of git, and a pure model of it. Runs no git."""

import hashlib
from typing import Protocol

from caloron_actors.domain.ids import Commit


class GitModel(Protocol):
    """The branches of one repository as its forge sees them."""

    def head(self, branch: str) -> Commit | None:
        """The commit a branch is at, None without such a branch."""
        ...

    def ahead(self, base: str, head: Commit) -> bool:
        """Whether `head` has commits that branch `base` lacks."""
        ...

    def mergeable(self, base: str, head: Commit) -> bool:
        """Whether `head` merges into branch `base` without a conflict."""
        ...

    def merge(self, base: str, head: Commit, title: str) -> Commit:
        """Merge `head` into branch `base` and give the merge commit, which `base` is at then."""
        ...


class Branches:
    """Branches without content: what is merged is remembered, what conflicts is said by `set_conflict`."""

    def __init__(self) -> None:
        self._heads: dict[str, Commit] = {}
        self._reached: dict[str, set[Commit]] = {}
        self._conflicts: set[Commit] = set()

    def set_branch(self, name: str, commit: Commit | None) -> None:
        """Push: the branch is at `commit` now; None deletes it."""
        if commit is None:
            self._heads.pop(name, None)
            self._reached.pop(name, None)
            return
        self._heads[name] = commit
        self._reached.setdefault(name, set()).add(commit)

    def set_conflict(self, commit: Commit, *, conflicts: bool = True) -> None:
        """Say that `commit` cannot be merged anywhere, or that it can."""
        if conflicts:
            self._conflicts.add(commit)
        else:
            self._conflicts.discard(commit)

    def head(self, branch: str) -> Commit | None:
        return self._heads.get(branch)

    def ahead(self, base: str, head: Commit) -> bool:
        return head not in self._reached.get(base, ())

    def mergeable(self, base: str, head: Commit) -> bool:
        return base in self._heads and head not in self._conflicts

    def merge(self, base: str, head: Commit, title: str) -> Commit:
        """The merge commit's name is a hash of its parents and title: the same history gives the same names."""
        made = Commit(
            hashlib.sha1(f"{self._heads[base]} {head} {title}".encode(), usedforsecurity=False).hexdigest()
        )
        self._reached[base].add(head)
        self.set_branch(base, made)
        return made
