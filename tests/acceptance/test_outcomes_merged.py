"""A whole sprint on a repository, plan and agents that are not from this project: merged in order, honestly reported.

Predecessors' faults: E1 (a run through the entry point), G8 (capital letters in a repository's name), K11 (the named
repository is used), J2 and J6 (each task from the current base, nothing else in it), J5 and V1 (every kind of change
and every name is transported), E10 (reviewers see the change, and not in the author's working copy), S3 (nothing of the
service's environment reaches agents), G9 (a diff above the limit of an argument).
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.conftest import Bench, Finished, git
from tests.acceptance.staging import (
    Fingerprint,
    commit_files,
    fingerprint,
    merges_in_order,
    recording,
    task,
    told,
    write_plan,
)

LINES = 40_000

AUTHOR = r"""
set -e
commit() { git -c user.name=Agent -c user.email=a@agents.test commit --quiet "$@"; }
case $CALORON_TASK_ID in
base)
    echo one > base.txt; git add base.txt; commit -m "first of two"
    echo two >> base.txt; commit -am "second of two" ;;
left)
    test -f base.txt
    mkdir -p 'Sub Dir'
    printf 'cafe\n' > 'Sub Dir/Größe [1]+x.txt'
    printf 'FROM scratch\n' > Dockerfile
    printf '\000\001\377binary' > logo.bin
    git rm --quiet --cached drop.txt; rm drop.txt
    mv 'docs/Old Name.md' 'docs/New Name.md'
    chmod +x tool
    ln -s README.md link ;;
right)
    test -f base.txt; test ! -e Dockerfile
    if [ "$CALORON_ATTEMPT" = 1 ]; then
        echo committed > committed.txt; git add committed.txt; commit -m "a part of it"
        echo staged > staged.txt; git add staged.txt
        seq LINES > plain.txt
    else
        test -f committed.txt; test -f staged.txt
        echo reworked > reworked.txt
    fi ;;
top)
    test -f Dockerfile; test -f reworked.txt
    cat base.txt plain.txt > top.txt ;;
