"""`forge serve`: the embedded forge alone, for looking at a finished run with any GitHub client."""

from collections.abc import Callable
from pathlib import Path

import anyio
import msgspec

from caloron_actors.adapters.sqlite import StateDirectory
from caloron_actors.adapters.system import SystemClock
from caloron_actors.app.embedded import EmbeddedLocalForge
from caloron_actors.app.real import FORGE
from caloron_actors.app.run import find_git


class ForgeReady(msgspec.Struct, frozen=True):
    """The line that is printed when requests are answered. `tokens`: account to the path of its token's file."""

    url: str
    socket: str | None
    repositories: list[str]
    tokens: dict[str, str]


async def serve_forge(
    state: Path, port: int, socket: Path | None, ready: Callable[[ForgeReady], None], stop: anyio.Event
) -> None:
    """Serve the forge of a state directory until `stop` is set. Raises `StateUnusable` or `Mistakes` before that."""
    git = await find_git()
    with StateDirectory.hold(state):
        directory = state.absolute() / FORGE
        embedded = EmbeddedLocalForge(directory, git, SystemClock(), port=port, socket=socket)
        async with anyio.create_task_group() as group:
            up = anyio.Event()
            group.start_soon(embedded.serve, up)
            await up.wait()
            ready(
                ForgeReady(
                    url=embedded.url,
                    socket=None if socket is None else str(socket.absolute()),
                    repositories=embedded.forge.repositories(),
                    tokens={path.name: str(path) for path in sorted((directory / "tokens").iterdir())},
                )
            )
            await stop.wait()
            group.cancel_scope.cancel()
