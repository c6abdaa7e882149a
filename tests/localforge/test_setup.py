"""Opening, setting up and importing: what is made, what is refused, and that a source is only read."""

import os
import sqlite3
from pathlib import Path

import anyio
import pytest

from caloron_actors.git import Git
from caloron_actors.localforge import LocalForge, NameRefused, SourceRefused
from caloron_actors.localforge.store import Store
from caloron_actors.ports.errors import StateBusy, StateUnusable
from tests.localforge.conftest import Clock, Tokens, commit, git


def snapshot(where: Path) -> dict[str, tuple[int, int]]:
    """Every file and directory below `where` with its size and instant of change."""
    found: dict[str, tuple[int, int]] = {}
    for folder, names, files in os.walk(where):
        for name in (*names, *files):
            status = os.lstat(Path(folder) / name)
            found[str(Path(folder) / name)] = (status.st_size, status.st_mtime_ns)
    return found


async def test_users_keep_their_tokens_in_private_files(tmp_path: Path, found_git: Git) -> None:
    directory = tmp_path / "forge"
    tokens = Tokens()
    for _ in range(2):
        async with LocalForge.open(directory, found_git, wall=Clock(), token=tokens) as forge:
            assert await forge.ensure_user("author") == "token0001"
            assert await forge.ensure_user("Author") == "token0001"
    assert [path.name for path in (directory / "tokens").iterdir()] == ["author"]
    assert (directory / "tokens" / "author").stat().st_mode & 0o777 == 0o600
    for path in (directory, directory / "tokens", directory / "repositories"):
        assert path.stat().st_mode & 0o777 == 0o700
    db = sqlite3.connect(directory / "forge.db")
    assert "token0001" not in "".join(db.iterdump())
    db.close()


async def test_a_token_file_that_was_lost_is_made_anew(tmp_path: Path, found_git: Git) -> None:
    directory = tmp_path / "forge"
    async with LocalForge.open(directory, found_git, wall=Clock(), token=Tokens()) as forge:
        tokens = [await forge.ensure_user("author")]
        (directory / "tokens" / "author").unlink()
        tokens.append(await forge.ensure_user("author"))
    assert tokens == ["token0001", "token0002"]


async def test_a_repository_is_made_once(forge: LocalForge) -> None:
    await forge.ensure_user("author")
    path = await forge.ensure_repository("local/demo", owner_login="author", default_branch="trunk")
    assert await forge.ensure_repository("local/demo", owner_login="author", default_branch="x") == path
    assert forge.repositories() == ["local/demo"]
    assert forge.repository_path("local/demo") == path
    assert git(path, "symbolic-ref", "HEAD") == "refs/heads/trunk"
    with pytest.raises(NameRefused):
        forge.repository_path("local/other")
    with pytest.raises(NameRefused):
        await forge.grant("local/demo", "nobody", "write")


async def test_imports_read_every_kind_of_source_and_write_to_none(
    forge: LocalForge, source: Path, tmp_path: Path
) -> None:
    head = commit(source, "more.txt", "more\n")
    git(source, "worktree", "add", "-q", "-b", "side", str(tmp_path / "linked"))
    git(tmp_path, "clone", "-q", "--bare", str(source), "bare.git")
    git(tmp_path, "clone", "-q", "--depth=1", f"file://{source}", "shallow")
    await forge.ensure_user("author")
    for number, place in enumerate(("source", "linked", "bare.git", "shallow")):
        before = snapshot(tmp_path / place) | snapshot(source)
        name = f"local/from-{number}"
        path = await forge.ensure_repository(name, owner_login="author", default_branch="main")
        assert await forge.import_branch(name, tmp_path / place, "main") == head
        assert snapshot(tmp_path / place) | snapshot(source) == before
        assert git(path, "rev-list", "--count", "main") == ("1" if place == "shallow" else "2")
        git(path, "fsck", "--strict")


