"""Where things stand below a workspace's root, and the record kept beside each task's copy. Does not run git."""

import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import msgspec

from caloron_actors.domain.ids import AgentId, Commit, TaskId, is_id


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """What a task's copy was made from, written when it stood ready."""

    agent: AgentId
    branch: str
    start: Commit
    base: Commit


class Stamp(msgspec.Struct, frozen=True, kw_only=True):
    """When a commit with this content was first made, so that making it again gives the same commit."""

    content: str
    when: datetime


@dataclass(frozen=True)
class TaskFolder:
    """The paths of one task. Only `tree` and `review` are ever visible to an agent."""

    root: Path

    @property
    def tree(self) -> Path:
        """The agent's clone."""
        return self.root / "tree"

    @property
    def index(self) -> Path:
        """The service's index of `tree`; the agent has a copy of its own."""
        return self.root / "index"

    def review(self, reviewer: AgentId) -> Path:
        """A reviewer's checkout."""
        return self.root / f"review-{checked_id(reviewer)}"

    def aside(self, name: str) -> Path:
        """A path for something that is not ready yet; a leftover of an earlier try may stand there."""
        return self.root / f"{name}.new"

    def record(self) -> Record | None:
        """Read what the copy was made from; None when no copy was ever ready."""
        content = _read(self.root / "prepared.json")
        return None if content is None else msgspec.json.decode(content, type=Record)

    def write_record(self, record: Record) -> None:
        """Note what the copy was made from."""
        _write(self.root / "prepared.json", msgspec.json.encode(record))

    def stamp(self, content: str, now: datetime) -> datetime:
        """Give the instant at which `content` was first committed: `now`, unless it was noted before."""
        path = self.root / "stamp.json"
        known = _read(path)
        if known is not None:
            stamp = msgspec.json.decode(known, type=Stamp)
            if stamp.content == content:
                return stamp.when
        _write(path, msgspec.json.encode(Stamp(content=content, when=now)))
        return now


@dataclass(frozen=True)
class Layout:
    """The paths of one sprint's workspace."""

    root: Path

    @property
    def mirror(self) -> Path:
        """The bare mirror of the forge's repository; it also holds every object the agents made."""
        return self.root / "mirror.git"

    @property
    def scratch(self) -> Path:
        """For directories that live no longer than a call."""
        return self.root / "scratch"

    @property
    def trash(self) -> Path:
        """What is on its way out. Deleted whenever there is time."""
        return self.root / "trash"

    def task(self, task: TaskId) -> TaskFolder:
        """The folder of one task."""
        return TaskFolder(self.root / "tasks" / checked_id(task))


def checked_id(name: str) -> str:
    """Give `name` when it can be part of a path. Raises ValueError otherwise."""
    if not is_id(name):
        raise ValueError(f"not an id: {name!r}")
    return name


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def _write(path: Path, content: bytes) -> None:
    # Whole or not at all, also when the host stops in between.
    aside = path.with_name(f"{path.name}.new")
    with aside.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    aside.replace(path)
