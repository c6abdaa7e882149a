"""Every shape of history that an agent may leave, and the one commit that is made of it."""

import hashlib
import os

import anyio
import pytest

from caloron_actors.domain.ids import Commit
from caloron_actors.ports.workspace import NoChange, Prepared, Unresolved
from tests.adapters.workspace.conftest import PLACE, Bench, git

BROKEN = "broken"


async def reworked(bench: Bench) -> tuple[Prepared, Commit]:
    """A branch with one commit on the forge, a base that moved on and conflicts, and a copy ready for its author."""
    start = (await bench.fresh()).start
    bench.write({"src/a.py": b"mine\n"})
    mine = await bench.collected(start)
    await bench.workspace.push(PLACE.branch, mine, None)
    bench.human_pushes("main", {"src/a.py": b"theirs\n", "base.txt": b"b\n"})
    return await bench.workspace.prepare_rework(PLACE, mine, merge_base_in=True), mine


async def test_the_made_commit_says_who_and_what(bench: Bench) -> None:
    prepared = await bench.fresh()
    bench.write({"new": b"n\n"})
    answer = await bench.workspace.collect(PLACE, prepared.start, "Add ünïcode\n\nBody\n")
    commit = Commit(str(getattr(answer, "commit", "")))
    assert bench.seen(commit, "%an|%ae|%cn|%s|%b") == "dev|dev@caloron.local|dev|Add ünïcode|Body"
    assert bench.parents(commit) == [prepared.start]
    # A new life of the service comes to the same commit.
    bench.workspace = bench.opened()
    assert await bench.workspace.collect(PLACE, prepared.start, "Add ünïcode\n\nBody\n") == answer


async def test_the_agent_can_commit_without_any_configuration(bench: Bench) -> None:
    await bench.fresh()
    bench.write({"new": b"n\n"})
    bench.agent("add", "--all")
    env = {"PATH": os.environ["PATH"], "HOME": "/nonexistent"}
    argv = ["git", "commit", "--quiet", "--message=mine"]
    await anyio.run_process(argv, cwd=bench.tree, env=env)
    who = bench.agent("log", "-1", "--format=%an <%ae> %cn")
    assert who == "dev <dev@caloron.local> dev"


async def test_a_branch_that_was_checked_out(bench: Bench) -> None:
    prepared = await bench.fresh()
    bench.agent("checkout", "--quiet", "-b", "feature/Deep.x")
    head = bench.agent_commits({"a": b"1\n"})
    assert await bench.collected(prepared.start) == head
    assert "refs/heads/feature/Deep.x" not in bench.refs()


async def test_a_repository_that_the_agent_packed(bench: Bench) -> None:
    prepared = await bench.fresh()
    bench.agent("checkout", "--quiet", "-b", "work")
    bench.agent_commits({"a": b"1\n"})
    head = bench.agent_commits({"a": b"2\n", "big": hashlib.shake_256().digest(1 << 20)})
    bench.agent("gc", "--quiet", "--prune=now")
    bench.agent("pack-refs", "--all")
    assert not (bench.tree / ".git/refs/heads/work").exists()
    assert list((bench.tree / ".git/objects/pack").glob("*.pack"))
    assert await bench.collected(prepared.start) == head


async def test_commits_that_were_amended_and_taken_back(bench: Bench) -> None:
    prepared = await bench.fresh()
    bench.agent_commits({"a": b"1\n"})
    bench.write({"a": b"2\n"})
    bench.agent("commit", "--quiet", "--all", "--amend", "--message=amended")
    amended = Commit(bench.agent("rev-parse", "HEAD"))
    assert await bench.collected(prepared.start) == amended
    bench.agent("reset", "--quiet", "--soft", "HEAD~1")
    squashed = await bench.collected(prepared.start)
    assert bench.parents(squashed) == [prepared.start]
    assert bench.files(squashed) == bench.files(amended)


async def test_a_head_behind_the_start_keeps_the_files(bench: Bench) -> None:
    bench.human_pushes("main", {"second": b"2\n"})
    prepared = await bench.fresh()
    bench.agent("reset", "--quiet", "HEAD~1")
    assert await bench.collect(prepared.start) == NoChange()
    bench.write({"a": b"1\n"})
    commit = await bench.collected(prepared.start)
    assert bench.parents(commit) == [prepared.start]
    assert {"second", "a"} < set(bench.files(commit))


