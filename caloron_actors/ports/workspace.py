"""Working copies of tasks, and the commits that come out of them. Everything git, in the domain's words."""

from pathlib import Path
from typing import Protocol

import msgspec

from caloron_actors.domain.ids import AgentId, Commit, TaskId


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """A task's working copy: whose it is and the branch its work goes to."""

    task: TaskId
    agent: AgentId
    branch: str


class Prepared(msgspec.Struct, frozen=True, kw_only=True):
    """A working copy that stands ready for an agent. `start`: the commit checked out; `base`: the base branch's head."""

    path: Path
    start: Commit
    base: Commit
    conflicts: tuple[str, ...] = ()
    """Paths on which `start` and `base` conflict when merged; asked for in a conflict round."""


class Collected(msgspec.Struct, frozen=True, tag=True):
    """The agent's work is one head commit in the mirror, ready to be pushed."""

    commit: Commit


class NoChange(msgspec.Struct, frozen=True, tag=True):
    """The agent left everything as it was."""


class Unusable(msgspec.Struct, frozen=True, tag=True):
    """The agent's work cannot be taken (nested repository, broken objects, conflict markers); the reason is for people."""

    reason: str


class Unresolved(msgspec.Struct, frozen=True, tag=True):
    """There is work, but it still conflicts with the base branch, or has marker lines, on these paths."""

    paths: tuple[str, ...]


CollectAnswer = Collected | NoChange | Unusable | Unresolved


class Workspace(Protocol):
    """The working copies of one sprint's repository, beside a bare mirror of it.

    Calls for one task are never concurrent; calls for different tasks may be.
    Every call may raise `Unavailable` (the forge's git cannot be reached, disk trouble) or `Rejected` (ports.errors).
    """

    def tree(self, task: TaskId) -> Path:
        """Where the author's working copy of a task stands once it is prepared."""
        ...

    async def base(self) -> Commit:
        """Fetch the base branch from the forge into the mirror and give its head."""
        ...

    async def prepare_fresh(self, place: Place) -> Prepared:
        """Make the working copy anew from the current base branch; what was in an older one is kept on a hidden ref."""
        ...

    async def prepare_rework(self, place: Place, head: Commit, *, merge_base_in: bool) -> Prepared:
        """Reset the working copy to the branch's `head` (rebuilt when it is gone); ignored files stay.

        The current base branch stands in the agent's clone as `refs/remotes/origin/<base>`. With `merge_base_in`
        the answer names the conflicting paths.
        """
        ...

    async def prepare_review(self, place: Place, reviewer: AgentId, head: Commit) -> Prepared:
        """Make a checkout of `head` for `reviewer`, apart from the author's; what is changed in it is dropped."""
        ...

    async def collect(
        self, place: Place, start: Commit, message: str, *, must_resolve: tuple[str, ...] = ()
    ) -> CollectAnswer:
        """Take what the agent changed since `start`, committed or not, as one head commit in the mirror.

        With `must_resolve` (conflicting paths) the work has to merge cleanly into the current base branch and have no
        marker lines on those paths, else `Unresolved`. Asking again gives the same answer while the copy is untouched.
        """
        ...

    async def save(self, place: Place, start: Commit, label: str) -> Commit | None:
        """Keep what the agent changed since `start` on `refs/caloron/saved/<task>/<label>`; None when there is nothing."""
        ...

    async def push(self, branch: str, commit: Commit, expected: Commit | None) -> None:
        """Set the forge's `branch` to `commit` if it stands at `expected` (None: does not exist) or at `commit` already.

        Raises `Rejected` when it stands elsewhere.
        """
        ...

    async def remote_head(self, branch: str) -> Commit | None:
        """Where the forge's `branch` stands now; None when it does not exist."""
        ...

    async def fetch_branch(self, branch: str, head: Commit) -> None:
        """Bring commit `head` of the forge's `branch` into the mirror (a human pushed)."""
        ...

    async def diff(self, base: Commit, head: Commit) -> str:
        """The whole unified diff from the merge base of both to `head`, with `a/` `b/` prefixes, never shortened.

        Bytes that are not UTF-8 are shown as replacement characters.
        """
        ...

    async def conflicts(self, base: Commit, head: Commit) -> tuple[str, ...]:
        """The paths on which merging the two conflicts; empty when they merge cleanly."""
        ...

    async def discard(self, task: TaskId) -> None:
        """Remove a task's working copies; uncommitted work is kept on a hidden ref first."""
        ...
