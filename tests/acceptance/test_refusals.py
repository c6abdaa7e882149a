"""Calls that are refused: exit code 2, a clear line for each mistake, and nothing created or changed anywhere.

Predecessors' faults: D3, D9 and B10 (plans run unchecked), D8 (ids found bad in mid-sprint), J8 (no lock against two
runs), K12 (an unknown framework taken for another), C9 (a corrupt state silently forgotten).
"""

import json
import re
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.conftest import Bench, Finished, git
from tests.acceptance.staging import agents, commit_files, fingerprint, task, write_plan

AUTHOR = 'cat > /dev/null; echo "version $CALORON_ATTEMPT" > "$CALORON_TASK_ID.txt"'


def world(bench: Bench) -> dict[str, tuple[int, int, str]]:
    """Everything of the bench but what the test itself keeps of a command's output, and the lock of its state."""
    found = fingerprint(bench.path)
    state = bench.state.relative_to(bench.path)
    passing = {".", str(state), str(state / "lock")}
    kept = {
        name: row for name, row in found.items() if name not in passing and not name.startswith("stdout.")
    }
    return kept | {name: (found[name][0], 0, "") for name in passing & found.keys()}


def refused(bench: Bench, *words: str) -> list[str]:
    """Run a command that has to be refused without a trace, and give the lines it says."""
    before = world(bench)
    done = bench.command(*words)
    assert (done.code, done.stdout) == (2, ""), done
    assert "Traceback" not in done.stderr
    assert world(bench) == before
    return done.stderr.splitlines()


def refused_run(bench: Bench, *more: str) -> str:
    """Run the plan, which has to be refused with one line."""
    lines = refused(bench, *bench.run_words(*more))
    assert len(lines) == 1, lines
    assert lines[0].startswith("error: ")
    return lines[0]


@pytest.fixture
def ready(bench: Bench) -> Bench:
    """A bench whose plan and agents are good."""
    agents(bench, AUTHOR)
    write_plan(bench, task("work"))
    return bench


def empty(bench: Bench) -> Path:
    where = bench.path / "empty"
    where.mkdir()
    git(where, "init", "--quiet", "--initial-branch=main")
    return where


def detached(bench: Bench) -> Path:
    git(bench.repository, "checkout", "--quiet", "--detach")
    return bench.repository


def of_sha256(bench: Bench) -> Path:
    where = bench.path / "sha256"
    where.mkdir()
    git(where, "init", "--quiet", "--object-format=sha256")
    git(where, "commit", "--quiet", "--allow-empty", "--message=Start")
    return where


def subdirectory(bench: Bench) -> Path:
    commit_files(bench, {"inner/file.txt": "x\n"})
    return bench.repository / "inner"


def no_repository(bench: Bench) -> Path:
    (bench.path / "plain").mkdir()
    return bench.path / "plain"


def a_file(bench: Bench) -> Path:
    return bench.repository / "README.md"


