"""What every forge adapter promises: in memory, and the HTTP client against the embedded forge on TCP and Unix sockets."""

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from hashlib import sha1
from itertools import count
from pathlib import Path
from typing import Literal, Protocol

import anyio
import pytest

from caloron_actors.adapters.github import Credential, GitHubForge
from caloron_actors.adapters.http import bind_tcp, bind_unix, serve_asgi
from caloron_actors.adapters.memory.clock import ManualClock
from caloron_actors.adapters.memory.forge import Branches, Human, MemoryForge
from caloron_actors.domain.ids import AgentId, Commit
from caloron_actors.git import Git, Identity
from caloron_actors.localforge import LocalForge
from caloron_actors.ports.errors import NotFound, Rejected, Unauthorized
from caloron_actors.ports.forge import Forge, HeadMoved, Merged, NotMergeable, PullRequestSeen

REPOSITORY = "acme/tool"
REV, SELF = AgentId("rev"), AgentId("self")
"""A reviewer with an account of its own, and one that shares the author's."""
MINUTE = timedelta(minutes=1)
NOWHERE = 9999
Permission = Literal["admin", "write", "read"]


class Person(Protocol):
    """Someone outside the service who acts on the forge."""

    async def comment(self, number: int, body: str) -> None: ...
    async def review(self, pull: PullRequestSeen, verdict: Literal["approve", "request_changes"]) -> None: ...
    async def merge(self, pull: PullRequestSeen) -> None: ...
    async def close(self, number: int) -> None: ...


class Room(Protocol):
    """A forge with one repository, its clock, its branches and its people."""

    forge: Forge
    clock: ManualClock

    async def push(self, branch: str, text: str) -> Commit:
        """Commit `text` as the content of the one file, on top of `branch` or, for a new one, of main."""
        ...

    async def grant(self, login: str, permission: Permission) -> Person: ...


class MemoryPerson:
    def __init__(self, human: Human) -> None:
        self._human = human

    async def comment(self, number: int, body: str) -> None:
        self._human.comment(number, body)

    async def review(self, pull: PullRequestSeen, verdict: Literal["approve", "request_changes"]) -> None:
        self._human.review(pull.number, verdict, "as a human")

    async def merge(self, pull: PullRequestSeen) -> None:
        self._human.merge(pull.number)

    async def close(self, number: int) -> None:
        try:
            self._human.close_issue(number)
        except NotFound:
            self._human.close_pull_request(number)


class MemoryRoom:
    def __init__(self) -> None:
        self.clock = ManualClock()
        self._branches = Branches()
        self._texts = {"main": "start"}
        self._branches.set_branch("main", _name("main", "start"))
        self._forge = MemoryForge(
            REPOSITORY,
            lambda: self.clock.now().wall,
            reviewer_logins={REV: "rev-bot", SELF: "caloron"},
            git=self._branches,
        )
        self.forge: Forge = self._forge

    async def push(self, branch: str, text: str) -> Commit:
        commit = _name(branch, text)
        self._texts[branch] = text
        self._branches.set_branch(branch, commit)
        if branch == "main":
            for other in self._texts.keys() - {"main"}:
                self._branches.set_conflict(_name(other, self._texts[other]))
        return commit

    async def grant(self, login: str, permission: Permission) -> Person:
        self._forge.grant(login, permission)
        return MemoryPerson(self._forge.as_human(login))


def _name(branch: str, text: str) -> Commit:
    return Commit(sha1(f"{branch} {text}".encode(), usedforsecurity=False).hexdigest())


class LocalPerson:
    def __init__(self, client: GitHubForge) -> None:
        self._client = client

    async def comment(self, number: int, body: str) -> None:
        await self._client.comment(number, body)

    async def review(self, pull: PullRequestSeen, verdict: Literal["approve", "request_changes"]) -> None:
        await self._client.submit_review(pull.number, SELF, verdict, "as a human", pull.head)

    async def merge(self, pull: PullRequestSeen) -> None:
        await self._client.merge(pull.number, pull.head, "by hand")

    async def close(self, number: int) -> None:
        await self._client.close_issue(number)


