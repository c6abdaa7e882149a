"""Whatever was left half-done is completed by doing it again, and what is thrown away is really gone."""

import os
from pathlib import Path

import anyio
import pytest

from caloron_actors.adapters.workspace.removal import empty, throw_away
from caloron_actors.domain.ids import TaskId
from caloron_actors.ports.workspace import Place, Unusable
from tests.adapters.workspace.conftest import DEV, PLACE, REVIEWER, Bench, git


async def test_leftovers_of_a_prepare_that_was_killed(bench: Bench) -> None:
    folder = bench.tree.parent
    leftover = folder / "tree.new"
    (leftover / ".git").mkdir(parents=True)
    (leftover / "README.md").write_text("half")
    (folder / "index.new").write_text("half")
    (folder / "index.new.lock").write_text("half")
    (folder / "prepared.json.new").write_text("{")
    (bench.root / "mirror.git.new").mkdir()
    prepared = await bench.fresh()
    assert bench.agent("status", "--porcelain") == ""
    bench.write({"a": b"1\n"})
    commit = await bench.collected(prepared.start)
    for name in ("git.new", "review-rev.new"):
        (folder / name).mkdir()
    await bench.workspace.prepare_review(PLACE, REVIEWER, commit)
    await bench.workspace.prepare_rework(PLACE, commit, merge_base_in=False)
    assert bench.agent("status", "--porcelain") == ""
    assert bench.agent("rev-parse", "HEAD") == commit


async def test_a_rework_that_was_killed_before_the_new_git_directory(bench: Bench) -> None:
    prepared = await bench.fresh()
    bench.write({"README.md": b"changed\n"})
    (bench.tree / ".git").rename(bench.outside / "was-git")
    await bench.workspace.prepare_rework(PLACE, prepared.start, merge_base_in=False)
    assert bench.agent("status", "--porcelain") == ""
    assert (bench.tree / "README.md").read_bytes() == b"hello\n"


@pytest.mark.parametrize("lost", ["index", "prepared.json", "stamp.json", "tree"])
async def test_a_part_that_is_lost(bench: Bench, lost: str) -> None:
    prepared = await bench.fresh()
    bench.write({"a": b"1\n"})
    await bench.collected(prepared.start)
    path = bench.tree.parent / lost
    path.rename(bench.outside / "lost")
    if lost == "tree":
        assert isinstance(await bench.collect(prepared.start), Unusable)
    else:
        assert "a" in bench.files(await bench.collected(prepared.start))
    await bench.workspace.prepare_rework(PLACE, prepared.start, merge_base_in=False)
    assert bench.agent("status", "--porcelain") == ""
    await bench.fresh()
    assert bench.agent("status", "--porcelain") == ""


async def test_locks_that_a_killed_process_left(bench: Bench) -> None:
    await bench.fresh()
    for name in ("refs/caloron/base.lock", "packed-refs.lock", "shallow.lock", "config.lock"):
        (bench.mirror / name).touch()
    bench.human_pushes("main", {"new": b"n\n"})
    bench.workspace = bench.opened()
    await bench.fresh()
    bench.write({"a": b"1\n"})
    await bench.workspace.discard(PLACE.task)


async def test_an_index_lock_in_the_tasks_folder(bench: Bench) -> None:
    prepared = await bench.fresh()
    (bench.tree.parent / "index.lock").touch()
    bench.write({"ignored/x": b"x", "left": b"over"})
    await bench.workspace.prepare_rework(PLACE, prepared.start, merge_base_in=False)
    assert not (bench.tree / "left").exists()
    assert (bench.tree / "ignored/x").exists()


async def test_cancelled_in_the_middle_and_done_again(bench: Bench) -> None:
    bench.human_pushes("main", {f"many/{number}": b"x" for number in range(500)})
    for seconds in (0.005, 0.01, 0.02, 0.03, 0.05, 0.08):
        with anyio.move_on_after(seconds):
            await bench.fresh()
    prepared = await bench.fresh()
    assert bench.agent("status", "--porcelain") == ""
    bench.write({"many/1": b"y"})
    for seconds in (0.005, 0.01, 0.02, 0.03, 0.05):
        with anyio.move_on_after(seconds):
            await bench.collect(prepared.start)
    commit = await bench.collected(prepared.start)
    for seconds in (0.005, 0.01, 0.02, 0.03, 0.05):
        with anyio.move_on_after(seconds):
            await bench.workspace.prepare_rework(PLACE, commit, merge_base_in=True)
    await bench.workspace.prepare_rework(PLACE, commit, merge_base_in=True)
    assert bench.agent("status", "--porcelain") == ""
    assert bench.agent("rev-parse", "HEAD") == commit
    assert list((bench.root / "scratch").iterdir()) == []


