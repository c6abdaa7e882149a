"""Files of every kind go into a commit as they are, and come out of it the same."""

import hashlib
import os
import socket
import stat

import pytest

from caloron_actors.ports.workspace import NoChange
from tests.adapters.workspace.conftest import PLACE, REVIEWER, Bench

ODD = (
    "UPPER.TXT",
    "with space",
    "[id].tsx",
    "a*b?",
    "-dash",
    "Ünï",
    "new\nline",
    "quote\"'",
    "a+b",
    ":(top)x",
    "#x",
    "!y",
)


async def test_odd_names(bench: Bench) -> None:
    prepared = await bench.fresh()
    bench.write({name: name.encode() for name in ODD} | {f"dir {name}/{name}": b"d" for name in ODD})
    commit = await bench.collected(prepared.start)
    assert {*ODD, *(f"dir {name}/{name}" for name in ODD)} < set(bench.files(commit))
    await bench.workspace.push(PLACE.branch, commit, None)
    bench.write(dict.fromkeys(ODD))
    await bench.workspace.prepare_rework(PLACE, commit, merge_base_in=False)
    assert all((bench.tree / name).read_bytes() == name.encode() for name in ODD)


async def test_names_that_are_no_text(bench: Bench) -> None:
    start = (await bench.fresh()).start
    name = os.fsdecode(b"caf\xe9 [x]")
    bench.write({name: b"1\n"})
    mine = await bench.collected(start)
    await bench.workspace.push(PLACE.branch, mine, None)
    base = bench.human_pushes("main", {name: b"2\n"})
    rework = await bench.workspace.prepare_rework(PLACE, mine, merge_base_in=True)
    assert rework.conflicts == ("caf\\xe9 [x]",)
    assert "-2\n" not in await bench.workspace.diff(base, mine)
    bench.agent("merge", "--quiet", "origin/main", check=False)
    assert str(await bench.collect(mine, *rework.conflicts)).startswith("Unresolved")
    bench.write({name: b"both\n"})
    await bench.collected(mine, *rework.conflicts)


async def test_kinds_of_files(bench: Bench) -> None:
    prepared = await bench.fresh()
    large = hashlib.shake_256().digest(5 << 20)
    bench.write(
        {"large": large, "run.sh": b"#!/bin/sh\n", "empty": b"", "crlf": b"a\r\nb\r\n", "zero": b"\0" * 9}
    )
    (bench.tree / "run.sh").chmod(0o755)
    (bench.tree / "empty-folder").mkdir()
    (bench.tree / "loop").symlink_to("loop")
    os.mkfifo(bench.tree / "pipe")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(bench.tree / "socket"))
        commit = await bench.collected(prepared.start)
    files = bench.files(commit)
    assert set(files) == {
        "README.md",
        "src/a.py",
        ".gitignore",
        "large",
        "run.sh",
        "empty",
        "crlf",
        "zero",
        "loop",
    }
    assert files["run.sh"].startswith("100755 ")
    assert files["loop"].startswith("120000 ")
    assert bench.content(commit, "large") == large
    assert bench.content(commit, "crlf") == b"a\r\nb\r\n"
    (bench.tree / "src/a.py").chmod(0o755)
    assert bench.files(await bench.collected(prepared.start))["src/a.py"].startswith("100755 ")


async def test_deleted_renamed_and_exchanged(bench: Bench) -> None:
    prepared = await bench.fresh()
    (bench.tree / "src/a.py").rename(bench.tree / "b.py")
    (bench.tree / "src").rmdir()
    bench.write({"src": b"now a file\n", "README.md": None, "README.md/inside": b"now a folder\n"})
    commit = await bench.collected(prepared.start)
    assert set(bench.files(commit)) == {"b.py", "src", "README.md/inside", ".gitignore"}
    await bench.workspace.prepare_rework(PLACE, prepared.start, merge_base_in=False)
    assert (bench.tree / "src/a.py").read_bytes() == b"one\n"
    assert (bench.tree / "README.md").read_bytes() == b"hello\n"
    assert not (bench.tree / "b.py").exists()


async def test_a_change_of_the_same_length_right_after_the_checkout(bench: Bench) -> None:
    for _ in range(5):
        prepared = await bench.fresh()
        (bench.tree / "src/a.py").write_bytes(b"two\n")
        assert bench.agent("status", "--porcelain") == "M src/a.py"
        assert bench.content(await bench.collected(prepared.start), "src/a.py") == b"two\n"
        assert bench.content(await bench.collected(prepared.start), "src/a.py") == b"two\n"