@dataclass
class LocalRoom:
    local: LocalForge
    git: Git
    path: Path
    url: str
    uds: Path | None
    clock: ManualClock
    clients: AsyncExitStack
    forge: Forge = field(init=False)

    async def client(self, token: str, reviewer: str) -> GitHubForge:
        reviewers = {REV: Credential(reviewer), SELF: Credential(token)}
        made = GitHubForge(
            self.url, REPOSITORY, Credential(token), reviewers, lambda: self.clock.now().wall, uds=self.uds
        )
        return await self.clients.enter_async_context(made)

    async def push(self, branch: str, text: str) -> Commit:
        git, where = self.git, self.path
        blob = (
            (await git.call("hash-object", "-w", "--stdin", stdin=text.encode(), git_dir=where))
            .decode()
            .strip()
        )
        entry = f"100644 blob {blob}\tfile.txt\n".encode()
        tree = (await git.call("mktree", stdin=entry, git_dir=where)).decode().strip()
        old = await git.resolve(where, f"refs/heads/{branch}")
        parent = old or await git.resolve(where, "refs/heads/main")
        who = Identity("dev", "dev@example.invalid")
        parents = [] if parent is None else [parent]
        commit = await git.commit_tree(where, tree, parents, text, identity=who, when=self.clock.now().wall)
        await git.update_ref(where, f"refs/heads/{branch}", commit, old)
        return commit

    async def grant(self, login: str, permission: Permission) -> Person:
        token = await self.local.ensure_user(login)
        await self.local.grant(REPOSITORY, login, permission)
        return LocalPerson(await self.client(token, token))


@asynccontextmanager
async def local_room(directory: Path, uds: Path | None) -> AsyncGenerator[LocalRoom, None]:
    clock, git, tokens = ManualClock(), await Git.find(), count(1)
    opened = LocalForge.open(
        directory, git, wall=lambda: clock.now().wall, token=lambda: f"secret{next(tokens)}"
    )
    listener = bind_tcp("127.0.0.1", 0) if uds is None else bind_unix(uds, 0o600)
    url = "http://forge.local" if uds is not None else f"http://127.0.0.1:{listener.getsockname()[1]}"
    async with opened as local, anyio.create_task_group() as group, AsyncExitStack() as clients:
        await group.start(serve_asgi, local.app, [listener])
        token, reviewer = await local.ensure_user("caloron"), await local.ensure_user("rev-bot")
        await local.ensure_user("acme-admin")
        path = await local.ensure_repository(REPOSITORY, owner_login="acme-admin", default_branch="main")
        await local.grant(REPOSITORY, "caloron", "write")
        await local.grant(REPOSITORY, "rev-bot", "write")
        room = LocalRoom(local, git, path, url, uds, clock, clients)
        await room.push("main", "start")
        room.forge = await room.client(token, reviewer)
        yield room
        await clients.aclose()
        group.cancel_scope.cancel()