@pytest.mark.parametrize(
    ("make", "word"),
    [
        (no_repository, "no git repository"),
        (lambda bench: bench.path / "missing", "no directory"),
        (a_file, "no directory"),
        (subdirectory, "no git repository"),
        (empty, "no commit"),
        (detached, "detached"),
        (of_sha256, "sha256"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_a_path_that_a_sprint_cannot_start_from(
    ready: Bench, make: Callable[[Bench], Path], word: str
) -> None:
    ready.repository = make(ready)
    line = refused_run(ready)
    assert word in line
    assert "--repo" in line


def bare(bench: Bench) -> Path:
    git(bench.path, "clone", "--quiet", "--bare", str(bench.repository), "bare.git")
    return bench.path / "bare.git"


def shallow(bench: Bench) -> Path:
    commit_files(bench, {"more.txt": "x\n"})
    git(bench.path, "clone", "--quiet", "--depth=1", f"file://{bench.repository}", "shallow")
    return bench.path / "shallow"


def linked(bench: Bench) -> Path:
    git(bench.repository, "worktree", "add", "--quiet", "-b", "side/line", str(bench.path / "linked"))
    return bench.path / "linked"


@pytest.mark.parametrize("make", [bare, shallow, linked])
def test_every_other_repository_is_taken_and_left_as_it_was(
    ready: Bench, make: Callable[[Bench], Path]
) -> None:
    original = ready.repository
    ready.repository = make(ready)
    branch = "side/line" if make is linked else "main"
    before = fingerprint(ready.repository), fingerprint(original)
    done = ready.run()
    assert done.code == 0, done.stderr
    assert done.result["base_branch"] == branch
    forge = Path(done.result["repository"])
    assert git(forge, "show", f"{branch}:work.txt") == "version 1"
    assert git(forge, "show", f"{branch}:README.md") == "# a project"
    assert (fingerprint(ready.repository), fingerprint(original)) == before


@pytest.mark.parametrize("where", ["state", ".git/state", ".", "link"])
def test_a_state_directory_inside_the_repository(ready: Bench, where: str) -> None:
    ready.state = ready.repository / where
    if where == "link":
        (ready.path / "link").symlink_to(ready.repository)
        ready.state = ready.path / "link" / "state"
    assert "inside the repository" in refused_run(ready)


@pytest.mark.parametrize("where", [".git/state", "state"])
def test_a_state_directory_inside_the_repository_that_a_worktree_is_linked_to(
    ready: Bench, where: str
) -> None:
    ready.state = ready.repository / where
    ready.repository = linked(ready)
    assert "inside the repository" in refused_run(ready)


def test_a_state_directory_of_another_plan_or_another_repository(ready: Bench) -> None:
    assert ready.run().code == 0
    write_plan(ready, task("work", title="Something else"))
    assert "another plan" in refused_run(ready)
    write_plan(ready, task("work"), sprint={"id": "other"})
    assert "another plan" in refused_run(ready)
    write_plan(ready, task("work"))
    git(ready.path, "clone", "--quiet", str(ready.repository), "clone")
    ready.repository = ready.path / "clone"
    assert "repository" in refused_run(ready)


def test_the_same_plan_is_the_same_content_in_whatever_form(ready: Bench) -> None:
    first = ready.run()
    assert first.code == 0
    ready.plan = ready.path / "the same.toml"
    ready.plan.write_text(
        '# a comment\n[sprint]\ngoal = "a sprint of the tests"\nid = "s"\n'
        '[[agents]]\nid = "ada"\n[[agents]]\nid = "bo"\n[[agents]]\nid = "rita"\nrole = "reviewer"\n'
        '[[tasks]]\nid = "work"\ntitle = "Do work"\nassigned_to = "ada"\nreviewed_by = "rita"\n'
    )
    again = ready.run()
    assert (again.code, again.stdout) == (0, first.stdout), again.stderr


def test_a_state_directory_that_another_run_uses(ready: Bench) -> None:
    ready.agents.author()
    ready.agents.hold("work.author.1")
    running = ready.start_run()
    ready.agents.held()
    second = ready.run()
    assert (second.code, second.stdout) == (2, "")
    assert re.fullmatch(rf"error: .*in use by process {running.pid}\b.*\n", second.stderr)
    ready.agents.release("work.author.1")
    assert running.finish().code == 0


def test_a_state_directory_that_cannot_be_used_is_not_overwritten(ready: Bench) -> None:
    ready.state.write_text("a file\n")
    assert str(ready.state) in refused_run(ready)
    ready.state = ready.path / "full"
    ready.state.mkdir(mode=0o755)
    (ready.state / "letters.txt").write_text("dear\n")
    assert str(ready.state) in refused_run(ready)
    ready.state = ready.path / "broken"
    ready.state.mkdir(mode=0o700)
    (ready.state / "lock").touch(0o600)
    (ready.state / "caloron.db").write_bytes(b"not a database at all\n" * 500)
    done = ready.run()
    assert done.code == 2, done.stderr
    assert "caloron.db" in done.stderr
    assert (ready.state / "caloron.db").read_bytes() == b"not a database at all\n" * 500


@pytest.mark.parametrize(
    ("option", "command", "word"),
    [
        ("--agent-command", "no-such-program --flag", "no-such-program"),
        ("--reviewer-command", "./missing.sh", "./missing.sh"),
        ("--agent-command", "sh -c 'unfinished", "split"),
        ("--agent-command", "", "empty"),
        ("--reviewer-command", "''", "empty"),
        ("--agent-command", "./project/README.md", "README.md"),
    ],
)
def test_a_command_that_cannot_be_run(ready: Bench, option: str, command: str, word: str) -> None:
    line = refused_run(ready, option, command)
    assert option in line
    assert word in line


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["--max-agents", "0"], "--max-agents"),
        (["--max-agents", "-1"], "--max-agents"),
        (["--max-agents", "many"], "--max-agents"),
        (["--time-limit", "0s"], "--time-limit"),
        (["--time-limit", "soon"], "--time-limit"),
        (["--no-such-option"], "--no-such-option"),
    ],
)
def test_options_that_make_no_sense(ready: Bench, words: list[str], named: str) -> None:
    lines = refused(ready, *ready.run_words(*words))
    assert any(named in line for line in lines)


