"""From what the operator said to command lines: which argv each agent of a sprint is started with."""

import shlex
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from caloron_actors import harness
from caloron_actors.app.mistakes import Mistakes, mistake
from caloron_actors.domain.dag import Dag
from caloron_actors.domain.ids import AgentId, TaskId
from caloron_actors.ports.commands import Argv, Commands

INHERITED = ("PATH", "HOME", "LANG", "TMPDIR", "USER")
"""What an agent sees of the service's own environment."""

STUB = "stub"


def split(option: str, command: str, environ: Mapping[str, str]) -> Argv:
    """Split a command as a shell splits words, and find its first word once and for all.

    Raises `Mistakes` naming `option` when it cannot be split, is empty, or names no program.
    """
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise mistake(f"{option}: cannot be split into words ({error}): {command!r}") from error
    return resolve(option, words, environ)


def resolve(option: str, words: Sequence[str], environ: Mapping[str, str]) -> Argv:
    """Give words with an absolute first one. Raises `Mistakes` naming `option` when it names no program."""
    if not words or not words[0]:
        raise mistake(f"{option}: is empty; give a command")
    found = shutil.which(words[0], path=environ.get("PATH", ""))
    if found is None:
        raise mistake(f"{option}: there is no program {words[0]!r}; give a path, or a name on PATH")
    return (str(Path(found).absolute()), *words[1:])


def stub(role: str, changes_once: TaskId | None = None) -> Argv:
    """The command line of the bundled deterministic agent."""
    program = Path(harness.__file__).with_name("stub_agent.py")
    extra = ("--changes-once", changes_once) if changes_once is not None else ()
    return (sys.executable, "-P", str(program), "--role", role, *extra)


def commands_for(
    dag: Dag,
    *,
    author: Argv | None,
    reviewer: Argv | None,
    environ: Mapping[str, str],
    changes_once: TaskId | None = None,
    options: tuple[str, str] = ("--agent-command", "--reviewer-command"),
) -> Commands:
    """The commands of a sprint: the given ones, else each agent's framework.

    Raises `Mistakes` for every agent whose framework cannot be run here, naming the one of `options` that helps.
    """
    frameworks = {agent.id: agent.framework for agent in dag.agents}
    wrong: list[str] = []

    def command(agent: AgentId, given: Argv | None, role: str, option: str) -> Argv:
        if given is not None:
            return given
        framework = frameworks[agent] or STUB
        if framework != STUB:
            wrong.append(f"agent {agent}: framework {framework} cannot be run by this version; give {option}")
        return stub(role, changes_once)

    authors = {a: command(a, author, "author", options[0]) for a in dag.authors()}
    reviewers = {a: command(a, reviewer, "reviewer", options[1]) for a in dag.needed_reviewers()}
    if wrong:
        raise Mistakes(wrong)
    inherited = {name: environ[name] for name in INHERITED if name in environ}
    return Commands(authors=authors, reviewers=reviewers, environ=inherited)