@pytest.fixture(params=["memory", "tcp", "unix"])
async def room(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncGenerator[Room, None]:
    if request.param == "memory":
        yield MemoryRoom()
    else:
        async with local_room(
            tmp_path / "forge", tmp_path / "s" if request.param == "unix" else None
        ) as made:
            yield made


async def work(room: Room, branch: str = "work", body: str = "") -> PullRequestSeen:
    """A new branch and its pull request."""
    await room.push(branch, f"the work of {branch}")
    number = await room.forge.open_pull_request(f"Do {branch}", body, branch, "main")
    return await room.forge.pull_request(number)


async def test_issues(room: Room) -> None:
    forge = room.forge
    first = await forge.create_issue("One", "the body\nof one", ["caloron:task", "new one"])
    start = (await forge.issue(first)).updated_at
    room.clock.advance(MINUTE)
    second = await forge.create_issue("Two", "", [])
    pull = await work(room)
    seen = await forge.issue(first)
    assert (seen.number, seen.title, seen.body, seen.state) == (first, "One", "the body\nof one", "open")
    assert (seen.author, seen.closed_by) == ("caloron", None)
    assert sorted(seen.labels) == ["caloron:task", "new one"]
    assert [each.number for each in await forge.issues()] == [first, second]
    assert [each.number for each in await forge.issues(since=start)] == [first, second]
    assert [each.number for each in await forge.issues(since=start + timedelta(milliseconds=900))] == [
        first,
        second,
    ]
    assert [each.number for each in await forge.issues(since=start + MINUTE)] == [second]
    await forge.close_issue(first)
    await forge.close_issue(first)
    seen = await forge.issue(first)
    assert (seen.state, seen.closed_by) == ("closed", "caloron")
    assert [each.number for each in await forge.issues(since=start + MINUTE)] == [first, second]
    with pytest.raises(NotFound):
        await forge.issue(pull.number)


async def test_more_issues_and_comments_than_fit_a_page(room: Room) -> None:
    numbers = [await room.forge.create_issue(f"Issue {n}", "", []) for n in range(105)]
    ids = [await room.forge.comment(numbers[0], f"comment {n}") for n in range(105)]
    assert [each.number for each in await room.forge.issues()] == numbers
    assert [each.id for each in await room.forge.comments(numbers[0])] == ids


async def test_comments(room: Room) -> None:
    issue, pull = await room.forge.create_issue("One", "", []), (await work(room)).number
    human = await room.grant("ann", "read")
    for number in (issue, pull):
        start = room.clock.now().wall
        first = await room.forge.comment(number, "first <!-- mark --> \u00fc")
        room.clock.advance(MINUTE)
        await human.comment(number, "second")
        seen = await room.forge.comments(number)
        assert seen[0].id == first
        assert [(each.author, each.body) for each in seen] == [
            ("caloron", "first <!-- mark --> \u00fc"),
            ("ann", "second"),
        ]
        assert seen[0].created_at == start
        assert await room.forge.comments(number, since=start + MINUTE) == seen[1:]
        assert await room.forge.comments(number, since=start) == seen


async def test_labels(room: Room) -> None:
    forge = room.forge
    number = await forge.create_issue("One", "", ["a"])
    await forge.add_labels(number, ["a", "caloron:done", "b/c d"])
    await forge.add_labels(number, [])
    assert sorted((await forge.issue(number)).labels) == ["a", "b/c d", "caloron:done"]
    for _ in range(2):
        await forge.remove_label(number, "b/c d")
    assert sorted((await forge.issue(number)).labels) == ["a", "caloron:done"]
    pull = (await work(room)).number
    await forge.add_labels(pull, ["a"])
    await forge.remove_label(pull, "a")


async def test_what_does_not_exist_is_not_found(room: Room) -> None:
    forge, issue = room.forge, await room.forge.create_issue("One", "", [])
    for call in (
        lambda: forge.issue(NOWHERE),
        lambda: forge.close_issue(NOWHERE),
        lambda: forge.comment(NOWHERE, "x"),
        lambda: forge.comments(NOWHERE),
        lambda: forge.add_labels(NOWHERE, ["x"]),
        lambda: forge.remove_label(NOWHERE, "x"),
        lambda: forge.pull_request(issue),
        lambda: forge.reviews(issue),
        lambda: forge.merge(issue, Commit("0" * 40), "x"),
        lambda: forge.submit_review(issue, REV, "approve", "x", Commit("0" * 40)),
    ):
        with pytest.raises(NotFound):
            await call()


async def test_accounts_and_permissions(room: Room) -> None:
    assert room.forge.repository == REPOSITORY
    assert await room.forge.author_login() == "caloron"
    assert await room.forge.reviewer_login(REV) == "rev-bot"
    with pytest.raises(Unauthorized):
        await room.forge.reviewer_login(AgentId("nobody"))
    levels: tuple[Permission, ...] = ("admin", "write", "read")
    for level in levels:
        await room.grant(f"human-{level}", level)
        assert await room.forge.permission(f"human-{level}") == level
    assert await room.forge.permission("stranger") == "none"


async def test_pull_requests_follow_their_branches(room: Room) -> None:
    forge, commit = room.forge, await room.push("work", "one")
    start = room.clock.now().wall
    number = await forge.open_pull_request("Do it", "the body", "work", "main")
    seen = await forge.pull_request(number)
    assert (seen.number, seen.title, seen.body, seen.state) == (number, "Do it", "the body", "open")
    assert (seen.author, seen.head_branch, seen.head, seen.base_branch) == ("caloron", "work", commit, "main")
    assert (seen.merged, seen.merge_commit, seen.merged_by, seen.mergeable) == (False, None, None, True)
    other = await work(room, "other")
    room.clock.advance(MINUTE)
    moved = await room.push("work", "two")
    assert (await forge.pull_request(number)).head == moved
    assert [each.number for each in await forge.pull_requests()] == [number, other.number]
    listed = await forge.pull_requests(head="work")
    assert [(each.number, each.head, each.mergeable, each.merged_by) for each in listed] == [
        (number, moved, None, None)
    ]
    assert [each.number for each in await forge.pull_requests(since=start + MINUTE)] == [number]
    assert await forge.pull_requests(head="work", since=start + 2 * MINUTE) == []
    assert await forge.pull_requests(head="none") == []


async def test_pull_requests_that_cannot_be_opened(room: Room) -> None:
    await work(room)
    for head, base in (("none", "main"), ("work", "none"), ("work", "main"), ("main", "main")):
        with pytest.raises(Rejected) as raised:
            await room.forge.open_pull_request("Again", "", head, base)
        assert raised.value.code == 422


async def test_reviews(room: Room) -> None:
    forge, pull = room.forge, await work(room)
    human = await room.grant("ann", "write")
    asked = await forge.submit_review(pull.number, REV, "request_changes", "why not", pull.head)
    room.clock.advance(MINUTE)
    head = await room.push("work", "better")
    await human.review(await forge.pull_request(pull.number), "request_changes")
    given = await forge.submit_review(pull.number, REV, "approve", "", head)
    assert (asked.author, asked.state, asked.body, asked.commit) == (
        "rev-bot",
        "changes_requested",
        "why not",
        pull.head,
    )
    seen = await forge.reviews(pull.number)
    assert (seen[0], seen[2]) == (asked, given)
    assert (seen[1].author, seen[1].state, seen[1].commit) == ("ann", "changes_requested", head)
    assert (given.state, given.commit, given.submitted_at) == ("approved", head, room.clock.now().wall)


async def test_nobody_approves_what_is_their_own(room: Room) -> None:
    pull = await work(room)
    with pytest.raises(Rejected) as raised:
        await room.forge.submit_review(pull.number, SELF, "approve", "fine", pull.head)
    assert raised.value.code == 422
    assert await room.forge.reviews(pull.number) == []


async def test_a_merge_closes_what_its_text_says(room: Room) -> None:
    forge = room.forge
    issue, other = await forge.create_issue("One", "", []), await forge.create_issue("Two", "", [])
    pull = await work(room, body=f"Closes #{issue}, not {other}")
    answer = await forge.merge(pull.number, pull.head, "Merge the work")
    assert isinstance(answer, Merged)
    seen = await forge.pull_request(pull.number)
    assert (seen.state, seen.merged, seen.merge_commit, seen.merged_by) == (
        "closed",
        True,
        answer.commit,
        "caloron",
    )
    closed = await forge.issue(issue)
    assert (closed.state, closed.closed_by) == ("closed", "caloron")
    assert (await forge.issue(other)).state == "open"
    assert isinstance(await forge.merge(pull.number, pull.head, "again"), NotMergeable)


async def test_a_merge_of_another_head_or_with_a_conflict_does_nothing(room: Room) -> None:
    forge, pull = room.forge, await work(room)
    head = await room.push("work", "two")
    assert await forge.merge(pull.number, pull.head, "Merge") == HeadMoved()
    await room.push("main", "something else")
    assert (await forge.pull_request(pull.number)).mergeable is False
    assert isinstance(await forge.merge(pull.number, head, "Merge"), NotMergeable)
    assert not (await forge.pull_request(pull.number)).merged


async def test_humans_merge_and_close(room: Room) -> None:
    forge, first, second = room.forge, await work(room, "first"), await work(room, "second")
    issue = await forge.create_issue("One", "", [])
    ann, bob = await room.grant("ann", "write"), await room.grant("bob", "read")
    with pytest.raises(Unauthorized):
        await bob.merge(first)
    with pytest.raises(Unauthorized):
        await bob.close(issue)
    await ann.close(issue)
    await ann.close(second.number)
    await ann.merge(first)
    assert (await forge.issue(issue)).closed_by == "ann"
    seen = await forge.pull_request(first.number)
    assert (seen.merged, seen.merged_by) == (True, "ann")
    seen = await forge.pull_request(second.number)
    assert (seen.state, seen.merged, seen.mergeable) == ("closed", False, None)
    assert isinstance(await forge.merge(second.number, second.head, "Merge"), NotMergeable)
