"""What every part of the forge works with: rows, git, the clock, the directory, and one turn per repository."""

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, TypeVar

import anyio

from caloron_actors.domain.ids import Commit
from caloron_actors.git import Git
from caloron_actors.localforge.commits import PullFacts
from caloron_actors.localforge.directory import Directory
from caloron_actors.localforge.rows.repositories import Repository
from caloron_actors.localforge.stamps import Stamps
from caloron_actors.localforge.store import Store

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")

REMEMBERED = 1000


class Remembered(Generic[Key, Value]):
    """Answers that never change, the most recently used `REMEMBERED` of them."""

    def __init__(self) -> None:
        self._answers: OrderedDict[Key, Value] = OrderedDict()

    def get(self, key: Key) -> Value | None:
        """The answer, if it is remembered."""
        if key in self._answers:
            self._answers.move_to_end(key)
        return self._answers.get(key)

    def put(self, key: Key, value: Value) -> Value:
        """Remember an answer and give it back."""
        self._answers[key] = value
        if len(self._answers) > REMEMBERED:
            self._answers.popitem(last=False)
        return value


@dataclass(frozen=True)
class ForgeState:
    """The open forge. `turns` holds one lock per repository: whoever changes its refs holds it."""

    directory: Directory
    store: Store
    git: Git
    stamps: Stamps
    turns: dict[int, anyio.Lock] = field(default_factory=dict)
    facts: Remembered[tuple[int, str, str], PullFacts] = field(default_factory=Remembered)

    def path(self, repository: Repository) -> Path:
        """Where a repository lies."""
        return self.directory.repository(repository.full_name)

    def turn(self, repository: Repository) -> anyio.Lock:
        """The lock of a repository's refs."""
        return self.turns.setdefault(repository.id, anyio.Lock())

    async def heads(self, repository: Repository) -> dict[str, Commit]:
        """All branches and where they stand."""
        out = await self.git.call(
            "for-each-ref", "--format=%(objectname) %(refname)", "refs/heads/", git_dir=self.path(repository)
        )
        lines = [line.partition(" ") for line in out.decode("utf-8", "replace").splitlines()]
        return {ref.removeprefix("refs/heads/"): Commit(sha) for sha, _, ref in lines}

    async def messages(self, repository: Repository, old: str | None, new: str) -> str:
        """The messages of the commits that `new` has and `old` has not (at most 1000), one after the other."""
        span = [new] if old is None else [f"{old}..{new}"]
        out = await self.git.call(
            "log", "--max-count=1000", "--format=%B", *span, "--", git_dir=self.path(repository)
        )
        return out.decode("utf-8", "replace")
