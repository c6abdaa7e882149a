"""The typed commands against real git in real repositories."""

import os
import signal
from datetime import UTC, datetime
from pathlib import Path

import anyio
import pytest

from caloron_actors.domain.ids import Commit
from caloron_actors.git import Git, GitFailed, Identity, TreeConflict, TreeMerged

WHO = Identity("Ada", "ada@example.org")
WHEN = datetime(2024, 2, 29, 12, 0, tzinfo=UTC)
Files = dict[str, bytes]


@pytest.fixture
async def git() -> Git:
    return await Git.find()


@pytest.fixture
async def repo(git: Git, tmp_path: Path) -> Path:
    await git.init_bare(tmp_path / "a repo.git", initial_branch="trunk")
    return tmp_path / "a repo.git"


async def tree_of(git: Git, repo: Path, files: Files) -> str:
    entries = b""
    index = repo / "scratch-index"
    index.unlink(missing_ok=True)
    for name, content in files.items():
        blob = await git.call("hash-object", "-w", "--stdin", git_dir=repo, stdin=content)
        entries += b"100644 " + blob.strip() + b"\t" + os.fsencode(name) + b"\0"
    await git.call("update-index", "-z", "--index-info", git_dir=repo, index=index, stdin=entries)
    return (await git.call("write-tree", git_dir=repo, index=index)).decode().strip()


async def commit(git: Git, repo: Path, files: Files, *parents: Commit, message: str = "work") -> Commit:
    tree = await tree_of(git, repo, files)
    return await git.commit_tree(repo, tree, parents, message, identity=WHO, when=WHEN)


async def test_a_commit_is_deterministic_and_found_by_its_ref(git: Git, repo: Path) -> None:
    one = await commit(git, repo, {"a": b"1"})
    assert one == await commit(git, repo, {"a": b"1"})
    await git.update_ref(repo, "refs/heads/trunk", one, None)
    assert await git.resolve(repo, "refs/heads/trunk") == one
    assert await git.resolve(repo, "HEAD") == one
    assert await git.resolve(repo, one) == one
    assert await git.resolve(repo, "refs/heads/nothing") is None
    assert await git.resolve(repo, "--all") is None
    assert await git.resolve(repo, "1" * 40) is None
    shown = await git.call("log", "-1", "--format=%an %ae %at %cn %s", git_dir=repo)
    assert shown == b"Ada ada@example.org 1709208000 Ada work\n"


async def test_resolving_in_no_repository_is_a_failure(git: Git, tmp_path: Path) -> None:
    with pytest.raises(GitFailed, match="not a git repository"):
        await git.resolve(tmp_path, "HEAD")


async def test_a_ref_moves_only_from_where_it_is_expected(git: Git, repo: Path) -> None:
    one = await commit(git, repo, {"a": b"1"})
    two = await commit(git, repo, {"a": b"2"}, one)
    await git.update_ref(repo, "refs/heads/x", one, None)
    with pytest.raises(GitFailed):
        await git.update_ref(repo, "refs/heads/x", two, None)
    with pytest.raises(GitFailed):
        await git.update_ref(repo, "refs/heads/x", one, two)
    await git.update_ref(repo, "refs/heads/x", two, one)
    with pytest.raises(GitFailed):
        await git.update_ref(repo, "refs/heads/x", None, one)
    await git.update_ref(repo, "refs/heads/x", None, two)
    await git.update_ref(repo, "refs/heads/x", None, None)
    assert await git.resolve(repo, "refs/heads/x") is None


async def test_trees_merge_or_name_their_conflicts(git: Git, repo: Path) -> None:
    odd = "Ü b\n[id]*\udcff"
    base = await commit(git, repo, {"a": b"1\n", odd: b"1\n", "gone": b"1\n"})
    left = await commit(git, repo, {"a": b"2\n", odd: b"2\n"}, base)
    right = await commit(git, repo, {"a": b"1\n", odd: b"3\n", "gone": b"2\n"}, base)
    beside = await commit(git, repo, {"a": b"1\n", odd: b"1\n", "gone": b"1\n", "new": b"n"}, base)
    assert await git.merge_tree(repo, left, right) == TreeConflict(("gone", "Ü b\n[id]*\\xff"))
    merged = await git.merge_tree(repo, left, beside)
    assert merged == TreeMerged(await tree_of(git, repo, {"a": b"2\n", odd: b"2\n", "new": b"n"}))
    alone = await commit(git, repo, {"z": b"z"})
    assert await git.merge_tree(repo, left, alone) == TreeConflict((), unrelated=True)
    with pytest.raises(GitFailed):
        await git.merge_tree(repo, left, Commit("1" * 40))


async def test_ancestry(git: Git, repo: Path) -> None:
    base = await commit(git, repo, {"a": b"1"})
    left = await commit(git, repo, {"a": b"2"}, base)
    right = await commit(git, repo, {"a": b"3"}, base)
    alone = await commit(git, repo, {"z": b"z"})
    assert await git.is_ancestor(repo, base, left)
    assert await git.is_ancestor(repo, left, left)
    assert not await git.is_ancestor(repo, left, right)
    assert await git.merge_base(repo, left, right) == base
    assert await git.merge_base(repo, left, alone) is None
    with pytest.raises(GitFailed):
        await git.is_ancestor(repo, base, Commit("1" * 40))


