"""An agent's commit messages close no issue of another task when they are merged."""

import pytest

from tests.adapters.workspace.conftest import PLACE, Bench


@pytest.mark.parametrize(
    "words", ["Closes #2", "fixed: #12", "resolves o/r#3", "Fix GH-4", "close https://forge/o/r/issues/5"]
)
async def test_closing_words_do_not_get_into_the_history(bench: Bench, words: str) -> None:
    start = (await bench.fresh()).start
    bench.agent_commits({"a": b"1\n"}, f"Work\n\n{words}")
    head = bench.agent_commits({"b": b"2\n"})
    commit = await bench.collected(start)
    assert commit != head
    assert bench.seen(commit, "%s%b") == "Work"
    assert bench.parents(commit) == [start]
    assert {"a", "b"} <= set(bench.files(commit))
    assert await bench.collected(start) == commit


async def test_a_merge_of_the_base_branch_stays_a_merge(bench: Bench) -> None:
    start = (await bench.fresh()).start
    bench.write({"mine": b"m\n"})
    mine = await bench.collected(start)
    await bench.workspace.push(PLACE.branch, mine, None)
    base = bench.human_pushes("main", {"base.txt": b"b\n"})
    await bench.workspace.prepare_rework(PLACE, mine, merge_base_in=True)
    bench.agent("merge", "--quiet", "--message=fixes #1", "origin/main")
    commit = await bench.collected(mine)
    assert bench.parents(commit) == [mine, base]
    assert bench.seen(commit, "%s") == "Work"


async def test_no_message_holds_the_service_up(bench: Bench) -> None:
    """Searching takes time by the length of a message, not by its square: that would be minutes here."""
    start = (await bench.fresh()).start
    head = bench.agent_commits({"a": b"1\n"}, "Close" + " " * 100_000 + "the file")
    assert await bench.collected(start) == head


async def test_other_messages_are_left_as_they_are(bench: Bench) -> None:
    start = (await bench.fresh()).start
    head = bench.agent_commits({"a": b"1\n"}, "Close the file; prefix #2 is not meant")
    assert await bench.collected(start) == head
