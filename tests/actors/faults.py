"""Ports with trouble: wrappers that count calls and fail the ones they are told to, before or after these have worked."""

from collections import Counter, defaultdict, deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal, Protocol, TypeVar

import anyio
import anyio.lowlevel

from caloron_actors.domain.ids import AgentId, Commit, EffectKey, SprintId, TaskId
from caloron_actors.domain.sprint.state import Sprint, SprintHead, SprintPlan
from caloron_actors.domain.task import Task
from caloron_actors.ports.errors import PortError
from caloron_actors.ports.forge import CommentSeen, Forge, IssueSeen, MergeAnswer, PullRequestSeen, ReviewSeen
from caloron_actors.ports.journal import Entry, Journal, OpenIntent, Recorded
from caloron_actors.ports.launcher import (
    Absent,
    Ended,
    GivenUp,
    Launcher,
    LaunchOrder,
    Output,
    RunId,
    RunState,
)
from caloron_actors.ports.workspace import CollectAnswer, Place, Prepared, Workspace

T = TypeVar("T")
When = Literal["before", "after"]
Verdict = Literal["approve", "request_changes"]
Permission = Literal["admin", "write", "read", "none"]

JOURNAL_WRITES = frozenset({"commit", "claim", "postpone"})
FORGE_WRITES = frozenset(
    {
        "create_issue",
        "close_issue",
        "comment",
        "add_labels",
        "remove_label",
        "open_pull_request",
        "submit_review",
        "merge",
    }
)
HOST_WRITES = frozenset(
    {
        "prepare_fresh",
        "prepare_rework",
        "prepare_review",
        "collect",
        "save",
        "push",
        "launch",
        "stop",
    }
)
WRITES = JOURNAL_WRITES | FORGE_WRITES | HOST_WRITES


@dataclass(frozen=True)
class Fault:
    """How one call fails: `after` means that its work was done all the same."""

    error: PortError
    when: When


class Faults:
    """Stands between the service and its ports: every call goes `through` it. `passing` sees each call twice."""

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()
        self.tried: list[tuple[str, float]] = []
        self.passing: Callable[[str, When], None] | None = None
        self.monotonic: Callable[[], float] = lambda: 0.0
        self.hanging: set[str] = set()
        """Calls that are never answered."""
        self.broken: dict[str, PortError] = {}
        """Calls that fail, before they have worked, for as long as they are in here."""
        self._planned: defaultdict[str, deque[Fault | None]] = defaultdict(deque)

    def fail(
        self, name: str, error: PortError, when: When = "before", *, times: int = 1, skip: int = 0
    ) -> None:
        """Have the next `times` calls of `name` fail, after `skip` more that do not."""
        self._planned[name].extend([None] * skip + [Fault(error, when)] * times)

    def moments(self, name: str) -> list[float]:
        """When `name` was called, in seconds of the awake clock."""
        return [at for called, at in self.tried if called == name]

    async def through(self, name: str, work: Callable[[], Awaitable[T]]) -> T:
        """Do `work` as the call `name`, with the fault that is planned for it."""
        self.calls[name] += 1
        self.tried.append((name, self.monotonic()))
        planned = self._planned[name]
        fault = planned.popleft() if planned else None
        await self._pass(name, "before")
        if name in self.hanging:
            await anyio.sleep_forever()
        if name in self.broken:
            raise self.broken[name]
        if fault is not None and fault.when == "before":
            raise fault.error
        result = await work()
        await self._pass(name, "after")
        if fault is not None:
            raise fault.error
        return result

    async def _pass(self, name: str, when: When) -> None:
        if self.passing is not None:
            self.passing(name, when)
            await anyio.lowlevel.checkpoint()


class Passage(Protocol):
    """What the calls to a port go through."""

    async def through(self, name: str, work: Callable[[], Awaitable[T]]) -> T:
        """Do `work` as the call `name`, or fail instead or all the same."""
        ...


