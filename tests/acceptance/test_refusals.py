"""Calls that are refused: exit code 2, a clear line for each mistake, and nothing created or changed anywhere.

Predecessors' faults: J8 (no lock against two runs), C9 (a corrupt state silently forgotten).
"""

import re
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.acceptance.conftest import Bench, git
from tests.acceptance.staging import agents, commit_files, fingerprint, refused, refused_run, task, write_plan

AUTHOR = 'cat > /dev/null; echo "version $CALORON_ATTEMPT" > "$CALORON_TASK_ID.txt"'


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
