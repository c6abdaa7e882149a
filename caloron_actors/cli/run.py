"""`run`: one sprint, from its plan to its outcome."""

import os
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

import click

from caloron_actors.app.commands import split
from caloron_actors.app.mistakes import Mistakes
from caloron_actors.cli.execution import execute
from caloron_actors.cli.exits import failures_of_a_run
from caloron_actors.cli.reading import load_dag
from caloron_actors.cli.values import Duration
from caloron_actors.domain.events import Limits
from caloron_actors.ports.commands import Argv
from caloron_actors.settings import default_state_directory

T = TypeVar("T")


@click.command()
@click.argument("plan", metavar="DAG", type=click.Path(path_type=Path))
@click.option("--repo", type=click.Path(path_type=Path), required=True, help="The git repository; only read.")
@click.option("--state", type=click.Path(path_type=Path), help="Where the run keeps its state.")
@click.option("--agent-command", metavar="CMD", help="Command of every author; the prompt arrives on stdin.")
@click.option(
    "--reviewer-command", metavar="CMD", help="Command of every reviewer; its last line is the verdict."
)
@click.option(
    "--max-agents", type=click.IntRange(min=1), default=4, show_default=True, help="Agents at once."
)
@click.option("--time-limit", type=Duration(), help="End this run after that time; it can be resumed.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON on stdout.")
def run(  # noqa: PLR0917 - click passes options by name
    plan: Path,
    repo: Path,
    state: Path | None,
    agent_command: str | None,
    reviewer_command: str | None,
    max_agents: int,
    time_limit: timedelta | None,
    as_json: bool,  # noqa: FBT001 - click passes options by name
) -> None:
    """Run the sprint of plan DAG on a repository. The same command goes on where an interrupted run stopped.

    Exit codes: 0 succeeded, 1 ended or paused otherwise, 2 bad input or an unusable state directory, 3 internal failure,
    70 a part of the program could not be stopped (run it again), 130/143 interrupted.
    """
    with failures_of_a_run():
        from caloron_actors.app.run import RunOptions, default_run_state  # noqa: PLC0415 - a fast --help

        found: list[str] = []
        environ = dict(os.environ)
        dag = _collect(found, lambda: load_dag(plan))
        author = _collect(found, lambda: _command("--agent-command", agent_command, environ))
        reviewer = _collect(found, lambda: _command("--reviewer-command", reviewer_command, environ))
        if dag is None or found:
            raise Mistakes(found)
        options = RunOptions(
            dag=dag,
            repository=repo,
            state=state or default_run_state(default_state_directory(environ), dag, repo),
            author=author,
            reviewer=reviewer,
            limits=Limits(max_agents=max_agents),
            environ=environ,
            time_limit=time_limit,
        )
        raise SystemExit(execute(options, as_json=as_json))


def _collect(found: list[str], read: Callable[[], T | None]) -> T | None:
    """Read one part of the command line; its mistakes are kept, so that all are said at once."""
    try:
        return read()
    except Mistakes as mistakes:
        found += mistakes.lines
        return None


def _command(option: str, command: str | None, environ: Mapping[str, str]) -> Argv | None:
    return None if command is None else split(option, command, environ)