async def test_what_is_ignored_is_not_taken_and_stays(bench: Bench) -> None:
    prepared = await bench.fresh()
    bench.write({"ignored/cache": b"c"})
    assert await bench.collect(prepared.start) == NoChange()
    bench.write({"left": b"over", "deep/left": b"over"})
    await bench.workspace.prepare_rework(PLACE, prepared.start, merge_base_in=False)
    assert (bench.tree / "ignored/cache").read_bytes() == b"c"
    assert not (bench.tree / "left").exists()
    assert not (bench.tree / "deep").exists()
    # What was committed although it is ignored is tracked from then on.
    bench.agent("add", "--force", "ignored/cache")
    bench.agent("commit", "--quiet", "--message=forced")
    bench.write({"ignored/cache": b"changed"})
    commit = await bench.collected(prepared.start)
    assert bench.content(commit, "ignored/cache") == b"changed"


async def test_attributes_of_the_repository_change_no_byte(bench: Bench) -> None:
    (bench.human / ".git/info/attributes").write_text("* -text !eol -ident -filter !working-tree-encoding\n")
    text = b"* text=auto eol=crlf\n*.utf16 working-tree-encoding=UTF-16\n*.lfs filter=lfs\n*.id ident\n"
    bench.human_pushes(
        "main", {".gitattributes": text, "x.id": b"$Id$\n", "x.lfs": b"pointer\n", "x.utf16": b"u\n"}
    )
    prepared = await bench.fresh()
    assert (bench.tree / "x.id").read_bytes() == b"$Id$\n"
    assert (bench.tree / "src/a.py").read_bytes() == b"one\n"
    assert bench.agent("status", "--porcelain") == ""
    bench.write({"src/a.py": b"one\r\ntwo\n", "y.lfs": b"new\n", "y.utf16": b"no utf-16"})
    commit = await bench.collected(prepared.start)
    assert bench.content(commit, "src/a.py") == b"one\r\ntwo\n"
    assert bench.content(commit, "y.lfs") == b"new\n"
    assert bench.content(commit, "y.utf16") == b"no utf-16"


async def test_names_that_git_takes_for_its_own_are_refused(bench: Bench) -> None:
    prepared = await bench.fresh()
    bench.write({".GIT/config": b"x", "beside": b"b"})
    assert ".GIT/config" in str(await bench.collect(prepared.start))
    saved = await bench.workspace.save(PLACE, prepared.start, "kept")
    assert saved is not None
    assert "beside" in bench.files(saved)


async def test_a_reviewers_files_are_read_only_and_dropped(bench: Bench) -> None:
    prepared = await bench.fresh()
    bench.write({"run.sh": b"#!/bin/sh\n"})
    (bench.tree / "run.sh").chmod(0o755)
    commit = await bench.collected(prepared.start)
    review = await bench.workspace.prepare_review(PLACE, REVIEWER, commit)
    assert stat.S_IMODE((review.path / "README.md").stat().st_mode) & 0o222 == 0
    assert stat.S_IMODE((review.path / "run.sh").stat().st_mode) & 0o333 == 0o111
    (review.path / "README.md").unlink()
    (review.path / "left").write_text("over")
    (review.path / "away").symlink_to(bench.human)
    again = await bench.workspace.prepare_review(PLACE, REVIEWER, commit)
    assert (again.path / "README.md").read_bytes() == b"hello\n"
    assert not (again.path / "left").exists()
    assert (bench.human / "README.md").exists()
    assert (bench.tree / "run.sh").exists()


@pytest.mark.parametrize("mode", [0o000, 0o555])
async def test_modes_that_lock_the_owner_out(bench: Bench, mode: int) -> None:
    prepared = await bench.fresh()
    bench.write({"locked/deep/file": b"f", "plain": b"p"})
    for name in ("locked/deep/file", "locked/deep", "locked", "plain", "src"):
        (bench.tree / name).chmod(mode)
    commit = await bench.collected(prepared.start)
    assert {"locked/deep/file", "plain", "src/a.py"} < set(bench.files(commit))
    await bench.workspace.prepare_rework(PLACE, prepared.start, merge_base_in=False)
    assert sorted(path.name for path in bench.tree.iterdir()) == [".git", ".gitignore", "README.md", "src"]
    (bench.tree / "src").chmod(mode)
    bench.tree.chmod(mode)
    await bench.workspace.discard(PLACE.task)
    assert not bench.tree.exists()