esac
""".replace("LINES", str(LINES))

REVIEWER = """
if [ "$CALORON_TASK_ID" = right ] && ! grep -q '^+reworked' "$me.prompt"
then echo "CHANGES_NEEDED: rework the plain file, please"; else echo APPROVED; fi
"""


@dataclass(frozen=True)
class Run:
    """A finished run and what was there before it."""

    bench: Bench
    done: Finished
    before: Fingerprint
    record: Path

    @property
    def bare(self) -> Path:
        return Path(self.done.result["repository"])

    def recorded(self, name: str) -> str:
        return (self.record / name).read_text()


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    bench = Bench(tmp_path_factory.mktemp("merged"))
    record = bench.path / "record"
    record.mkdir()
    files = {
        "drop.txt": "gone soon\n",
        "docs/Old Name.md": "# old\n",
        "tool": "#!/bin/sh\n",
        "Makefile": "all:\n",
    }
    commit_files(bench, files)
    bench.agents.script("an author", recording(record, "author") + AUTHOR)
    bench.agents.script("reviewer", recording(record, "reviewer") + REVIEWER)
    write_plan(
        bench,
        task("top", "ada", "left", "right", body="Put it all together."),
        task("right", "bo", "base", body="Write the right part."),
        task("left", "ada", "base", body="Write the left part."),
        task("base", "ada", title="Lay the base: \"quoted\" & 'odd'", body="Two commits.\n\nIn two steps."),
        sprint={"repository": "Acme-Org/Shop.Service", "base_branch": "main"},
    )
    bench.env |= {
        "TMPDIR": str(bench.path / "tmp"),
        "USER": "someone",
        "FORGE_TOKEN": "s3cret",
        "AWS_KEY": "s3cret",
    }
    (bench.path / "tmp").mkdir()
    before = fingerprint(bench.repository)
    done = bench.run("--agent-command", "'agents/an author.sh' 'two words' --flag")
    yield Run(bench, done, before, record)
    bench.close()


def test_every_task_is_merged_and_the_result_says_so_in_the_promised_form(run: Run) -> None:
    assert run.done.code == 0, run.done.stderr
    result = run.done.result
    assert list(result) == ["sprint", "outcome", "repository", "base_branch", "report", "tasks"]
    assert (result["sprint"], result["outcome"], result["base_branch"]) == ("s", "succeeded", "main")
    assert result["repository"] == f"{run.bench.state}/forge/repositories/Acme-Org/Shop.Service.git"
    assert Path(result["report"]).is_absolute()
    assert set(result["tasks"]) == {"base", "left", "right", "top"}
    for name, row in result["tasks"].items():
        keys = ["status", "issue", "pull_request", "merge_commit", "attempts", "review_cycles", "reason"]
        assert list(row) == keys, name
        assert (row["status"], row["reason"]) == ("done", None)
        assert type(row["issue"]) is type(row["pull_request"]) is int
        assert re.fullmatch("[0-9a-f]{40}", row["merge_commit"])
        assert (row["attempts"], row["review_cycles"]) == ((2, 1) if name == "right" else (1, 0))
    assert run.done.stdout.count("\n") == 1


def test_the_merges_are_on_the_base_branch_in_an_order_that_respects_the_plan(run: Run) -> None:
    tasks = run.done.result["tasks"]
    merges = merges_in_order(run.bench, run.bare)
    by_commit = {row["merge_commit"]: name for name, row in tasks.items()}
    order = [by_commit[commit] for commit in merges]
    assert order[0] == "base"
    assert order[-1] == "top"
    assert set(order) == {"base", "left", "right", "top"}
    for commit in merges:
        assert len(git(run.bare, "rev-list", "--parents", "-1", commit).split()) == 3
    subjects = git(run.bare, "log", "--format=%s", "main").splitlines()
    assert {"first of two", "second of two", "a part of it", "Start"} <= set(subjects)


def test_every_kind_of_change_arrives_and_nothing_else(run: Run) -> None:
    def show(path: str) -> str:
        return git(run.bare, "show", f"main:{path}")

    listed = git(run.bare, "-c", "core.quotePath=off", "ls-tree", "-r", "main").splitlines()
    tree = {line.partition("\t")[2]: line.split()[0] for line in listed}
    plain = "README.md Makefile base.txt Dockerfile logo.bin committed.txt staged.txt plain.txt reworked.txt top.txt"
    names = [*plain.split(), "Sub Dir/Größe [1]+x.txt", "docs/New Name.md"]
    assert tree == dict.fromkeys(names, "100644") | {"tool": "100755", "link": "120000"}
    assert (show("base.txt"), show("link"), show("Sub Dir/Größe [1]+x.txt")) == (
        "one\ntwo",
        "README.md",
        "cafe",
    )
    assert show("top.txt").splitlines() == ["one", "two", *map(str, range(1, LINES + 1))]
    left = git(run.bare, "diff-tree", "-r", "--name-only", "-z", *two_sides(run, "left")).split("\0")
    assert "plain.txt" not in left


def two_sides(run: Run, name: str) -> tuple[str, str]:
    """Where a task's branch left the base branch, and its head."""
    merge = told(run.done.result, name)["merge_commit"]
    return git(run.bare, "merge-base", f"{merge}^1", f"{merge}^2"), f"{merge}^2"


@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("base.author.ada.1", "developer"),
        ("right.author.bo.2", "developer"),
        ("base.reviewer.rita.1", "reviewer"),
    ],
)
def test_an_agent_gets_its_worktree_and_the_listed_environment_and_nothing_more(
    run: Run, name: str, role: str
) -> None:
    told_task, _, agent, attempt = name.split(".")
    raw = run.recorded(f"{name}.environ").rstrip("\0").split("\0")
    environment = dict(entry.split("=", 1) for entry in raw)
    worktree = run.recorded(f"{name}.cwd").strip()
    assert environment == {
        "CALORON_AGENT_ID": agent,
        "CALORON_AGENT_ROLE": role,
        "CALORON_TASK_ID": told_task,
        "CALORON_SPRINT_ID": "s",
        "CALORON_WORKTREE": worktree,
        "CALORON_ATTEMPT": attempt,
        **{name: run.bench.env[name] for name in ("PATH", "HOME", "LANG", "TMPDIR", "USER")},
    }
    assert Path(worktree).is_relative_to(run.bench.state)
    if role == "reviewer":
        assert worktree != run.recorded("base.author.ada.1.cwd").strip()


def test_a_command_is_split_as_a_shell_does_and_its_prompt_is_no_word_of_it(run: Run) -> None:
    words = run.recorded("base.author.ada.1.words").rstrip("\0").split("\0")
    assert words == ["/bin/sh", f"{run.bench.path}/agents/an author.sh", "two words", "--flag"]


def test_prompts_hold_the_task_and_the_review_that_sent_it_back(run: Run) -> None:
    first = run.recorded("base.author.ada.1.prompt")
    assert "Lay the base: \"quoted\" & 'odd'" in first
    assert "Two commits.\n\nIn two steps." in first
    assert "rework the plain file" not in run.recorded("right.author.bo.1.prompt")
    again = run.recorded("right.author.bo.2.prompt")
    assert "Write the right part." in again
    assert "rework the plain file, please" in again


