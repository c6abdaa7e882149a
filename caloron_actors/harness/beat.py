"""Beats to the service's agents socket: one line each, over a connection of its own. A missing service is no error."""

import contextlib
import json
import os
import select
import socket

PATH_LIMIT = 107
"""Bytes of a Unix socket's path that the kernel takes (sockaddr_un holds 108 with the end mark)."""


class Beats:
    """Tells the service that the run lives. Never blocks: a service that does not listen misses a beat."""

    def __init__(self, path: str, run: str, nonce: str) -> None:
        """Beats of the run `run` to the socket at `path`."""
        self._path = path
        self._run = run
        self._nonce = nonce
        self._sequence = 0
        self._connection: socket.socket | None = None

    def beat(self, total: int) -> None:
        """Send one beat; `total` counts the bytes of output so far."""
        self.close()
        self._sequence += 1
        message = {
            "type": "beat",
            "run": self._run,
            "nonce": self._nonce,
            "pid": os.getpid(),
            "seq": self._sequence,
            "bytes": total,
        }
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.settimeout(0)
        try:
            connect(connection, self._path)
            connection.send(json.dumps(message).encode() + b"\n", socket.MSG_NOSIGNAL)
            connection.shutdown(socket.SHUT_WR)
        except OSError:
            connection.close()
        else:
            self._connection = connection

    def watch(self, poll: select.poll) -> None:
        """Have `poll` report the service's answer, so that the connection is closed after it and not before."""
        if self._connection is not None:
            poll.register(self._connection.fileno(), select.POLLIN)

    def discard(self, descriptor: int) -> bool:
        """Read and drop an answer that came on `descriptor`. False when that is not the beat's connection."""
        if self._connection is None or self._connection.fileno() != descriptor:
            return False
        answer = b""
        with contextlib.suppress(OSError):
            answer = self._connection.recv(4096)
        if not answer:
            self.close()
        return True

    def close(self) -> None:
        """Close the connection of the last beat, if it is still open."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def connect(connection: socket.socket, path: str) -> None:
    """Connect to a Unix socket whatever the length of its path. Raises OSError."""
    if len(os.fsencode(path)) <= PATH_LIMIT:
        connection.connect(path)
        return
    directory, name = os.path.split(path)
    descriptor = os.open(directory, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        connection.connect(f"/proc/self/fd/{descriptor}/{name}")
    finally:
        os.close(descriptor)