async def test_an_import_is_not_repeated(forge: LocalForge, source: Path) -> None:
    await forge.ensure_user("author")
    path = await forge.ensure_repository("local/demo", owner_login="author", default_branch="main")
    first = await forge.import_branch("local/demo", source, "main")
    commit(source, "later.txt", "later\n")
    assert await forge.import_branch("local/demo", source, "main") == first
    assert git(path, "rev-parse", "main") == first


async def test_sources_that_cannot_be_imported_are_refused(
    forge: LocalForge, source: Path, tmp_path: Path
) -> None:
    await forge.ensure_user("author")
    await forge.ensure_repository("local/demo", owner_login="author", default_branch="main")
    git(tmp_path, "init", "-q", "--object-format=sha256", "-b", "main", "modern")
    commit(tmp_path / "modern", "a.txt", "a\n")
    (tmp_path / "plain").mkdir()
    for place, branch, word in (
        ("modern", "main", "sha256"),
        ("plain", "main", "no git repository"),
        ("missing", "main", "no directory"),
        ("source", "missing", "missing"),
    ):
        with pytest.raises(SourceRefused, match=word):
            await forge.import_branch("local/demo", tmp_path / place, branch)
    with pytest.raises(NameRefused):
        await forge.import_branch("local/demo", source, "--upload-pack=x")


async def test_a_second_process_is_refused(tmp_path: Path, forge: LocalForge, found_git: Git) -> None:
    with pytest.raises(StateBusy):
        async with LocalForge.open(tmp_path / "forge", found_git, wall=Clock(), token=Tokens()):
            pass
    assert forge.repositories() == []


@pytest.mark.parametrize("kind", ["newer", "foreign", "damaged", "torn"])
async def test_files_that_cannot_be_used_are_refused(tmp_path: Path, found_git: Git, kind: str) -> None:
    directory = tmp_path / "forge"
    directory.mkdir()
    path = directory / "forge.db"
    if kind == "damaged":
        path.write_bytes(b"no database at all" * 1000)
    else:
        async with LocalForge.open(directory, found_git, wall=Clock(), token=Tokens()):
            pass
        db = sqlite3.connect(path)
        if kind == "torn":
            db.close()
            with path.open("r+b") as file:
                file.seek(4096)
                file.write(b"\xa5" * 8192)
        else:
            db.execute(f"PRAGMA user_version = {99 if kind == 'newer' else 0}")
            db.close()
    with pytest.raises(StateUnusable):
        async with LocalForge.open(directory, found_git, wall=Clock(), token=Tokens()):
            pass


async def test_a_repository_that_is_gone_is_noticed(tmp_path: Path, found_git: Git) -> None:
    directory = tmp_path / "forge"
    async with LocalForge.open(directory, found_git, wall=Clock(), token=Tokens()) as forge:
        await forge.ensure_user("author")
        path = await forge.ensure_repository("local/demo", owner_login="author", default_branch="main")
    path.rename(tmp_path / "gone")
    with pytest.raises(StateUnusable, match="missing"):
        async with LocalForge.open(directory, found_git, wall=Clock(), token=Tokens()):
            pass


async def test_a_transaction_that_fails_leaves_nothing_and_one_that_is_cancelled_is_whole(
    tmp_path: Path,
) -> None:
    async with Store.open(tmp_path / "x.db") as store:

        def insert(db: sqlite3.Connection) -> None:
            db.execute("INSERT INTO intents (plan) VALUES ('x')")

        def fail(db: sqlite3.Connection) -> None:
            insert(db)
            raise ValueError

        def count(db: sqlite3.Connection) -> int:
            return int(db.execute("SELECT count(*) FROM intents").fetchone()[0])

        with pytest.raises(ValueError):  # noqa: PT011 - the one raised above
            await store.write(fail)
        assert await store.read(count) == 0
        with anyio.CancelScope() as scope:
            scope.cancel()
            await store.write(insert)
        assert await store.read(count) == 1
        modes = await store.read(
            lambda db: [
                db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous")
            ]
        )
        assert modes == ["wal", 2]
