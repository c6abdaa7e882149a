"""The service's doors together: HTTP on a loopback port and the agents' socket, opened and closed as one."""

import socket
import stat
from contextlib import ExitStack, suppress
from pathlib import Path

import anyio
from anyio.abc import TaskStatus

from caloron_actors.adapters.http.agents import AgentsSocket
from caloron_actors.adapters.http.embedding import serve_asgi
from caloron_actors.adapters.http.routes import application
from caloron_actors.adapters.http.sockets import bind_tcp, bind_unix
from caloron_actors.ports.errors import StateUnusable
from caloron_actors.ports.listening import Addresses, Door

SOCKET_MODE = 0o600


class HttpListening:
    """Implements `ports.listening.Listening`. `port` 0 takes a free one, None leaves HTTP closed.

    `token` is asked of every caller that may change something; it must not be empty when HTTP is open.
    """

    def __init__(self, *, host: str = "127.0.0.1", port: int | None, token: str, agents_socket: Path) -> None:
        if port is not None and not token:
            raise ValueError("HTTP needs a token")
        self._host = host
        self._port = port
        self._token = token
        self._agents_socket = agents_socket.absolute()

    async def serve(
        self, door: Door, *, task_status: TaskStatus[Addresses] = anyio.TASK_STATUS_IGNORED
    ) -> None:
        """Open all doors, tell their addresses, and serve until cancelled."""
        _private(self._agents_socket.parent)
        with ExitStack() as sockets:
            agents = sockets.enter_context(bind_unix(self._agents_socket, SOCKET_MODE))
            tcp = None if self._port is None else sockets.enter_context(bind_tcp(self._host, self._port))
            async with anyio.create_task_group() as group:
                if tcp is not None:
                    await group.start(serve_asgi, application(door, self._token), [tcp])
                await group.start(AgentsSocket(door).serve, agents)
                task_status.started(
                    Addresses(http=None if tcp is None else url(tcp), agents_socket=str(self._agents_socket))
                )


def url(listener: socket.socket) -> str:
    """The URL, without a path, that reaches a bound TCP socket."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _private(directory: Path) -> None:
    """Make the directory (0700) or see that nobody else may write into it."""
    with suppress(FileExistsError):
        directory.mkdir(0o700, parents=True)
    found = directory.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_mode & 0o022:
        raise StateUnusable(
            f"{directory} must be a directory that only its owner can write; run `chmod 700` on it"
        )
