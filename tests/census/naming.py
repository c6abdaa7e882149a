"""Natural names of calls: whose call it is, told by what it is about, never by its place among concurrent ones."""

import inspect
import re
import sys
from collections.abc import Awaitable, Callable, Iterator, Mapping
from types import FrameType
from typing import Any

from caloron_actors.domain.ids import is_commit
from caloron_actors.domain.sprint.state import Sprint, SprintPlan
from caloron_actors.domain.task import Task
from caloron_actors.ports.journal import Entry
from caloron_actors.ports.launcher import LaunchOrder, RunId
from caloron_actors.ports.workspace import Place

_MARK = re.compile(r"<!-- caloron:(\S+) [0-9a-f]{32} -->")
_DEPTH = 12
"""Frames between a call of a port and the actor that wants it."""
_WORDS = frozenset({"branch", "head", "label", "labels", "reviewer", "login", "key", "task", "sprint"})
"""Parameters that say what a call is about. Base branches, starts, texts, times and limits do not."""
_OF_A_LEASE = ("renew_lease", "look")
_OTHERS = (("actors/poller.py", "poll"), ("actors/agent.py", "lease"))


class Names:
    """What the numbers and commits of one life stand for, learned from what its journal is told and tells."""

    def __init__(self) -> None:
        self._numbers: dict[int, str] = {}
        self._commits: dict[str, str] = {}

    def learn(self, value: object) -> None:
        """Take in an entry or a stored sprint."""
        match value:
            case Entry(event=event, changed=changed):
                commit, task = getattr(event, "commit", None), getattr(event, "task", None)
                if isinstance(commit, str) and isinstance(task, str):
                    self._commits[commit] = task
                for row in changed:
                    self._row(row)
            case Sprint(tasks=rows):
                for row in rows.values():
                    self._row(row)
            case _:
                pass

    def _row(self, row: Task) -> None:
        if row.issue is not None:
            self._numbers[row.issue] = f"{row.id}.issue"
        if row.pull_request is not None:
            self._numbers[row.pull_request] = f"{row.id}.pull"
        for commit in (row.head, *row.past_heads):
            if commit is not None:
                self._commits[commit] = row.id

    def name(self, port: str, call: str, arguments: Mapping[str, object]) -> str:
        """The name of a call: port, method, and what it is about."""
        caller = _caller(call)
        if caller == "poll":
            return f"poll.{call}"
        parts = [part for name, value in arguments.items() for part in self._parts(name, value)]
        parts = parts or _about()
        return f"{caller or port}.{call}{''.join(f':{part}' for part in parts)}"

    def _parts(self, name: str, value: object) -> list[str]:  # noqa: PLR0911 - one line a kind
        match value:
            case Place(task=task):
                return [task]
            case LaunchOrder(run=run):
                return [str(run)]
            case RunId():
                return [str(value)]
            case SprintPlan(dag=dag):
                return [dag.id]
            case Entry(event=event, settled=settled):
                about = settled or getattr(event, "task", None)
                return [type(event).__name__, *([about] if isinstance(about, str) else [])]
            case int() if name == "number":
                return [self._numbers.get(value, "unknown")]
            case str() if name == "body":
                return [found[1] for found in _MARK.finditer(value)]
            case str() if name in _WORDS:
                return [self._commits.get(value, "commit") if is_commit(value) else value]
            case [*words] if name in _WORDS:
                return [str(word) for word in words]
            case _:
                return []


class Passing:
    """Stands in front of a port: every coroutine function of it is a named point, those of later versions too."""

    def __init__(
        self,
        inner: object,
        port: str,
        names: Names,
        through: Callable[[str, Callable[[], Awaitable[Any]]], Awaitable[Any]],
        *,
        unnamed: frozenset[str] = frozenset(),
    ) -> None:
        """`unnamed`: calls that are no points."""
        self._inner = inner
        self._port = port
        self._names = names
        self._through = through
        self._unnamed = unnamed

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the port has
        """The port's own attribute, made a point where it is a call."""
        inner = getattr(self._inner, name)
        if not inspect.iscoroutinefunction(inner):
            return inner
        signature = inspect.signature(inner)

        async def call(*args: object, **more: object) -> Any:  # noqa: ANN401 - whatever the port gives
            self._learn(args)
            if name in self._unnamed:
                answer = await inner(*args, **more)
            else:
                arguments = signature.bind(*args, **more).arguments
                point = self._names.name(self._port, name, arguments)
                answer = await self._through(point, lambda: inner(*args, **more))
            self._learn([answer])
            return answer

        return call

    def _learn(self, values: object) -> None:
        for value in values if isinstance(values, tuple | list) else ():
            self._names.learn(value)


def _frames() -> Iterator[FrameType]:
    """Who has called, and who these were called by: what a coroutine awaits is called by it, also after a pause."""
    frame: FrameType | None = sys._getframe(1)
    for _ in range(_DEPTH):
        if frame is None:
            return
        yield frame
        frame = frame.f_back


def _caller(call: str) -> str | None:
    """The class of points that this call belongs to by who makes it, if any."""
    for frame in _frames():
        for path, kind in _OTHERS:
            if frame.f_code.co_filename.endswith(path) and (kind == "poll" or call in _OF_A_LEASE):
                return kind
    return None


def _about() -> list[str]:
    """The task of the effect that a call without any name of its own is made for."""
    for frame in _frames():
        task = getattr(frame.f_locals.get("effect"), "task", None)
        if isinstance(task, str):
            return [task]
    return []
