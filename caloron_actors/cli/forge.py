"""`forge serve`: the embedded forge alone."""

from pathlib import Path

import anyio
import click
import msgspec

from caloron_actors.cli.exits import failures_of_a_run
from caloron_actors.cli.logs import configure_logs
from caloron_actors.cli.signals import interruptible


@click.group()
def forge() -> None:
    """The embedded forge."""


@forge.command()
@click.option("--state", type=click.Path(path_type=Path), required=True, help="State directory of a run.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=0, help="TCP port on 127.0.0.1 (0: any free one)."
)
@click.option("--socket", type=click.Path(path_type=Path), help="Also serve on this Unix socket.")
def serve(state: Path, port: int, socket: Path | None) -> None:
    """Serve the forge of a state directory until SIGTERM. Prints one JSON line when it is ready."""
    from caloron_actors.app.forge import ForgeReady, serve_forge  # noqa: PLC0415 - a fast --help

    configure_logs("warning", "auto")

    def ready(line: ForgeReady) -> None:
        click.echo(msgspec.json.encode(line))

    async def main() -> None:
        async with interruptible() as told:
            await serve_forge(state, port, socket, ready, told.event)

    with failures_of_a_run():
        anyio.run(main)