async def test_history_that_began_anew_goes_on_top_of_the_start(bench: Bench) -> None:
    prepared = await bench.fresh()
    bench.agent("checkout", "--quiet", "--orphan", "anew")
    bench.agent_commits({"a": b"1\n", "README.md": None})
    bench.write({"b": b"2\n"})
    commit = await bench.collected(prepared.start)
    assert bench.parents(commit) == [prepared.start]
    assert set(bench.files(commit)) == {"src/a.py", ".gitignore", "a", "b"}
    assert bench.seen(commit, "%s") == "Work"


async def test_an_orphan_branch_without_a_commit(bench: Bench) -> None:
    prepared = await bench.fresh()
    bench.agent("checkout", "--quiet", "--orphan", "anew")
    bench.write({"a": b"1\n"})
    commit = await bench.collected(prepared.start)
    assert bench.parents(commit) == [prepared.start]


async def test_a_repository_that_was_made_anew(bench: Bench) -> None:
    prepared = await bench.fresh()
    (bench.tree / ".git").rename(bench.outside / "was-git")
    bench.agent("init", "--quiet")
    bench.agent_commits({"a": b"1\n"})
    commit = await bench.collected(prepared.start)
    assert bench.parents(commit) == [prepared.start]
    assert "a" in bench.files(commit)


async def test_a_merge_that_was_committed(bench: Bench) -> None:
    prepared, mine = await reworked(bench)
    assert prepared.conflicts == ("src/a.py",)
    bench.agent("merge", "--quiet", "origin/main", check=False)
    head = bench.agent_commits({"src/a.py": b"both\n"})
    assert await bench.collected(mine, *prepared.conflicts) == head
    assert bench.parents(head) == [mine, prepared.base]


async def test_a_merge_that_was_resolved_and_not_committed(bench: Bench) -> None:
    prepared, mine = await reworked(bench)
    bench.agent("merge", "--quiet", "origin/main", check=False)
    bench.write({"src/a.py": b"both\n"})
    commit = await bench.collected(mine, *prepared.conflicts)
    assert bench.parents(commit) == [mine, prepared.base]
    assert bench.content(commit, "src/a.py") == b"both\n"
    assert "base.txt" in bench.files(commit)
    assert commit == await bench.collected(mine, *prepared.conflicts)


async def test_a_merge_that_was_left_unresolved(bench: Bench) -> None:
    prepared, mine = await reworked(bench)
    bench.agent("merge", "--quiet", "origin/main", check=False)
    assert await bench.collect(mine, *prepared.conflicts) == Unresolved(("src/a.py",))


async def test_a_merge_head_of_the_agents_own_making(bench: Bench) -> None:
    prepared = await bench.fresh()
    bench.agent("checkout", "--quiet", "-b", "side")
    side = bench.agent_commits({"side": b"s\n"})
    bench.agent("checkout", "--quiet", "--detach", "origin/main")
    bench.write({"a": b"1\n"})
    (bench.tree / ".git/MERGE_HEAD").write_text(f"{side}\n{'1' * 40}\ngarbage\n")
    commit = await bench.collected(prepared.start)
    assert bench.parents(commit) == [prepared.start]


async def test_a_rebase_onto_the_base(bench: Bench) -> None:
    prepared, mine = await reworked(bench)
    bench.agent("rebase", "--quiet", "origin/main", check=False)
    assert "rebase" in str(await bench.collect(mine, *prepared.conflicts))
    assert await bench.workspace.save(PLACE, mine, "half-way") is not None
    bench.write({"src/a.py": b"both\n"})
    bench.agent("add", "--all")
    bench.agent("-c", "core.editor=true", "rebase", "--continue")
    head = Commit(bench.agent("rev-parse", "HEAD"))
    assert await bench.collected(mine, *prepared.conflicts) == head
    assert bench.parents(head) == [prepared.base]
    await bench.workspace.push(PLACE.branch, head, mine)
    assert await bench.workspace.remote_head(PLACE.branch) == head


