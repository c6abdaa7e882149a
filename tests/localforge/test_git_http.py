"""Real git over HTTP: clone, push, refusals; and pull requests that follow what is pushed."""

from pathlib import Path

from anyio import to_thread

from tests.localforge.conftest import Running, commit, git

DEMO = "/repos/local/demo"


async def run(where: Path, *args: str, check: bool = True) -> str:
    return await to_thread.run_sync(lambda: git(where, *args, check=check))


async def test_clone_and_push_a_branch(running: Running, tmp_path: Path) -> None:
    await run(tmp_path, "clone", "-q", running.remote("author"), "work")
    work = tmp_path / "work"
    await run(work, "checkout", "-qb", "agent/one")
    head = commit(work, "one.txt", "x" * 200_000)
    await run(work, "push", "-q", "origin", "agent/one")
    assert (await run(work, "ls-remote", "origin", "refs/heads/agent/one")).split()[0] == head
    async with running.client() as client:
        ref = (await client.get(f"{DEMO}/git/ref/heads/agent/one")).json()
        assert ref["object"]["sha"] == head
        asked = {"title": "One", "head": "agent/one", "base": "main"}
        assert (await client.post(f"{DEMO}/pulls", json=asked)).status_code == 201
        moved = commit(work, "two.txt", "y")
        await run(work, "push", "-q", "origin", "agent/one")
        listed = (await client.get(f"{DEMO}/pulls")).json()
        assert [pull["head"]["sha"] for pull in listed] == [moved]
        await run(work, "push", "-q", "origin", "--delete", "agent/one")
        assert (await client.get(f"{DEMO}/pulls/1")).json()["state"] == "closed"


async def test_protocol_two_and_compressed_bodies_work(running: Running, tmp_path: Path) -> None:
    await run(tmp_path, "-c", "protocol.version=2", "clone", "-q", running.remote("guest"), "work")
    work = tmp_path / "work"
    # So many haves make git compress its request.
    await to_thread.run_sync(lambda: [commit(work, "file.txt", f"{number}\n") for number in range(60)])
    source = tmp_path / "source"
    head = commit(source, "more.txt", "more\n")
    await run(source, "push", "-q", str(running.forge.repository_path("local/demo")), "main")
    await run(work, "-c", "protocol.version=2", "fetch", "-q", "origin")
    assert await run(work, "rev-parse", "origin/main") == head


async def test_pushes_need_write_and_reach_branches_only(running: Running, tmp_path: Path) -> None:
    await run(tmp_path, "clone", "-q", running.remote("guest"), "work")
    work = tmp_path / "work"
    commit(work, "one.txt", "x")
    assert "403" in await run(work, "push", "origin", "HEAD:refs/heads/mine", check=False)
    await run(work, "remote", "set-url", "origin", running.remote("reviewer"))
    assert "hidden ref" in await run(work, "push", "origin", "HEAD:refs/tags/v1", check=False)
    assert "hidden ref" in await run(work, "push", "origin", "HEAD:refs/pull/1/head", check=False)
    assert await run(work, "push", "-q", "origin", "HEAD:refs/heads/mine") == ""
    await run(work, "remote", "set-url", "origin", f"{running.url}/local/demo.git")
    assert "could not read Username" in await run(work, "fetch", "origin", check=False)
    wrong = running.remote("author").replace(running.tokens["author"], "wrong")
    assert "Authentication failed" in await run(work, "fetch", wrong, check=False)
    missing = running.remote("author", "local/other")
    assert "not found" in await run(work, "fetch", missing, check=False)


async def test_a_push_into_the_base_merges_and_closes(running: Running, tmp_path: Path) -> None:
    async with running.client() as client:
        for title in ("One", "Two"):
            await client.post(f"{DEMO}/issues", json={"title": title})
        await run(tmp_path, "clone", "-q", running.remote("reviewer"), "work")
        work = tmp_path / "work"
        await run(work, "checkout", "-qb", "feature")
        commit(work, "one.txt", "x", "Fixes #2")
        await run(work, "push", "-q", "origin", "feature")
        asked = {"title": "F", "head": "feature", "base": "main", "body": "Resolves #1"}
        await client.post(f"{DEMO}/pulls", json=asked)
        await run(work, "push", "-q", "origin", "feature:main")
        pull = (await client.get(f"{DEMO}/pulls/3")).json()
        assert (pull["merged"], pull["merged_by"]["login"]) == (True, "reviewer")
        for number in (1, 2):
            issue = (await client.get(f"{DEMO}/issues/{number}")).json()
            assert (issue["state"], issue["closed_by"]["login"]) == ("closed", "reviewer")


async def test_a_head_that_is_set_back_to_the_base_closes(running: Running, tmp_path: Path) -> None:
    await run(tmp_path, "clone", "-q", running.remote("author"), "work")
    work = tmp_path / "work"
    await run(work, "checkout", "-qb", "feature")
    commit(work, "one.txt", "x")
    await run(work, "push", "-q", "origin", "feature")
    async with running.client() as client:
        await client.post(f"{DEMO}/pulls", json={"title": "F", "head": "feature", "base": "main"})
        await run(work, "push", "-qf", "origin", "origin/main:refs/heads/feature")
        pull = (await client.get(f"{DEMO}/pulls/1")).json()
        assert (pull["state"], pull["merged"]) == ("closed", False)


async def test_plain_requests_for_files_are_refused(running: Running) -> None:
    async with running.client() as client:
        assert (await client.get("/local/demo.git/HEAD")).status_code == 404
        assert (await client.get("/local/demo.git/info/refs")).status_code == 403
        assert (await client.get("/local/demo.git/git-upload-pack")).status_code == 405
        assert (await client.get("/local/demo.git/info/refs?service=git-x")).status_code == 403
