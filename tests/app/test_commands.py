"""Command lines of agents: split as a shell does, found once, and refused with the option's name."""

import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from caloron_actors.app.commands import INHERITED, commands_for, resolve, split, stub
from caloron_actors.app.mistakes import Mistakes
from caloron_actors.domain.dag import Agent, Dag, ReviewPolicy, TaskPlan
from caloron_actors.domain.ids import AgentId, SprintId, TaskId

OPTION = "--agent-command"


@pytest.fixture
def bin_(tmp_path: Path) -> Path:
    """A folder with one program, `agent`, and one file that is none, `notes`."""
    place = tmp_path / "bin"
    place.mkdir()
    program = place / "agent"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    (place / "notes").write_text("none\n")
    (place / "folder").mkdir()
    return place


@pytest.mark.parametrize(
    ("command", "rest"),
    [
        ("agent", ()),
        ("agent --fast  -x", ("--fast", "-x")),
        ("agent 'two words' a\\ b", ("two words", "a b")),
        ("agent \"$HOME\" '*' ; rm", ("$HOME", "*", ";", "rm")),
        ("agent ''", ("",)),
        ("agent caf\u00e9", ("caf\u00e9",)),
    ],
)
def test_a_command_is_split_as_a_shell_splits_words_and_nothing_else(
    bin_: Path, command: str, rest: tuple[str, ...]
) -> None:
    """H19: quotes count; variables, patterns and operators are only text, because no shell ever sees them."""
    assert split(OPTION, command, {"PATH": str(bin_)}) == (str(bin_ / "agent"), *rest)


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("", "is empty; give a command"),
        ("   ", "is empty; give a command"),
        ("''", "is empty; give a command"),
        ("agent 'open", "cannot be split into words"),
        ("missing --x", "there is no program 'missing'"),
        ("notes", "there is no program 'notes'"),
        ("folder", "there is no program 'folder'"),
        ("./agent", "there is no program './agent'"),
        ("/nowhere/agent", "there is no program '/nowhere/agent'"),
    ],
)
def test_a_command_that_cannot_be_started_is_refused(bin_: Path, command: str, words: str) -> None:
    with pytest.raises(Mistakes) as refused:
        split(OPTION, command, {"PATH": str(bin_)})
    (line,) = refused.value.lines
    assert line.startswith(f"{OPTION}: ")
    assert words in line


@pytest.mark.parametrize("environ", [{}, {"PATH": ""}])
def test_without_a_path_only_paths_are_found(bin_: Path, environ: Mapping[str, str]) -> None:
    with pytest.raises(Mistakes):
        resolve(OPTION, ["agent"], environ)
    assert resolve(OPTION, [str(bin_ / "agent")], environ) == (str(bin_ / "agent"),)


def test_a_relative_program_is_that_of_the_callers_folder(
    bin_: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is started elsewhere, so its path is made absolute here; so is one found in a relative place of PATH."""
    monkeypatch.chdir(bin_.parent)
    assert split(OPTION, "bin/agent -x", {}) == (str(bin_ / "agent"), "-x")
    assert split(OPTION, "agent", {"PATH": "bin"}) == (str(bin_ / "agent"),)


def test_a_link_stays_the_link(bin_: Path) -> None:
    """Some programs look at the name they are called by."""
    (bin_ / "other").symlink_to("agent")
    assert split(OPTION, "other", {"PATH": str(bin_)}) == (str(bin_ / "other"),)


def _dag(*, approvals: int = 1, **frameworks: str | None) -> Dag:
    return Dag(
        id=SprintId("s1"),
        agents=tuple(Agent(id=AgentId(name), framework=kind) for name, kind in frameworks.items()),
        tasks=(
            TaskPlan(id=TaskId("a"), title="a", assigned_to=AgentId("dev"), reviewed_by=(AgentId("rev"),)),
        ),
        review=ReviewPolicy(required_approvals=approvals),
    )


def test_given_commands_are_those_of_every_agent() -> None:
    found = commands_for(
        _dag(dev="codex-cli", rev="aider"), author=("/bin/a", "x"), reviewer=("/bin/r",), environ={}
    )
    assert found.authors == {"dev": ("/bin/a", "x")}
    assert found.reviewers == {"rev": ("/bin/r",)}


@pytest.mark.parametrize("framework", [None, "stub"])
def test_an_agent_without_a_framework_is_the_bundled_one(framework: str | None) -> None:
    found = commands_for(
        _dag(dev=framework, rev=framework),
        author=None,
        reviewer=None,
        environ={},
        changes_once=TaskId("a"),
    )
    assert found.authors[AgentId("dev")] == stub("author", TaskId("a"))
    assert found.reviewers[AgentId("rev")] == stub("reviewer", TaskId("a"))
    program = found.authors[AgentId("dev")]
    assert program[:2] == (sys.executable, "-P")
    assert Path(program[2]).is_file()
    assert program[3:] == ("--role", "author", "--changes-once", "a")


def test_every_framework_that_cannot_be_run_is_named_with_the_option_that_helps() -> None:
    """K12: no silent substitute."""
    with pytest.raises(Mistakes) as refused:
        commands_for(_dag(dev="claude-code", rev="aider"), author=None, reviewer=None, environ={})
    assert refused.value.lines == (
        "agent dev: framework claude-code cannot be run by this version; give --agent-command",
        "agent rev: framework aider cannot be run by this version; give --reviewer-command",
    )


def test_the_options_may_have_other_names() -> None:
    with pytest.raises(Mistakes, match=r"agent rev: .*; give agents\.reviewer_command"):
        commands_for(
            _dag(dev=None, rev="aider"),
            author=None,
            reviewer=None,
            environ={},
            options=("agents.command", "agents.reviewer_command"),
        )


def test_agents_that_no_task_needs_do_not_count() -> None:
    """A reviewer is not needed where no approval is."""
    found = commands_for(
        _dag(approvals=0, dev=None, rev="aider", spare="claude-code"), author=None, reviewer=None, environ={}
    )
    assert set(found.authors) == {"dev"}
    assert found.reviewers == {}


def test_only_named_variables_are_inherited() -> None:
    """H18: no secret of the operator reaches an agent by accident."""
    environ = dict.fromkeys(INHERITED, "x") | {"GITHUB_TOKEN": "t", "LD_PRELOAD": "p", "PYTHONPATH": "q"}
    found = commands_for(_dag(dev=None, rev=None), author=None, reviewer=None, environ=environ)
    assert found.environ == dict.fromkeys(INHERITED, "x")
    bare = commands_for(_dag(dev=None, rev=None), author=None, reviewer=None, environ={"PATH": "/bin"})
    assert bare.environ == {"PATH": "/bin"}