def test_a_reviewer_sees_the_task_and_the_whole_diff_in_every_cycle(run: Run) -> None:
    for name, cycle, files in (
        ("right", 1, ("committed.txt", "staged.txt", "plain.txt")),
        ("right", 2, ("committed.txt", "staged.txt", "plain.txt", "reworked.txt")),
        ("left", 1, ("Dockerfile", "logo.bin", "drop.txt", "tool", "link")),
    ):
        prompt = run.recorded(f"{name}.reviewer.rita.{cycle}.prompt")
        assert f"Write the {name} part." in prompt
        named = re.findall(r"^diff --git a/(\S+) b/\1$", prompt, re.MULTILINE)
        assert set(files) <= set(named)
        assert ("reworked.txt" in named) == ("reworked.txt" in files)
    for cycle in (1, 2):
        prompt = run.recorded(f"right.reviewer.rita.{cycle}.prompt")
        assert [line for line in prompt.splitlines() if re.fullmatch(r"\+[0-9]+", line)] == [
            f"+{n}" for n in range(1, LINES + 1)
        ]
    assert len(run.recorded("right.reviewer.rita.1.prompt")) > 200_000
    prompt = run.recorded("left.reviewer.rita.1.prompt")
    assert "new mode 100755" in prompt
    assert "deleted file mode 100644" in prompt


def test_the_diff_a_reviewer_sees_is_what_is_merged(run: Run) -> None:
    prompt = run.recorded("right.reviewer.rita.2.prompt")
    diff = git(run.bare, "diff", "--full-index", *two_sides(run, "right"))
    changes = diff.splitlines()
    assert [line for line in prompt.splitlines() if line.startswith("+")] == [
        line for line in changes if line.startswith("+")
    ]


def test_progress_is_on_stderr_and_names_the_missing_sandbox(run: Run) -> None:
    assert "sandbox=none" in run.done.stderr
    for name in ("base", "left", "right", "top"):
        for status in ("in_progress", "in_review", "merging", "done"):
            assert re.search(rf"\b{name}: {status}\b", run.done.stderr), (name, status)


def test_the_report_tells_what_was_merged(run: Run) -> None:
    report = Path(run.done.result["report"]).read_text()
    assert "succeeded" in report
    for name, row in run.done.result["tasks"].items():
        assert re.search(rf"\| {name} \| done \| #{row['issue']} \| #{row['pull_request']} ", report)
        assert row["merge_commit"][:12] in report


def test_the_users_repository_is_as_it_was(run: Run) -> None:
    assert fingerprint(run.bench.repository) == run.before


def test_no_secret_and_no_token_is_in_the_records_of_agents(run: Run) -> None:
    tokens = [path.read_text().strip() for path in (run.bench.state / "forge" / "tokens").iterdir()]
    assert len(tokens) == 2
    for path in run.record.iterdir():
        for secret in [*tokens, "s3cret"]:
            assert secret not in path.read_text(errors="replace"), path


def test_a_finished_sprint_is_told_again_and_nothing_else_happens(run: Run) -> None:
    def world() -> dict[str, Any]:
        kept = {name: content for name, (_, _, content) in fingerprint(run.bench.state / "forge").items()}
        runs = fingerprint(run.bench.state / "runs")
        return {
            "forge": kept,
            "runs": runs,
            "work": fingerprint(run.bench.state / "work"),
            "record": run.record,
        }

    before, recorded = world(), sorted(run.record.iterdir())
    report = (run.bench.state / "report.md").stat().st_mtime_ns
    again = run.bench.run("--agent-command", "'agents/an author.sh' 'two words' --flag")
    assert (again.code, again.stdout) == (0, run.done.stdout)
    other = run.bench.run("--max-agents", "1", "--agent-command", "false", "--time-limit", "1h")
    assert (other.code, other.stdout) == (0, run.done.stdout)
    assert (world(), sorted(run.record.iterdir())) == (before, recorded)
    assert (run.bench.state / "report.md").stat().st_mtime_ns == report
    run.bench.assert_nothing_runs()


def test_without_json_the_result_is_written_for_people(run: Run) -> None:
    words = [word for word in run.bench.run_words("--agent-command", "true") if word != "--json"]
    done = run.bench.command(*words)
    assert done.code == 0
    assert "succeeded" in done.stdout
    with pytest.raises(json.JSONDecodeError):
        json.loads(done.stdout)
    for name, row in run.done.result["tasks"].items():
        assert re.search(rf"^ *{name}: done .*#{row['pull_request']}\b", done.stdout, re.MULTILINE)
    assert f"report: {run.bench.state}/report.md" in done.stdout
