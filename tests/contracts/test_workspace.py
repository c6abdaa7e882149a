"""What every workspace promises, over the one in memory and the one with real git."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

import pytest

from caloron_actors.adapters.memory.clock import ManualClock
from caloron_actors.adapters.memory.workspace import MemoryRepository, MemoryWorkspace, edit
from caloron_actors.adapters.workspace import GitWorkspace, Remote
from caloron_actors.domain.ids import AgentId, Commit, SprintId, TaskId, branch_name
from caloron_actors.git import Git
from caloron_actors.ports.errors import NotFound, Rejected
from caloron_actors.ports.workspace import Collected, NoChange, Place, Unresolved, Unusable, Workspace

Changes = Mapping[str, bytes | None]
DEV, REVIEWER = AgentId("dev"), AgentId("rev")
TASK, OTHER = TaskId("task-1"), TaskId("task-2")
START = {"README.md": b"hello\n", "src/App [id].py": b"one\n"}
NOWHERE = Commit("1" * 40)


def place(task: TaskId = TASK) -> Place:
    return Place(task=task, agent=DEV, branch=branch_name(DEV, SprintId("s1"), task))


BRANCH = place().branch


class World(Protocol):
    """A workspace, its forge, and hands for the agents and for people who push."""

    workspace: Workspace

    def edit(self, task: TaskId, changes: Changes) -> None:
        """Write and delete files as the task's agent."""

    def commit(self, task: TaskId) -> None:
        """Commit everything as the task's agent."""

    def merge_base(self, task: TaskId, changes: Changes) -> None:
        """Merge the base branch as the task's agent, `changes` resolving what conflicts."""

    def seen(self, task: TaskId) -> dict[str, bytes]:
        """The files in the task's working copy."""

    def human_pushes(self, branch: str, changes: Changes) -> Commit:
        """Commit on top of a branch of the forge, made from `main` when it is new."""

    def files(self, commit: Commit) -> dict[str, bytes]:
        """The files of a commit."""

    def saved(self, task: TaskId) -> set[Commit]:
        """The commits on the task's hidden refs."""


class MemoryWorld:
    def __init__(self) -> None:
        self.repository = MemoryRepository(files=START)
        self._memory = MemoryWorkspace(self.repository)
        self.workspace: Workspace = self._memory

    def edit(self, task: TaskId, changes: Changes) -> None:
        edit(self._memory.copy(task).files, changes)

    def commit(self, task: TaskId) -> None:
        self._memory.copy(task).commit("by the agent")

    def merge_base(self, task: TaskId, changes: Changes) -> None:
        self._memory.copy(task).merge_base(changes)

    def seen(self, task: TaskId) -> dict[str, bytes]:
        return dict(self._memory.copy(task).files)

    def human_pushes(self, branch: str, changes: Changes) -> Commit:
        top = self.repository.head(branch) or self.repository.head("main")
        assert top is not None
        files = self.repository.files(top)
        edit(files, changes)
        commit = self.repository.commit(files, (top,), "by a human")
        self.repository.set_branch(branch, commit)
        return commit

    def files(self, commit: Commit) -> dict[str, bytes]:
        return self.repository.files(commit)

    def saved(self, task: TaskId) -> set[Commit]:
        return set(self._memory.saved.get(task, {}).values())


def git(cwd: Path, *args: str) -> bytes:
    """Git as people and agents use it, with an environment of their own."""
    env = {"PATH": os.environ["PATH"], "HOME": str(cwd), "GIT_CONFIG_GLOBAL": "/dev/null"}
    who = ["-c", "user.name=A Human", "-c", "user.email=human@example.org"] if cwd.name != "tree" else []
    return subprocess.run(["git", *who, *args], cwd=cwd, env=env, check=True, capture_output=True).stdout  # noqa: S607


def write(tree: Path, changes: Changes) -> None:
    for name, content in changes.items():
        path = tree / name
        if content is None:
            path.unlink()
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)