async def test_a_base_that_moves_on_while_the_agent_resolves(bench: Bench) -> None:
    prepared, mine = await reworked(bench)
    bench.agent("merge", "--quiet", "origin/main", check=False)
    bench.write({"src/a.py": b"both\n"})
    bench.human_pushes("main", {"src/a.py": b"later\n"})
    await bench.workspace.base()
    assert bench.parents(await bench.collected(mine, *prepared.conflicts)) == [mine, prepared.base]


async def test_a_branch_of_nothing_but_the_base(bench: Bench) -> None:
    _, mine = await reworked(bench)
    bench.agent("reset", "--quiet", "--hard", "origin/main")
    assert "nothing beyond the base" in str(await bench.collect(mine))


async def test_markers_that_stand_in_the_base_are_meant(bench: Bench) -> None:
    bench.human_pushes("main", {"doc": b"<<<<<<< ours\nx\n>>>>>>> theirs\n"})
    start = (await bench.fresh()).start
    bench.write({"doc": b"<<<<<<< ours\nx\n>>>>>>> theirs\nmore\n"})
    await bench.collected(start, "doc")
    bench.write({"doc": b"<<<<<<< ours\nx\n>>>>>>> theirs\r\n<<<<<<< again\r\n"})
    assert await bench.collect(start, "doc") == Unresolved(("doc",))


async def test_another_tasks_commit_moves_nothing_of_that_task(bench: Bench) -> None:
    prepared = await bench.fresh()
    bench.write({"a": b"1\n"})
    mine = await bench.collected(prepared.start)
    bench.agent("update-ref", "refs/caloron/base", mine)
    bench.agent("update-ref", "refs/heads/main", mine)
    base = await bench.workspace.base()
    assert base == prepared.base
    assert bench.refs() == ["refs/caloron/base", f"refs/caloron/work/{PLACE.task}"]


def loose(bench: Bench, rev: str) -> str:
    """The path of a loose object of the agent's."""
    name = bench.agent("rev-parse", rev)
    return str(bench.tree / ".git/objects" / name[:2] / name[2:])


@pytest.mark.parametrize("rev", ["HEAD", "HEAD^{tree}", "HEAD:a", "HEAD~1"])
@pytest.mark.parametrize("how", ["missing", "truncated", "other"])
async def test_broken_objects_are_refused(bench: Bench, rev: str, how: str) -> None:
    prepared = await bench.fresh()
    bench.agent_commits({"a": b"0\n"})
    bench.agent_commits({"a": b"1\n"})
    other = bench.agent("hash-object", "-w", "--stdin", stdin=b"other\n")
    path = loose(bench, rev)
    os.chmod(path, 0o600)  # noqa: PTH101 - beside the calls that take it away
    if how == "missing":
        os.unlink(path)  # noqa: PTH108 - as above
    elif how == "truncated":
        os.truncate(path, 5)
    else:
        os.replace(loose(bench, other), path)  # noqa: PTH105 - as above
    for _ in range(2):
        assert BROKEN in str(await bench.collect(prepared.start))
    saved = await bench.workspace.save(PLACE, prepared.start, "kept")
    assert saved is not None
    assert bench.content(saved, "a") == b"1\n"
    assert bench.parents(saved) == [prepared.start]


async def test_a_head_that_is_nowhere_is_refused(bench: Bench) -> None:
    prepared = await bench.fresh()
    (bench.tree / ".git/HEAD").write_text(f"{'1' * 40}\n")
    assert BROKEN in str(await bench.collect(prepared.start))


@pytest.mark.parametrize("name", [".git", "..", "."])
async def test_trees_that_lead_out_are_refused(bench: Bench, name: str) -> None:
    prepared = await bench.fresh()
    blob = bench.agent("hash-object", "-w", "--stdin", stdin=b"x")
    entry = f"100644 {name}\0".encode() + bytes.fromhex(blob)
    tree = bench.agent("hash-object", "-w", "-t", "tree", "--literally", "--stdin", stdin=entry)
    head = bench.agent("commit-tree", tree, "-p", "HEAD", "-m", "x")
    (bench.tree / ".git/HEAD").write_text(f"{head}\n")
    assert BROKEN in str(await bench.collect(prepared.start))
    assert git(bench.mirror, "cat-file", "-t", head, check=False) == ""