class FaultyForge:
    """Implements `ports.forge.Forge` over another one."""

    def __init__(self, inner: Forge, faults: Passage) -> None:
        self._inner = inner
        self._through = faults.through

    @property
    def repository(self) -> str:
        return self._inner.repository

    async def author_login(self) -> str:
        return await self._through("author_login", self._inner.author_login)

    async def reviewer_login(self, reviewer: AgentId) -> str:
        return await self._through("reviewer_login", lambda: self._inner.reviewer_login(reviewer))

    async def permission(self, login: str) -> Permission:
        return await self._through("permission", lambda: self._inner.permission(login))

    async def create_issue(self, title: str, body: str, labels: Sequence[str]) -> int:
        return await self._through("create_issue", lambda: self._inner.create_issue(title, body, labels))

    async def issue(self, number: int) -> IssueSeen:
        return await self._through("issue", lambda: self._inner.issue(number))

    async def issues(self, since: datetime | None = None) -> list[IssueSeen]:
        return await self._through("issues", lambda: self._inner.issues(since))

    async def close_issue(self, number: int) -> None:
        return await self._through("close_issue", lambda: self._inner.close_issue(number))

    async def comment(self, number: int, body: str) -> int:
        return await self._through("comment", lambda: self._inner.comment(number, body))

    async def comments(self, number: int, since: datetime | None = None) -> list[CommentSeen]:
        return await self._through("comments", lambda: self._inner.comments(number, since))

    async def add_labels(self, number: int, labels: Sequence[str]) -> None:
        return await self._through("add_labels", lambda: self._inner.add_labels(number, labels))

    async def remove_label(self, number: int, label: str) -> None:
        return await self._through("remove_label", lambda: self._inner.remove_label(number, label))

    async def open_pull_request(self, title: str, body: str, head: str, base: str) -> int:
        work = lambda: self._inner.open_pull_request(title, body, head, base)  # noqa: E731 - one call, one line
        return await self._through("open_pull_request", work)

    async def pull_request(self, number: int) -> PullRequestSeen:
        return await self._through("pull_request", lambda: self._inner.pull_request(number))

    async def pull_requests(
        self, head: str | None = None, since: datetime | None = None
    ) -> list[PullRequestSeen]:
        return await self._through("pull_requests", lambda: self._inner.pull_requests(head, since))

    async def submit_review(
        self, number: int, reviewer: AgentId, verdict: Verdict, body: str, commit: Commit
    ) -> ReviewSeen:
        work = lambda: self._inner.submit_review(number, reviewer, verdict, body, commit)  # noqa: E731
        return await self._through("submit_review", work)

    async def reviews(self, number: int) -> list[ReviewSeen]:
        return await self._through("reviews", lambda: self._inner.reviews(number))

    async def merge(self, number: int, expected_head: Commit, title: str) -> MergeAnswer:
        return await self._through("merge", lambda: self._inner.merge(number, expected_head, title))


class FaultyJournal:
    """Implements `ports.journal.Journal` over another one."""

    def __init__(self, inner: Journal, faults: Passage) -> None:
        self._inner = inner
        self._through = faults.through

    async def create(self, plan: SprintPlan, head: SprintHead, tasks: tuple[Task, ...]) -> None:
        return await self._through("create", lambda: self._inner.create(plan, head, tasks))

    async def commit(self, entry: Entry) -> None:
        return await self._through("commit", lambda: self._inner.commit(entry))

    async def copies(self) -> int:
        return await self._inner.copies()

    async def sprints(self) -> list[SprintHead]:
        return await self._through("sprints", self._inner.sprints)

    async def load(self, sprint: SprintId) -> Sprint | None:
        return await self._through("load", lambda: self._inner.load(sprint))

    async def open_intents(self, sprint: SprintId) -> list[OpenIntent]:
        return await self._through("open_intents", lambda: self._inner.open_intents(sprint))

    async def claim(self, sprint: SprintId, key: EffectKey) -> bool:
        return await self._through("claim", lambda: self._inner.claim(sprint, key))

    async def postpone(self, sprint: SprintId, key: EffectKey, due: datetime, error: str) -> None:
        return await self._through("postpone", lambda: self._inner.postpone(sprint, key, due, error))

    async def history(self, sprint: SprintId, after: int = 0, limit: int = 1000) -> list[Recorded]:
        return await self._inner.history(sprint, after, limit)