class GitWorld:
    def __init__(self, root: Path, program: Git) -> None:
        self.root = root / "workspace"
        self._forge = root / "forge.git"
        self._human = root / "human"
        git(root, "init", "--quiet", "--bare", "--initial-branch=main", str(self._forge))
        git(root, "init", "--quiet", "--initial-branch=main", str(self._human))
        git(self._human, "remote", "add", "origin", str(self._forge))
        write(self._human, START)
        git(self._human, "add", "--all")
        git(self._human, "commit", "--quiet", "--message=Begin")
        git(self._human, "push", "--quiet", "origin", "main")
        remote = Remote(str(self._forge))
        clock = ManualClock()
        self.workspace: Workspace = GitWorkspace(
            self.root, program, remote, base_branch="main", wall=lambda: clock.now().wall
        )

    def _tree(self, task: TaskId) -> Path:
        return self.root / "tasks" / task / "tree"

    def edit(self, task: TaskId, changes: Changes) -> None:
        write(self._tree(task), changes)

    def commit(self, task: TaskId) -> None:
        git(self._tree(task), "add", "--all")
        git(self._tree(task), "commit", "--quiet", "--allow-empty", "--message=by the agent")

    def merge_base(self, task: TaskId, changes: Changes) -> None:
        tree = self._tree(task)
        git(tree, "merge", "--quiet", "--no-commit", "--no-ff", "-s", "ours", "origin/main")
        git(tree, "checkout", "origin/main", "--", ".")
        write(tree, changes)
        self.commit(task)

    def seen(self, task: TaskId) -> dict[str, bytes]:
        tree = self._tree(task)
        paths = [
            path for path in tree.rglob("*") if path.is_file() and ".git" not in path.relative_to(tree).parts
        ]
        return {str(path.relative_to(tree)): path.read_bytes() for path in paths}

    def human_pushes(self, branch: str, changes: Changes) -> Commit:
        git(self._human, "fetch", "--quiet", "origin", "+refs/heads/*:refs/remotes/origin/*")
        known = git(self._human, "branch", "--remotes", "--list", f"origin/{branch}")
        git(self._human, "checkout", "--quiet", "--detach", f"origin/{branch if known else 'main'}")
        write(self._human, changes)
        git(self._human, "add", "--all")
        git(self._human, "commit", "--quiet", "--message=by a human")
        git(self._human, "push", "--quiet", "origin", f"HEAD:refs/heads/{branch}")
        return Commit(git(self._human, "rev-parse", "HEAD").decode().strip())

    def files(self, commit: Commit) -> dict[str, bytes]:
        mirror = self.root / "mirror.git"
        names = git(mirror, "ls-tree", "-r", "-z", "--name-only", commit).split(b"\0")
        return {
            name.decode(): git(mirror, "cat-file", "blob", f"{commit}:{name.decode()}")
            for name in names
            if name
        }

    def saved(self, task: TaskId) -> set[Commit]:
        out = git(
            self.root / "mirror.git", "for-each-ref", "--format=%(objectname)", f"refs/caloron/saved/{task}/"
        )
        return {Commit(line) for line in out.decode().split()}


@pytest.fixture(params=["memory", "git"])
async def world(request: pytest.FixtureRequest, tmp_path: Path) -> World:
    return MemoryWorld() if request.param == "memory" else GitWorld(tmp_path, await Git.find())


async def collected(world: World, start: Commit, task: TaskId = TASK) -> Commit:
    answer = await world.workspace.collect(place(task), start, "Work")
    assert isinstance(answer, Collected)
    return answer.commit


async def pushed(world: World, changes: Changes, task: TaskId = TASK) -> Commit:
    prepared = await world.workspace.prepare_fresh(place(task))
    world.edit(task, changes)
    commit = await collected(world, prepared.start, task)
    await world.workspace.push(place(task).branch, commit, None)
    return commit


async def test_a_fresh_copy_is_the_current_base(world: World) -> None:
    first = await world.workspace.prepare_fresh(place())
    assert world.seen(TASK) == START
    assert first.path == world.workspace.tree(TASK)
    assert first.start == first.base == await world.workspace.base()
    later = world.human_pushes("main", {"new": b"n\n"})
    again = await world.workspace.prepare_fresh(place())
    assert (again.start, again.base, again.path, again.conflicts) == (later, later, first.path, ())
    assert world.seen(TASK) == {**START, "new": b"n\n"}
    assert world.saved(TASK) == set()


async def test_uncommitted_work_becomes_one_commit(world: World) -> None:
    prepared = await world.workspace.prepare_fresh(place())
    world.edit(TASK, {"README.md": None, "src/App [id].py": b"two\n", "New File+Ü": b"\x00\xff"})
    commit = await collected(world, prepared.start)
    assert world.files(commit) == {"src/App [id].py": b"two\n", "New File+Ü": b"\x00\xff"}
    assert commit == await collected(world, prepared.start)


