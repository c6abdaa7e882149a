"""Conflicts go back to their author, who merges the base branch in; one that is never resolved goes to a human.

Predecessors' fault: E9 (a merge conflict counted as done).
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.conftest import Bench, Finished, git
from tests.acceptance.staging import (
    agents,
    commit_files,
    meet,
    merges_in_order,
    recording,
    task,
    told,
    write_plan,
)

GIT = "git -c user.name=Agent -c user.email=a@agents.test"

FIRST = 'sed -i "s/middle/$CALORON_TASK_ID/" "$FILE"; echo mine > "$CALORON_TASK_ID.txt"'

WAYS = {
    "committed": f"""
{GIT} merge --quiet origin/main > /dev/null && exit 9
printf 'top\\nboth\\nend\\n' > "$FILE"; {GIT} commit --quiet --all --message=resolved""",
    "open": f"""
{GIT} merge --quiet origin/main > /dev/null && exit 9
printf 'top\\nboth\\nend\\n' > "$FILE"; git add "$FILE" """,
    "rebased": f"""
{GIT} rebase --quiet origin/main > /dev/null 2>&1 && exit 9
printf 'top\\nboth\\nend\\n' > "$FILE"; git add "$FILE"
GIT_EDITOR=true {GIT} rebase --continue > /dev/null""",
    "elsewhere": 'echo "$CALORON_ATTEMPT" > elsewhere.txt',
    "markers": f"{GIT} merge --quiet origin/main > /dev/null; {GIT} commit --quiet --all --message=done",
}


def play(bench: Bench, ways: dict[str, str]) -> Finished:
    """For each way two tasks change one line of one file, starting from the same base; the second resolves that way."""
    record = bench.path / "record"
    record.mkdir()
    commit_files(bench, {f"{way}/shared file.txt": "top\nmiddle\nend\n" for way in ways})
    meetings = [meet(bench.agents.path, "$CALORON_TASK_ID", f"{way}-1", f"{way}-2") for way in ways]
    later = " ".join(f"{way}) {script.strip()}\n;;" for way, script in ways.items())
    author = f"""
way=${{CALORON_TASK_ID%-*}}; FILE="$way/shared file.txt"
if [ "$CALORON_ATTEMPT" = 1 ]; then {"".join(meetings)} {FIRST}; exit 0; fi
git rev-parse --verify --quiet origin/main > "$me.base"
case $way in {later} esac"""
    agents(bench, recording(record, "author") + author)
    tasks = [f"{way}-{n}" for way in ways for n in (1, 2)]
    names = [(f"w-{name}", "developer") for name in tasks]
    write_plan(bench, *(task(name, f"w-{name}") for name in tasks), agents=[*names, ("rita", "reviewer")])
    return bench.run("--max-agents", "12")


@pytest.fixture(scope="module")
def resolved(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Bench, Finished]]:
    bench = Bench(tmp_path_factory.mktemp("resolved"))
    yield bench, play(bench, {way: WAYS[way] for way in ("committed", "open", "rebased")})
    bench.close()


@pytest.fixture(scope="module")
def unresolved(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Bench, Finished]]:
    bench = Bench(tmp_path_factory.mktemp("unresolved"))
    yield bench, play(bench, {way: WAYS[way] for way in ("elsewhere", "markers")})
    bench.close()


def second_of(done: Finished, way: str) -> str:
    """The task of a pair that had to come back."""
    pair = sorted((f"{way}-1", f"{way}-2"), key=lambda name: int(told(done.result, name)["attempts"]))
    assert told(done.result, pair[0])["attempts"] == 1
    return pair[1]


@pytest.mark.parametrize("way", ["committed", "open", "rebased"])
def test_the_author_resolves_its_conflict_and_both_tasks_are_merged(
    resolved: tuple[Bench, Finished], way: str
) -> None:
    bench, done = resolved
    assert done.code == 0, done.stderr
    bare = Path(done.result["repository"])
    second = second_of(done, way)
    row = told(done.result, second)
    assert (row["status"], row["attempts"], row["review_cycles"]) == ("done", 2, 0)
    assert git(bare, "show", f"main:{way}/shared file.txt") == "top\nboth\nend"
    for name in (f"{way}-1", f"{way}-2"):
        assert git(bare, "show", f"main:{name}.txt") == "mine"
    prompt = (bench.path / "record" / f"{second}.author.w-{second}.2.prompt").read_text()
    assert f"{way}/shared file.txt" in prompt
    assert "origin/main" in prompt
    base = (bench.path / "record" / f"{second}.author.w-{second}.2.base").read_text().strip()
    assert base in git(bare, "rev-list", "--first-parent", "main").split()
    assert len(merges_in_order(bench, bare)) == 6


@pytest.mark.parametrize("way", ["elsewhere", "markers"])
def test_a_conflict_that_is_never_resolved_is_blocked_and_names_the_paths(
    unresolved: tuple[Bench, Finished], way: str
) -> None:
    bench, done = unresolved
    assert done.code == 1, done.stderr
    assert done.result["outcome"] == "blocked"
    second = second_of(done, way)
    row = told(done.result, second)
    assert (row["status"], row["attempts"], row["merge_commit"]) == ("blocked", 4, None)
    assert f"{way}/shared file.txt" in row["reason"]
    assert row["reason"] in Path(done.result["report"]).read_text()
    bare = Path(done.result["repository"])
    assert len(merges_in_order(bench, bare)) == 2
    for name in (f"{way}-1", f"{way}-2"):
        status = told(done.result, name)["status"]
        assert status == ("blocked" if name == second else "done")
    assert "<<<<<<<" not in git(bare, "grep", "-h", "", "main")
