"""Histories as values: a tree of supervisors, and what happens to it one step at a time. Plays nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import msgspec

from caloron_actors.runtime.spec import AutoShutdown, Restart, Strategy

How = Literal["crash", "normal", "shutdown", "info", "killed"]
"""How an actor ends by itself; `info` is a shutdown with a reason of its own."""

Allowance = tuple[int, float, Literal["park", "escalate"]]
Name = Literal["terminate_child", "restart_child", "delete_child"]


class Leaf(msgspec.Struct, frozen=True, tag=True):
    """An actor. Its starts are counted from 1, across all incarnations of its supervisors; `fails` lists bad ones."""

    id: str
    restart: Restart = "permanent"
    significant: bool = False
    brutal: bool = False
    """Stopped without being asked."""
    sore: bool = False
    """Its terminate crashes."""
    fails: tuple[int, ...] = ()
    budget: Allowance | None = None
    """Restarts of its own within so many seconds, and what follows on one more."""


class Nursery(msgspec.Struct, frozen=True, tag=True):
    """A factory: children come and go by key. `restart` is its own, `rule` that of its children."""

    id: str
    restart: Restart = "permanent"
    rule: Restart = "transient"
    intensity: int = 1
    period: float = 5.0
    limit: int | None = None
    significant: bool = False


class Branch(msgspec.Struct, frozen=True, tag=True):
    """A supervisor of a fixed list."""

    id: str
    children: tuple[Leaf | Nursery | Branch, ...]
    strategy: Strategy = "one_for_one"
    intensity: int = 1
    period: float = 5.0
    restart: Restart = "permanent"
    auto_shutdown: AutoShutdown = "never"
    significant: bool = False


Spec = Leaf | Nursery | Branch


class Ends(msgspec.Struct, frozen=True, tag=True):
    """Actors under one supervisor end by themselves, one after the other before the supervisor looks."""

    ends: tuple[tuple[str, How], ...]


class Passes(msgspec.Struct, frozen=True, tag=True):
    """The clock moves on."""

    seconds: float


class StartKey(msgspec.Struct, frozen=True, tag=True):
    """A factory is asked for a child, whose starts with a number in `fails` go wrong."""

    path: str
    key: str
    fails: tuple[int, ...] = ()


class StopKey(msgspec.Struct, frozen=True, tag=True):
    """A factory is told to end a child."""

    path: str
    key: str


class Call(msgspec.Struct, frozen=True, tag=True):
    """A supervisor is asked by name, about the child of that id."""

    path: str
    name: Name
    id: str


class Grow(msgspec.Struct, frozen=True, tag=True):
    """A supervisor of a fixed list is given one more child."""

    path: str
    leaf: Leaf


Step = Ends | Passes | StartKey | StopKey | Call | Grow


class History(msgspec.Struct, frozen=True):
    """A tree and all that happens to it; at the end it is stopped."""

    root: Branch
    steps: tuple[Step, ...]


class Record(msgspec.Struct):
    """What one play of a history showed. Two plays agree when their records are equal."""

    lines: list[str] = msgspec.field(default_factory=list)
    """What the actors themselves saw, and the answers to the calls."""
    reports: list[str] = msgspec.field(default_factory=list)
    pictures: list[list[str]] = msgspec.field(default_factory=list)
    """The tree after the start and after every step."""
    exit: str = ""


def walk(spec: Spec, parent: str = "") -> Iterator[tuple[str, Spec]]:
    """Every specification of the tree with its path, in start order."""
    path = f"{parent}/{spec.id}" if parent else spec.id
    yield path, spec
    if isinstance(spec, Branch):
        for inner in spec.children:
            yield from walk(inner, path)


def calm(lines: list[str], nurseries: set[str]) -> list[str]:
    """Sort what has no order: the ends of a factory's children that end at once."""
    calmed: list[str] = []
    group: list[str] = []
    owner = ""
    for line in lines:
        word, _, rest = line.partition(" ")
        path = rest.split(" ")[0]
        parent = path.rpartition("/")[0]
        loose = word in {"stop", "end", "shutdown_error"} and parent in nurseries
        if group and not (loose and parent == owner):
            calmed.extend(sorted(group))
            group = []
        if loose:
            owner = parent
            group.append(line)
        else:
            calmed.append(line)
    return [*calmed, *sorted(group)]


def difference(history: History, **records: Record) -> str:
    """What to read when two named records differ; empty when they agree."""
    (one, mine), (other, theirs) = records.items()
    nurseries = {path for path, spec in walk(history.root) if isinstance(spec, Nursery)}
    for name in ("exit", "lines", "reports", "pictures"):
        left, right = getattr(mine, name), getattr(theirs, name)
        if name in {"lines", "reports"}:
            left, right = calm(left, nurseries), calm(right, nurseries)
        if left != right:
            return f"{name} differ\n{show(history)}\n{one}\n  {left}\n{other}\n  {right}"
    return ""


def show(history: History) -> str:
    """The history to be read, and in a form that can be pasted into a test."""
    lines = [f"  {path}: {_flat(spec)}" for path, spec in walk(history.root)]
    return "\n".join(["tree", *lines, "steps", *(f"  {step}" for step in history.steps)])


def _flat(spec: Spec) -> str:
    if not isinstance(spec, Branch):
        return str(spec)
    return str(msgspec.structs.replace(spec, children=()))