async def test_committed_work_is_taken_as_it_is_and_the_rest_on_top(world: World) -> None:
    prepared = await world.workspace.prepare_fresh(place())
    world.edit(TASK, {"a": b"1\n"})
    world.commit(TASK)
    first = await collected(world, prepared.start)
    assert world.files(first) == {**START, "a": b"1\n"}
    world.edit(TASK, {"b": b"2\n"})
    second = await collected(world, prepared.start)
    assert world.files(second) == {**START, "a": b"1\n", "b": b"2\n"}
    assert await world.workspace.diff(first, second) != ""


async def test_nothing_changed(world: World) -> None:
    prepared = await world.workspace.prepare_fresh(place())
    assert await world.workspace.collect(place(), prepared.start, "Work") == NoChange()
    world.commit(TASK)
    assert await world.workspace.collect(place(), prepared.start, "Work") == NoChange()
    assert await world.workspace.save(place(), prepared.start, "x") is None


async def test_a_copy_that_never_was(world: World) -> None:
    start = await world.workspace.base()
    assert isinstance(await world.workspace.collect(place(), start, "Work"), Unusable)
    with pytest.raises(NotFound):
        await world.workspace.collect(place(), NOWHERE, "Work")


async def test_pushing(world: World) -> None:
    assert await world.workspace.remote_head(BRANCH) is None
    commit = await pushed(world, {"a": b"1\n"})
    assert await world.workspace.remote_head(BRANCH) == commit
    await world.workspace.push(BRANCH, commit, None)
    await world.workspace.push(BRANCH, commit, NOWHERE)


async def test_pushing_over_somebody_is_rejected(world: World) -> None:
    commit = await pushed(world, {"a": b"1\n"})
    theirs = world.human_pushes(BRANCH, {"b": b"2\n"})
    start = (await world.workspace.prepare_rework(place(), commit, merge_base_in=False)).start
    world.edit(TASK, {"c": b"3\n"})
    mine = await collected(world, start)
    for expected in (commit, None):
        with pytest.raises(Rejected):
            await world.workspace.push(BRANCH, mine, expected)
    assert await world.workspace.remote_head(BRANCH) == theirs
    await world.workspace.push(BRANCH, mine, theirs)
    assert await world.workspace.remote_head(BRANCH) == mine


async def test_pushing_what_is_unknown_or_where_nothing_is(world: World) -> None:
    start = await world.workspace.base()
    with pytest.raises(NotFound):
        await world.workspace.push(BRANCH, NOWHERE, None)
    with pytest.raises(Rejected):
        await world.workspace.push(BRANCH, start, NOWHERE)


async def test_a_humans_push_is_fetched_and_reworked(world: World) -> None:
    await pushed(world, {"a": b"1\n"})
    theirs = world.human_pushes(BRANCH, {"a": b"2\n"})
    await world.workspace.fetch_branch(BRANCH, theirs)
    world.edit(TASK, {"left": b"over\n"})
    prepared = await world.workspace.prepare_rework(place(), theirs, merge_base_in=False)
    assert prepared.start == theirs
    assert world.seen(TASK) == {**START, "a": b"2\n"}
    world.edit(TASK, {"a": b"3\n"})
    commit = await collected(world, theirs)
    assert world.files(commit) == {**START, "a": b"3\n"}
    await world.workspace.push(BRANCH, commit, theirs)


async def test_fetching_what_the_branch_does_not_lead_to(world: World) -> None:
    await world.workspace.base()
    with pytest.raises(NotFound):
        await world.workspace.fetch_branch("no/such", NOWHERE)
    await pushed(world, {"a": b"1\n"})
    with pytest.raises(Rejected):
        await world.workspace.fetch_branch(BRANCH, NOWHERE)


async def test_rework_builds_a_copy_that_is_gone(world: World) -> None:
    commit = await pushed(world, {"a": b"1\n"})
    await world.workspace.discard(TASK)
    await world.workspace.prepare_rework(place(), commit, merge_base_in=False)
    assert world.seen(TASK) == {**START, "a": b"1\n"}


async def test_a_conflict_is_named_and_resolved_by_its_author(world: World) -> None:
    mine = await pushed(world, {"README.md": b"mine\n", "a": b"1\n"})
    base = world.human_pushes("main", {"README.md": b"theirs\n"})
    prepared = await world.workspace.prepare_rework(place(), mine, merge_base_in=True)
    assert (prepared.base, prepared.conflicts) == (base, ("README.md",))
    assert await world.workspace.conflicts(base, mine) == ("README.md",)
    assert world.seen(TASK)["README.md"] == b"mine\n"
    world.merge_base(TASK, {"README.md": b"both\n"})
    answer = await world.workspace.collect(place(), mine, "Work", must_resolve=prepared.conflicts)
    assert isinstance(answer, Collected)
    assert world.files(answer.commit) == {**START, "README.md": b"both\n", "a": b"1\n"}
    assert await world.workspace.conflicts(base, answer.commit) == ()
    await world.workspace.push(BRANCH, answer.commit, mine)


