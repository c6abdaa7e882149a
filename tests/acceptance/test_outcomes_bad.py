"""Sprints that go wrong: failed and empty attempts, reviewers without a verdict, endless objections. Nothing is forced.

Predecessors' faults: E2 (exit status and words of an agent ignored), E3 (no verdict taken for an approval), E4 (a
usage limit taken for work and for a review), E5 (dependents run on missing work), E8 (force-merge after the last
cycle), E13 (exit 0 although tasks failed), B7 (an all-blocked sprint counted as complete), H3 (a full pipe blocks).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.conftest import Bench, Finished, git
from tests.acceptance.staging import agents, fingerprint, merges_in_order, recording, task, told, write_plan

AUTHOR = """
case $CALORON_TASK_ID in
crash) echo half > half.txt; echo "Error: not logged in" >&2; exit 3 ;;
killed) kill -KILL $$ ;;
idle) echo "All done, everything works!" ;;
limited) echo "You have hit your usage limit."; exit 0 ;;
second-try) if [ "$CALORON_ATTEMPT" = 1 ]; then echo left-over > left-over.txt; exit 1; fi; echo ok > second.txt ;;
noisy) head -c 3000000 /dev/zero | tr '\\0' 'n'; head -c 3000000 /dev/zero | tr '\\0' 'e' >&2; echo ok > noisy.txt ;;
*) echo "version $CALORON_ATTEMPT" > "$CALORON_TASK_ID.txt" ;;
esac
"""

REVIEWER = """
case $CALORON_TASK_ID in
silent) ;;
failing) echo APPROVED; exit 1 ;;
garbled) echo "LGTM, approved" ;;
remark) echo APPROVED; echo "Have a nice day" ;;
lower) echo approved ;;
bare-no) echo CHANGES_NEEDED ;;
limited-review) echo "You have hit your usage limit." ;;
endless) echo "CHANGES_NEEDED: not good enough" ;;
late) if [ "$CALORON_ATTEMPT" = 1 ]; then exit 1; fi; echo APPROVED ;;
meddled)
    echo meddled > meddled.txt; echo more > extra.txt; git add .
    git -c user.name=R -c user.email=r@agents.test commit --quiet -m meddling; echo meddled >> README.md
    echo "some words before"; echo "APPROVED"; echo ;;