class FaultyWorkspace:
    """Implements `ports.workspace.Workspace` over another one."""

    def __init__(self, inner: Workspace, faults: Passage) -> None:
        self._inner = inner
        self._through = faults.through

    def tree(self, task: TaskId) -> Path:
        return self._inner.tree(task)

    async def base(self) -> Commit:
        return await self._through("base", self._inner.base)

    async def prepare_fresh(self, place: Place) -> Prepared:
        return await self._through("prepare_fresh", lambda: self._inner.prepare_fresh(place))

    async def prepare_rework(self, place: Place, head: Commit, *, merge_base_in: bool) -> Prepared:
        work = lambda: self._inner.prepare_rework(place, head, merge_base_in=merge_base_in)  # noqa: E731
        return await self._through("prepare_rework", work)

    async def prepare_review(self, place: Place, reviewer: AgentId, head: Commit) -> Prepared:
        return await self._through(
            "prepare_review", lambda: self._inner.prepare_review(place, reviewer, head)
        )

    async def collect(
        self, place: Place, start: Commit, message: str, *, must_resolve: tuple[str, ...] = ()
    ) -> CollectAnswer:
        work = lambda: self._inner.collect(place, start, message, must_resolve=must_resolve)  # noqa: E731
        return await self._through("collect", work)

    async def save(self, place: Place, start: Commit, label: str) -> Commit | None:
        return await self._through("save", lambda: self._inner.save(place, start, label))

    async def push(self, branch: str, commit: Commit, expected: Commit | None) -> None:
        return await self._through("push", lambda: self._inner.push(branch, commit, expected))

    async def remote_head(self, branch: str) -> Commit | None:
        return await self._through("remote_head", lambda: self._inner.remote_head(branch))

    async def fetch_branch(self, branch: str, head: Commit) -> None:
        return await self._through("fetch_branch", lambda: self._inner.fetch_branch(branch, head))

    async def diff(self, base: Commit, head: Commit) -> str:
        return await self._through("diff", lambda: self._inner.diff(base, head))

    async def conflicts(self, base: Commit, head: Commit) -> tuple[str, ...]:
        return await self._through("conflicts", lambda: self._inner.conflicts(base, head))

    async def discard(self, task: TaskId) -> None:
        return await self._through("discard", lambda: self._inner.discard(task))


class FaultyLauncher:
    """Implements `ports.launcher.Launcher` over another one."""

    def __init__(self, inner: Launcher, faults: Passage) -> None:
        self._inner = inner
        self._through = faults.through

    async def launch(self, order: LaunchOrder) -> RunState:
        return await self._through("launch", lambda: self._inner.launch(order))

    async def look(self, run: RunId) -> RunState:
        return await self._through("look", lambda: self._inner.look(run))

    async def runs(self, sprint: SprintId) -> list[RunId]:
        return await self._through("runs", lambda: self._inner.runs(sprint))

    async def wait(self, run: RunId) -> Ended | GivenUp | Absent:
        return await self._through("wait", lambda: self._inner.wait(run))

    async def stop(self, run: RunId, grace: timedelta) -> RunState:
        return await self._through("stop", lambda: self._inner.stop(run, grace))

    async def renew_lease(self, run: RunId) -> None:
        return await self._through("renew_lease", lambda: self._inner.renew_lease(run))

    async def output(self, run: RunId, limit: int) -> Output:
        return await self._through("output", lambda: self._inner.output(run, limit))
