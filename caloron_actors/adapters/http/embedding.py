"""An ASGI application on our own sockets, inside our own task group: no signals taken, an end within a deadline."""

import asyncio
import contextlib
import socket
from collections.abc import Awaitable, Callable, Generator, MutableMapping, Sequence
from typing import Any

import anyio
import uvicorn
from anyio.abc import TaskStatus

from caloron_actors.ports.errors import Unavailable

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
App = Callable[
    [Scope, Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]], Awaitable[None]
]
"""An ASGI application, in the specification's own untyped terms."""

FINISH_SECONDS = 2
"""How long requests under way may take to finish once the server stops."""
STOP_SECONDS = 5.0
"""When the whole stop is cut short."""
CONNECTIONS = 512
"""Connections and requests at once; more are answered 503."""
DATE_SECONDS = 1.0


class EmbeddedServer(uvicorn.Server):
    """uvicorn without its signal handlers, told by events when it is up and when it shall stop."""

    def __init__(self, app: App) -> None:
        config = uvicorn.Config(
            app,
            http="h11",
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            limit_concurrency=CONNECTIONS,
            timeout_graceful_shutdown=FINISH_SECONDS,
        )
        super().__init__(config)
        self.up = anyio.Event()
        self._stop = anyio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Leave the process's signals alone."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and say so."""
        await super().startup(sockets)
        self.up.set()

    async def main_loop(self) -> None:
        """Wait for the stop; in between only the Date header is renewed."""
        while not await self.on_tick(0):
            with anyio.move_on_after(DATE_SECONDS):
                await self._stop.wait()

    def stop(self) -> None:
        """Let the server finish."""
        self.should_exit = True
        self._stop.set()

    async def drop(self) -> None:
        """Cut what is left after the stop: requests that did not finish, connections that did not close."""
        tasks = list(self.server_state.tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=1.0)
        for connection in list(self.server_state.connections):
            connection.transport.abort()


async def serve_asgi(
    app: App, sockets: Sequence[socket.socket], *, task_status: TaskStatus[None] = anyio.TASK_STATUS_IGNORED
) -> None:
    """Serve `app` on bound sockets until cancelled; then finish requests, cut late ones and close the sockets.

    Raises `Unavailable` when the server cannot start or ends by itself.
    """
    server = EmbeddedServer(app)
    shield = anyio.CancelScope(shield=True)
    ended: list[BaseException | None] = []

    async def run(group_scope: anyio.CancelScope) -> None:
        with shield:
            try:
                await server.serve(sockets=list(sockets))
                ended.append(None)
            except (SystemExit, OSError) as error:  # uvicorn ends the interpreter where it cannot start
                ended.append(error)
        if not server.should_exit:
            group_scope.cancel()

    try:
        async with anyio.create_task_group() as group:
            group.start_soon(run, group.cancel_scope)
            try:
                await server.up.wait()
                task_status.started()
                await anyio.sleep_forever()
            finally:
                shield.deadline = anyio.current_time() + STOP_SECONDS
                server.stop()
    finally:
        with anyio.CancelScope(shield=True):
            await server.drop()
        for listener in sockets:
            listener.close()
    raise Unavailable(f"the HTTP server ended: {ended[0] if ended else None}", ambiguous=False)