*) echo APPROVED ;;
esac
"""


@dataclass(frozen=True)
class Run:
    """A finished run and what its agents recorded."""

    bench: Bench
    done: Finished
    record: Path

    @property
    def bare(self) -> Path:
        return Path(self.done.result["repository"])

    def told(self, name: str) -> dict[str, Any]:
        return told(self.done.result, name)

    def count(self, pattern: str) -> int:
        return len(list(self.record.glob(f"{pattern}.prompt")))


def play(path: Path, *tasks: dict[str, object], review: dict[str, object] | None = None) -> Run:
    """Run tasks, each with an author and a reviewer of its own."""
    bench = Bench(path)
    record = path / "record"
    record.mkdir()
    agents(bench, recording(record, "author") + AUTHOR, recording(record, "reviewer") + REVIEWER)
    names = [str(one["id"]) for one in tasks]
    roles = [(f"w-{n}", "developer") for n in names] + [(f"r-{n}", "reviewer") for n in names]
    mine = [one | {"assigned_to": f"w-{one['id']}", "reviewed_by": [f"r-{one['id']}"]} for one in tasks]
    write_plan(bench, *mine, agents=roles, review=review)
    return Run(bench, bench.run("--max-agents", "8"), record)


@pytest.fixture(scope="module")
def partial(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    run = play(
        tmp_path_factory.mktemp("partial"),
        task("crash"),
        task("next", "", "crash"),
        task("last", "", "next", "fine"),
        task("killed"),
        task("idle"),
        task("after-idle", "", "idle"),
        task("limited"),
        task("second-try"),
        task("noisy"),
        task("fine"),
        task("late"),
    )
    yield run
    run.bench.close()


@pytest.fixture(scope="module")
def blocked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    names = (
        "silent",
        "failing",
        "garbled",
        "remark",
        "lower",
        "bare-no",
        "limited-review",
        "endless",
        "meddled",
    )
    run = play(
        tmp_path_factory.mktemp("blocked"),
        *(task(name) for name in names),
        task("waits", "", "silent", "meddled"),
        review={"max_cycles": 2},
    )
    yield run
    run.bench.close()


def test_failed_tasks_end_the_sprint_partial_with_exit_code_1(partial: Run) -> None:
    assert partial.done.code == 1, partial.done.stderr
    assert partial.done.result["outcome"] == "partial"
    assert partial.done.statuses == {
        "crash": "failed",
        "next": "cancelled",
        "last": "cancelled",
        "killed": "failed",
        "idle": "failed",
        "after-idle": "cancelled",
        "limited": "failed",
        "second-try": "done",
        "noisy": "done",
        "fine": "done",
        "late": "done",
    }


@pytest.mark.parametrize(
    ("name", "words"),
    [("crash", ["3"]), ("killed", ["9"]), ("idle", ["chang"]), ("limited", ["chang"])],
)
def test_an_agent_that_fails_three_times_fails_its_task_and_says_why(
    partial: Run, name: str, words: list[str]
) -> None:
    row = partial.told(name)
    assert (row["attempts"], row["review_cycles"], row["pull_request"], row["merge_commit"]) == (
        3,
        0,
        None,
        None,
    )
    assert type(row["issue"]) is int
    for word in words:
        assert word in row["reason"]
    assert partial.count(f"{name}.author.*") == 3
    assert partial.count(f"{name}.reviewer.*") == 0
    assert row["reason"] in Path(partial.done.result["report"]).read_text()


@pytest.mark.parametrize(("name", "because"), [("next", "crash"), ("last", "next"), ("after-idle", "idle")])
def test_dependents_of_a_failed_task_are_cancelled_and_never_start(
    partial: Run, name: str, because: str
) -> None:
    row = partial.told(name)
    assert (row["attempts"], row["pull_request"]) == (0, None)
    assert because in row["reason"]
    assert partial.count(f"{name}.*") == 0
    assert f"**{name}** (cancelled)" in Path(partial.done.result["report"]).read_text()


def test_a_retry_starts_anew_and_only_its_own_work_arrives(partial: Run) -> None:
    assert partial.told("second-try")["attempts"] == 2
    assert partial.told("late")["attempts"] == 1
    files = git(partial.bare, "ls-tree", "-r", "--name-only", "main").splitlines()
    assert files == ["README.md", "fine.txt", "late.txt", "noisy.txt", "second.txt"]
    assert len(merges_in_order(partial.bench, partial.bare)) == 4


def test_a_partial_sprint_is_told_again_with_the_same_exit_code(partial: Run) -> None:
    before = fingerprint(partial.bench.state / "forge"), sorted(partial.record.iterdir())
    again = partial.bench.run()
    assert (again.code, again.stdout) == (1, partial.done.stdout)
    after = fingerprint(partial.bench.state / "forge"), sorted(partial.record.iterdir())
    assert {n: row[2] for n, row in after[0].items()} == {n: row[2] for n, row in before[0].items()}
    assert after[1] == before[1]
    partial.bench.assert_nothing_runs()


NO_VERDICT = ["silent", "failing", "garbled", "remark", "lower", "bare-no", "limited-review"]


def test_a_sprint_that_only_humans_can_move_is_blocked_with_exit_code_1(blocked: Run) -> None:
    assert blocked.done.code == 1, blocked.done.stderr
    assert blocked.done.result["outcome"] == "blocked"
    expected = dict.fromkeys([*NO_VERDICT, "endless"], "blocked")
    assert blocked.done.statuses == expected | {"meddled": "done", "waits": "pending"}
    assert blocked.told("waits")["reason"].startswith("waits for silent: blocked")
    blocked.bench.assert_nothing_runs()


@pytest.mark.parametrize("name", NO_VERDICT)
def test_a_reviewer_without_a_verdict_is_asked_three_times_and_never_approves(
    blocked: Run, name: str
) -> None:
    row = blocked.told(name)
    assert blocked.count(f"{name}.reviewer.*") == 3
    assert (row["attempts"], row["review_cycles"], row["merge_commit"]) == (1, 0, None)
    assert type(row["pull_request"]) is int
    assert f"r-{name}" in row["reason"]
    assert row["reason"] in Path(blocked.done.result["report"]).read_text().replace("\\|", "|")
    query = "SELECT count(*) FROM reviews r JOIN issues i ON i.id = r.issue_id WHERE i.number = ?"
    assert blocked.bench.forge_rows(query, row["pull_request"]) == [(0,)]


def test_an_endless_reviewer_blocks_after_max_cycles_and_is_not_overruled(blocked: Run) -> None:
    row = blocked.told("endless")
    assert (row["attempts"], row["review_cycles"], row["merge_commit"]) == (3, 2, None)
    assert "not good enough" in row["reason"]
    assert blocked.count("endless.reviewer.*") == 3
    second = (blocked.record / "endless.author.w-endless.2.prompt").read_text()
    assert "not good enough" in second


def test_only_the_approved_work_is_merged_and_what_a_reviewer_changed_is_dropped(blocked: Run) -> None:
    assert merges_in_order(blocked.bench, blocked.bare) == [blocked.told("meddled")["merge_commit"]]
    assert git(blocked.bare, "ls-tree", "-r", "--name-only", "main").splitlines() == [
        "README.md",
        "meddled.txt",
    ]
    assert git(blocked.bare, "show", "main:meddled.txt") == "version 1"
    assert "meddled" not in git(blocked.bare, "show", "main:README.md")
    assert "meddling" not in git(blocked.bare, "log", "--all", "--format=%s")


def test_a_blocked_sprint_looks_once_and_reports_again(blocked: Run) -> None:
    recorded = sorted(blocked.record.iterdir())
    refs = git(blocked.bare, "for-each-ref")
    again = blocked.bench.run()
    assert (again.code, again.result) == (1, blocked.done.result)
    assert (sorted(blocked.record.iterdir()), git(blocked.bare, "for-each-ref")) == (recorded, refs)


def test_an_exhausted_review_is_abandoned_where_the_plan_says_so(tmp_path: Path) -> None:
    review: dict[str, object] = {"max_cycles": 0, "on_exhausted": "abandon"}
    run = play(tmp_path, task("endless"), task("then", "", "endless"), review=review)
    try:
        assert run.done.code == 1
        assert run.done.result["outcome"] == "partial"
        assert run.done.statuses == {"endless": "failed", "then": "cancelled"}
        assert "not good enough" in run.told("endless")["reason"]
        assert (run.told("endless")["attempts"], run.told("endless")["review_cycles"]) == (1, 0)
        assert merges_in_order(run.bench, run.bare) == []
    finally:
        run.bench.close()