async def test_a_merge_that_gives_the_same_files_is_a_change(world: World) -> None:
    mine = await pushed(world, {"README.md": b"mine\n"})
    world.human_pushes("main", {"README.md": b"theirs\n"})
    await world.workspace.prepare_rework(place(), mine, merge_base_in=True)
    world.merge_base(TASK, {"README.md": b"mine\n"})
    answer = await world.workspace.collect(place(), mine, "Work", must_resolve=("README.md",))
    assert isinstance(answer, Collected)


async def test_a_conflict_left_or_marked_is_unresolved(world: World) -> None:
    mine = await pushed(world, {"README.md": b"mine\n"})
    world.human_pushes("main", {"README.md": b"theirs\n"})
    asked = (await world.workspace.prepare_rework(place(), mine, merge_base_in=True)).conflicts
    world.edit(TASK, {"other": b"o\n"})
    answer = await world.workspace.collect(place(), mine, "Work", must_resolve=asked)
    assert answer == Unresolved(("README.md",))
    await world.workspace.prepare_rework(place(), mine, merge_base_in=True)
    world.merge_base(TASK, {"README.md": b"<<<<<<< HEAD\nmine\n=======\ntheirs\n>>>>>>> x\n"})
    answer = await world.workspace.collect(place(), mine, "Work", must_resolve=asked)
    assert answer == Unresolved(("README.md",))
    world.edit(TASK, {"README.md": b"Title\n=======\nboth\n"})
    assert isinstance(await world.workspace.collect(place(), mine, "Work", must_resolve=asked), Collected)


async def test_a_review_is_apart_from_the_author(world: World) -> None:
    mine = await pushed(world, {"a": b"1\n"})
    review = await world.workspace.prepare_review(place(), REVIEWER, mine)
    again = await world.workspace.prepare_review(place(), REVIEWER, mine)
    author = await world.workspace.prepare_rework(place(), mine, merge_base_in=False)
    assert review == again
    assert review.start == mine
    assert review.path != author.path
    with pytest.raises(Rejected):
        await world.workspace.prepare_review(place(), REVIEWER, NOWHERE)


async def test_the_diff_is_what_the_branch_adds(world: World) -> None:
    mine = await pushed(world, {"README.md": b"hello\nmore\n", "a/b c": b"\xff\n"})
    base = world.human_pushes("main", {"unrelated": b"u\n"})
    await world.workspace.base()
    text = await world.workspace.diff(base, mine)
    assert "+++ b/README.md\n" in text
    assert "--- /dev/null\n" in text
    assert "\n+more\n" in text
    assert "\n+\N{REPLACEMENT CHARACTER}\n" in text
    assert "unrelated" not in text
    assert await world.workspace.diff(mine, mine) == ""
    with pytest.raises(NotFound):
        await world.workspace.diff(base, NOWHERE)


async def test_work_is_kept_before_it_goes(world: World) -> None:
    prepared = await world.workspace.prepare_fresh(place())
    world.edit(TASK, {"a": b"1\n"})
    saved = await world.workspace.save(place(), prepared.start, "attempt-1")
    assert saved is not None
    assert saved == await world.workspace.save(place(), prepared.start, "attempt-1")
    assert world.files(saved) == {**START, "a": b"1\n"}
    world.edit(TASK, {"a": b"2\n"})
    await world.workspace.prepare_fresh(place())
    assert world.seen(TASK) == START
    world.edit(TASK, {"a": b"3\n"})
    await world.workspace.discard(TASK)
    await world.workspace.discard(TASK)
    assert sorted(world.files(commit)["a"] for commit in world.saved(TASK)) == [b"1\n", b"2\n", b"3\n"]
    assert isinstance(await world.workspace.collect(place(), prepared.start, "Work"), Unusable)


async def test_tasks_do_not_touch_each_other(world: World) -> None:
    first = await pushed(world, {"a": b"1\n"})
    second = await pushed(world, {"b": b"2\n"}, OTHER)
    assert world.seen(TASK) == {**START, "a": b"1\n"}
    assert world.files(second) == {**START, "b": b"2\n"}
    await world.workspace.discard(OTHER)
    assert world.seen(TASK) == {**START, "a": b"1\n"}
    assert await world.workspace.remote_head(BRANCH) == first
