"""`state`: what operators do with a state directory."""

import os
from pathlib import Path

import click
import msgspec

from caloron_actors.cli.exits import failures_of_a_run
from caloron_actors.cli.values import state_option


@click.group()
def state() -> None:
    """State directories."""


@state.command()
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path))
@state_option
@click.option("--json", "as_json", is_flag=True, help="Print the answer as JSON.")
def backup(file: Path, state: Path | None, as_json: bool) -> None:  # noqa: FBT001 - click passes options by name
    """Copy the service's database into the new FILE, also while the service runs.

    To restore: stop the service, move caloron.db and any caloron.db-wal and caloron.db-shm out of the state
    directory together, put the copy in place as caloron.db, and start the service. The directory's other files
    stay as they are; keep a copy of `secret` as well, by which the service knows its own marks on the forge.

    The service knows the copy for one (a file copied in another way it does not). Before it goes on it reads the
    forge and the agents' runs: what has reached the forge since the backup is taken over as it is, and only work
    that has not is done again.
    """
    with failures_of_a_run():
        from caloron_actors.app.state import back_up, database_of  # noqa: PLC0415 - a fast --help

        made = back_up(database_of(state, os.environ), file)
    if as_json:
        click.echo(msgspec.json.encode(made))
    else:
        click.echo(f"{made.file}: sprints: {made.sprints}, events: {made.events}, bytes: {made.size}")