async def test_two_works_under_one_label_are_both_kept(bench: Bench) -> None:
    prepared = await bench.fresh()
    kept = set()
    for content in (b"1\n", b"2\n", b"1\n"):
        bench.write({"a": content})
        kept.add(await bench.workspace.save(PLACE, prepared.start, "Same label!"))
    assert f"refs/caloron/saved/{PLACE.task}/same-label" in bench.refs()
    assert set(bench.saved()) == kept
    assert len(kept) == 2


async def test_ids_never_lead_out_of_the_root(bench: Bench) -> None:
    place = Place(task=TaskId("../../x"), agent=DEV, branch="b")
    with pytest.raises(ValueError, match="not an id"):
        await bench.workspace.prepare_fresh(place)
    with pytest.raises(ValueError, match="not an id"):
        await bench.workspace.discard(TaskId(".."))


async def test_nothing_of_a_discarded_task_is_left(bench: Bench) -> None:
    prepared = await bench.fresh()
    await bench.workspace.prepare_review(PLACE, REVIEWER, prepared.start)
    (bench.tree / "to-the-human").symlink_to(bench.human)
    await bench.workspace.discard(PLACE.task)
    assert list((bench.root / "tasks").iterdir()) == []
    assert list((bench.root / "trash").iterdir()) == []
    assert git(bench.human, "status", "--porcelain") == ""


def test_throwing_away_follows_no_link_and_minds_no_mode(tmp_path: Path) -> None:
    outside, victim, trash = tmp_path / "outside", tmp_path / "victim", tmp_path / "trash"
    for folder in (outside, victim / "closed/deeper", victim / "read-only"):
        folder.mkdir(parents=True)
    (outside / "file").write_text("stays")
    (victim / "link").symlink_to(outside)
    (victim / "closed/deeper/link").symlink_to(outside / "file")
    (victim / "read-only/file").write_text("x")
    os.mkfifo(victim / "pipe")
    for name, mode in (
        ("closed/deeper", 0),
        ("closed", 0),
        ("read-only/file", 0),
        ("read-only", 0o500),
        ("", 0o500),
    ):
        (victim / name).chmod(mode)
    throw_away(victim, trash)
    throw_away(tmp_path / "nothing", trash)
    assert not victim.exists()
    empty(trash)
    assert list(trash.iterdir()) == []
    assert (outside / "file").read_text() == "stays"
    empty(tmp_path / "no-trash")


def test_throwing_away_what_is_nested_deeper_than_a_path_is_long(tmp_path: Path) -> None:
    victim, trash = tmp_path / "victim", tmp_path / "trash"
    victim.mkdir()
    fd = os.open(victim, os.O_RDONLY)
    for _ in range(500):
        os.mkdir("d" * 50, dir_fd=fd)
        deeper = os.open("d" * 50, os.O_RDONLY, dir_fd=fd)
        os.close(fd)
        fd = deeper
    os.close(fd)
    throw_away(victim, trash)
    empty(trash)
    assert list(trash.iterdir()) == []


def test_a_link_is_thrown_away_itself(tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "kept")
    throw_away(tmp_path / "link", tmp_path / "trash")
    empty(tmp_path / "trash")
    assert (tmp_path / "kept").is_dir()


async def test_work_that_git_cannot_save_is_put_aside_for_people(bench: Bench) -> None:
    prepared = await bench.fresh()
    bench.write({"a": b"1\n"})
    record = bench.tree.parent / "prepared.json"
    record.write_text(record.read_text().replace(prepared.start, "1" * 40))
    await bench.workspace.discard(PLACE.task)
    assert [path.read_bytes() for path in bench.root.glob("kept/task-1/*/a")] == [b"1\n"]
    assert not bench.tree.exists()
