"""`dag check`: what is wrong with a plan, or what it amounts to."""

from pathlib import Path

import click
import msgspec

from caloron_actors.app.mistakes import Mistakes
from caloron_actors.cli.exits import Exit, complain
from caloron_actors.cli.reading import load_dag
from caloron_actors.domain.dag import topological
from caloron_actors.domain.dag.findings import counted


class Checked(msgspec.Struct, frozen=True):
    """What `dag check --json` prints."""

    valid: bool
    sprint: str | None
    tasks: tuple[str, ...]
    errors: tuple[str, ...]


@click.group()
def dag() -> None:
    """Plans of sprints."""


@dag.command()
@click.argument("plan", metavar="DAG", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print the answer as JSON.")
def check(plan: Path, as_json: bool) -> None:  # noqa: FBT001 - click passes options by name
    """Check a plan: every mistake at once, exit code 2 when there is one. Nothing is created."""
    try:
        read = load_dag(plan)
    except Mistakes as wrong:
        if as_json:
            answer = Checked(valid=False, sprint=None, tasks=(), errors=wrong.lines)
            click.echo(msgspec.json.encode(answer))
        complain(wrong.lines, Exit.USAGE)
    order = topological(read)
    if as_json:
        answer = Checked(valid=True, sprint=read.id, tasks=order, errors=())
        click.echo(msgspec.json.encode(answer))
    else:
        size = f"{counted(len(order), 'task')}, {counted(len(read.agents), 'agent')}"
        click.echo(f"{read.id}: {size}; order: {', '.join(order)}")