def test_a_base_branch_other_than_the_checked_out_one(ready: Bench) -> None:
    git(ready.repository, "branch", "develop")
    write_plan(ready, task("work"), sprint={"base_branch": "develop"})
    line = refused_run(ready)
    assert "'develop'" in line
    assert "'main'" in line


def plan_of_frameworks(bench: Bench, **frameworks: str) -> None:
    """Two agents and two reviewers, of which only rita is needed."""
    names = ("ada", "bo", "rita", "unneeded")
    content = {
        "sprint": {"id": "s"},
        "agents": [{"id": name, "framework": frameworks.get(name, "stub")} for name in names],
        "tasks": [
            {"id": "one", "assigned_to": "ada", "reviewed_by": ["rita"]},
            {"id": "two", "assigned_to": "bo", "reviewed_by": ["rita"]},
        ],
    }
    bench.plan.write_text(json.dumps(content))


def test_a_framework_that_cannot_be_run_needs_a_command(bench: Bench) -> None:
    bench.plan = bench.path / "plan.json"
    plan_of_frameworks(bench, ada="claude-code", rita="codex-cli", unneeded="aider")
    lines = refused(bench, *bench.run_words())
    assert len(lines) == 2, lines
    assert re.search(r"ada\b.*claude-code.*--agent-command", lines[0])
    assert re.search(r"rita\b.*codex-cli.*--reviewer-command", lines[1])
    plan_of_frameworks(bench, unneeded="aider")
    done = bench.run()
    assert done.code == 0, done.stderr


def test_with_a_command_no_framework_and_no_definition_is_looked_at(bench: Bench) -> None:
    agents(bench, AUTHOR)
    bench.plan = bench.path / "plan.json"
    plan_of_frameworks(bench, ada="claude-code", rita="codex-cli")
    content = json.loads(bench.plan.read_text())
    for agent in content["agents"]:
        agent["definition"] = "no/such/file.yml"
    bench.plan.write_text(json.dumps(content))
    done = bench.run()
    assert done.code == 0, done.stderr


BROKEN: dict[str, Any] = {
    "sprint": {"id": "Bad Id", "goal": 7, "max_duration": "soon", "color": "red"},
    "agents": [{"id": "ada"}, {"id": "ada"}, {"id": "rita", "framework": "no-such"}],
    "tasks": [
        {"id": "a", "assigned_to": "ada", "reviewed_by": ["rita"], "depends_on": ["c"]},
        {"id": "b", "assigned_to": "ada", "reviewed_by": ["rita"], "depends_on": ["a"]},
        {"id": "c", "assigned_to": "ada", "reviewed_by": ["rita"], "depends_on": ["b"]},
        {"id": "self", "assigned_to": "ada", "reviewed_by": ["rita"], "depends_on": ["self"]},
        {"id": "b", "assigned_to": "nobody", "reviewed_by": ["ghost"], "depends_on": ["nothing"]},
        {"id": "mine", "assigned_to": "ada", "reviewed_by": ["ada"]},
        {"id": "alone", "assigned_to": "ada"},
        {"id": "-x", "assigned_to": "ada", "reviewed_by": ["rita"], "budget": {"attempts": 0}},
        {"id": "x" * 65, "assigned_to": "ada", "reviewed_by": ["rita"], "depend_on": ["a"]},
    ],
    "review": {"max_cycles": -1, "on_exhausted": "merge"},
    "colour": "blue",
}

SAID = (
    r"sprint\.id: .*'Bad Id'",
    r"sprint\.goal: ",
    r"sprint\.max_duration: .*soon",
    r"sprint\.color: ",
    r"agents\[1\]\.id: .*'ada'",
    r"agents\[2\]\.framework: .*'no-such'",
    r"tasks\[\d\]\.depends_on.*: .*a -> c -> b -> a",
    r"tasks\[3\]\.depends_on\[0\]: .*depends on itself",
    r"tasks\[4\]\.id: .*'?b'?",
    r"tasks\[4\]\.assigned_to: .*'nobody'",
    r"tasks\[4\]\.reviewed_by\[0\]: .*'ghost'",
    r"tasks\[4\]\.depends_on\[0\]: .*'nothing'",
    r"tasks\[5\]\.reviewed_by\[0\]: .*author",
    r"tasks\[6\].*: .*no reviewer",
    r"tasks\[7\]\.id: .*option",
    r"tasks\[7\]\.budget\.attempts: ",
    r"tasks\[8\]\.id: .*65 characters",
    r"tasks\[8\]\.depend_on: .*depends_on",
    r"review\.max_cycles: ",
    r"review\.on_exhausted: .*escalate",
    r"colour: ",
)