async def test_a_diff_is_plain_and_whole(git: Git, repo: Path) -> None:
    base = await commit(git, repo, {"a": b"1\n", ".gitattributes": b"* diff=evil\n"})
    head = await commit(git, repo, {"a": b"2\n", ".gitattributes": b"* diff=evil\n"}, base)
    await git.call("config", "diff.evil.command", f"touch {repo}/ran", git_dir=repo)
    await git.call("config", "diff.noprefix", "true", git_dir=repo)
    text = await git.diff(repo, base, head)
    assert text.startswith(b"diff --git a/a b/a\n")
    assert text.endswith(b"-1\n+2\n")
    assert not (repo / "ran").exists()


async def test_failures_are_one_line_without_configuration(git: Git, repo: Path) -> None:
    with pytest.raises(GitFailed) as failed:
        await git.call(
            "cat-file", "-p", "nothing", git_dir=repo, secret_config=[("http.extraHeader", "S3CRET")]
        )
    assert failed.value.code == 128
    assert "\n" not in str(failed.value)
    assert "S3CRET" not in str(failed.value)
    assert str(failed.value).startswith("git cat-file: ")


async def test_large_input_and_output_pass_together(git: Git, repo: Path) -> None:
    content = bytes(range(256)) * 40_000
    blob = (await git.call("hash-object", "-w", "--stdin", git_dir=repo, stdin=content)).decode().strip()
    out = await git.call("cat-file", "--batch", git_dir=repo, stdin=f"{blob}\n".encode() * 3)
    assert out.count(content) == 3


async def test_a_process_that_ends_before_its_input_is_read(git: Git) -> None:
    done = await git.run("version", stdin=b"x" * 1_000_000)
    assert done.code == 0


async def test_configuration_from_outside_is_not_read(git: Git, repo: Path, tmp_path: Path) -> None:
    (repo / "commondir").write_text("../elsewhere\n")
    assert (await git.call("config", "core.hooksPath", git_dir=repo)) == b"/dev/null\n"
    assert (await git.run("config", "user.name", git_dir=repo)).code == 1
    pairs = [("user.name", "x y")]
    assert (await git.call("config", "user.name", git_dir=repo, config=pairs)) == b"x y\n"


async def test_objects_apart_with_alternates_whose_paths_have_colons(git: Git, tmp_path: Path) -> None:
    repo = tmp_path / 'with:colon "q".git'
    await git.init_bare(repo, initial_branch="main")
    known = await commit(git, repo, {"a": b"1"})
    aside = tmp_path / "aside"
    aside.mkdir()
    blob = await git.call(
        "hash-object",
        "-w",
        "--stdin",
        git_dir=repo,
        objects=aside,
        alternates=[repo / "objects"],
        stdin=b"new",
    )
    assert (aside / blob[:2].decode() / blob[2:40].decode()).is_file()
    assert (await git.run("cat-file", "-e", blob.decode().strip(), git_dir=repo)).code != 0
    where = await git.call(
        "cat-file", "-t", known, git_dir=repo, objects=aside, alternates=[repo / "objects"]
    )
    assert where == b"commit\n"


async def test_a_timeout_ends_the_process(git: Git, repo: Path) -> None:
    with pytest.raises(GitFailed, match="took too long") as failed:
        # A smudge-less alias that waits for ever, in a process of its own below git.
        await git.call("wait", timeout=0.2, git_dir=repo, config=[("alias.wait", "!exec sleep 1000")])
    assert failed.value.timed_out


async def test_cancelling_ends_the_whole_group(git: Git, repo: Path, tmp_path: Path) -> None:
    fifo = tmp_path / "alive"
    os.mkfifo(fifo)
    script = f"!exec 3>{fifo}; sleep 1000 & sleep 1000"
    async with anyio.create_task_group() as tasks:

        async def waits() -> None:
            await git.call("wait", git_dir=repo, config=[("alias.wait", script)])

        tasks.start_soon(waits)
        reader = await anyio.to_thread.run_sync(os.open, fifo, os.O_RDONLY)
        tasks.cancel_scope.cancel()
    # The end of the file comes when the last holder of its other end, child or grandchild, is gone.
    assert await anyio.to_thread.run_sync(os.read, reader, 1) == b""
    os.close(reader)


async def test_http_backend_streams(git: Git, repo: Path) -> None:
    one = await commit(git, repo, {"a": b"1"})
    await git.update_ref(repo, "refs/heads/trunk", one, None)
    cgi = {
        "GIT_PROJECT_ROOT": str(repo.parent),
        "GIT_HTTP_EXPORT_ALL": "1",
        "REQUEST_METHOD": "GET",
        "PATH_INFO": f"/{repo.name}/info/refs",
        "QUERY_STRING": "service=git-upload-pack",
        "REMOTE_USER": "somebody",
        "REMOTE_ADDR": "127.0.0.1",
    }
    async with git.stream("http-backend", extra_env=cgi) as running:
        await running.stdin.aclose()
        answer = b"".join([chunk async for chunk in running.stdout])
        assert await running.wait() == 0
        assert running.errors() == ""
    assert b"Content-Type: application/x-git-upload-pack-advertisement" in answer
    assert one.encode() in answer


async def test_leaving_a_stream_early_ends_it(git: Git, repo: Path) -> None:
    async with git.stream("cat-file", "--batch", git_dir=repo) as running:
        await running.stdin.send(b"HEAD\n")
        assert await running.stdout.receive() == b"HEAD missing\n"
    # Its input was closed, and then it was asked to end: whichever came first.
    assert await running.wait() in (0, -signal.SIGTERM)
