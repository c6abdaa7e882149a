"""`serve`: the service."""

import os
from pathlib import Path

import anyio
import click

from caloron_actors.cli.exits import failures_of_the_service
from caloron_actors.cli.logs import configure_logs
from caloron_actors.cli.signals import interruptible


@click.command()
@click.option("--config", type=click.Path(path_type=Path), help="Settings file (TOML).")
def serve(config: Path | None = None) -> None:
    """Resume the sprints of the state directory and serve until SIGTERM; agents live on.

    Exit codes: 0 stopped, 2 usage, 70 internal failure, or a part of it could not be stopped, 75 state directory in use,
    or its disk is full, 78 bad configuration, or a state that has to be repaired.
    """
    from caloron_actors.app.serve import serve as serve_until  # noqa: PLC0415 - a fast --help
    from caloron_actors.settings import load_settings  # noqa: PLC0415

    with failures_of_the_service():
        settings = load_settings(config, os.environ)
        configure_logs(settings.log.level, settings.log.format)

        async def main() -> None:
            async with interruptible() as told:
                await serve_until(settings, dict(os.environ), told.event)

        anyio.run(main)