def says_all(lines: list[str], plan: Path) -> None:
    """Every mistake has its line, with its place, and there are no other lines."""
    for pattern in SAID:
        found = [line for line in lines if re.search(rf"{re.escape(str(plan))}: {pattern}", line)]
        assert found, (pattern, lines)
    assert len(lines) <= len(SAID) + 1, lines


def test_all_mistakes_of_a_plan_are_said_at_once(ready: Bench) -> None:
    ready.plan.write_text(json.dumps(BROKEN))
    lines = refused(ready, *ready.run_words())
    says_all(lines, ready.plan)
    says_all(refused(ready, "dag", "check", str(ready.plan)), ready.plan)
    with_command = refused(ready, *ready.run_words("--agent-command", "no-such-program"))
    assert len(with_command) == len(lines) + 1


def test_a_broken_plan_is_checked_as_json(ready: Bench) -> None:
    ready.plan.write_text(json.dumps(BROKEN))
    before = world(ready)
    done = ready.command("dag", "check", str(ready.plan), "--json")
    assert done.code == 2
    answer = done.result
    assert (answer["valid"], answer["tasks"]) == (False, [])
    says_all(answer["errors"], ready.plan)
    assert world(ready) == before


@pytest.mark.parametrize(
    ("name", "text", "word"),
    [
        ("plan.toml", b"[sprint\n", "line 1"),
        ("plan.toml", b'[sprint]\nid = "s"\nid = "t"\n', "id"),
        ("plan.json", b'{"sprint": {"id": "s", "id": "t"}}', "more than once"),
        ("plan.json", b"{", "JSON"),
        ("plan.json", b"\xff\xfe{}", "UTF-8"),
        ("plan.json", b"null", "null"),
        ("plan.json", b"[]", "task"),
        ("plan.json", b'{"sprint": {"id": "s"}, "agents": [], "tasks": []}', "at least one task"),
        ("plan.json", b"[" * 100_000, "deep"),
    ],
)
def test_a_file_that_is_no_plan(bench: Bench, name: str, text: bytes, word: str) -> None:
    bench.plan = bench.path / name
    bench.plan.write_bytes(text)
    lines = refused(bench, *bench.run_words())
    assert all(line.startswith(f"error: {bench.plan}: ") for line in lines), lines
    assert any(word in line for line in lines), lines


def test_a_plan_that_cannot_be_read(bench: Bench) -> None:
    bench.plan = bench.path / "missing.toml"
    assert "missing.toml" in refused_run(bench)
    bench.plan = bench.repository
    assert str(bench.repository) in refused_run(bench)


def test_more_approvals_than_reviewers(ready: Bench) -> None:
    write_plan(ready, task("work"), review={"required_approvals": 2})
    line = refused_run(ready)
    assert "1 reviewer" in line
    assert "2 approvals" in line


def check(bench: Bench, plan: Path, *more: str) -> Finished:
    done = bench.command("dag", "check", str(plan), *more)
    assert (done.code, done.stderr) == (0, "")
    return done


def test_a_good_plan_is_told_in_an_order_of_work(ready: Bench) -> None:
    write_plan(ready, task("late", "ada", "early"), task("early"))
    before = world(ready)
    assert check(ready, ready.plan, "--json").result == {
        "valid": True,
        "sprint": "s",
        "tasks": ["early", "late"],
        "errors": [],
    }
    said = check(ready, ready.plan).stdout
    assert "early, late" in said
    assert world(ready) == before


def test_nothing_is_left_where_runs_keep_their_state_by_default(ready: Bench) -> None:
    words = [word for word in ready.run_words() if word not in {"--state", str(ready.state)}]
    home = ready.path / "home" / "state" / "caloron" / "runs"
    refused(ready, *words, "--agent-command", "no-such-program")
    done = ready.command(*words)
    assert done.code == 0, done.stderr
    (state,) = home.iterdir()
    assert re.fullmatch(r"s-[0-9a-f]{12}", state.name)
    assert Path(done.result["repository"]).is_relative_to(state)
    assert ready.command(*words).stdout == done.stdout
    assert [path.name for path in home.iterdir()] == [state.name]


def test_an_ended_run_can_be_taken_up_with_other_commands_and_limits(ready: Bench) -> None:
    ready.agents.author()
    ready.agents.hold("work.author.1")
    running = ready.start_run("--max-agents", "1")
    ready.agents.held()
    assert running.end(signal.SIGINT).code == 130
    last = ready.run("--max-agents", "3", "--agent-command", ready.agents.script("other", AUTHOR))
    assert (last.code, last.statuses) == (0, {"work": "done"}), last.stderr
