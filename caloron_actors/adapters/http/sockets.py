"""Listening sockets made by us: loopback only on TCP, private modes and any length of path on Unix."""

import errno
import ipaddress
import os
import socket
import stat
from contextlib import suppress
from pathlib import Path

from caloron_actors.ports.errors import StateUnusable

PATH_LIMIT = 107
"""Bytes of a Unix socket's path that the kernel takes (sockaddr_un holds 108 with the end mark)."""
NAME_LIMIT = 80
"""Bytes of the last part of a path that still fit behind `/proc/self/fd/N/`."""
BACKLOG = 1024


class UnixListener(socket.socket):
    """A listening Unix socket that removes its file when it is closed, unless the file is another's by then."""

    place: Path | None = None
    identity: tuple[int, int] = (0, 0)

    def close(self) -> None:
        """Close, and remove the file of this socket."""
        place, self.place = self.place, None
        if place is not None:
            with suppress(OSError):
                if _identity(place) == self.identity:
                    place.unlink()
        super().close()


def bind_tcp(host: str, port: int) -> socket.socket:
    """Listen on a loopback address; port 0 takes a free one. Raises `StateUnusable` for any other host or a port in use.

    The protocol number is given because asyncio turns Nagle's delay off only for sockets that carry it.
    """
    try:
        address = ipaddress.ip_address("127.0.0.1" if host == "localhost" else host)
    except ValueError:
        address = ipaddress.IPv4Address(0)
    if not address.is_loopback:
        raise StateUnusable(f"{host} is not a loopback address; nothing here listens beyond this host")
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((str(address), port))
        listener.listen(BACKLOG)
        listener.settimeout(0)
    except (OSError, OverflowError) as error:
        listener.close()
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise StateUnusable(f"cannot listen on {host}:{port}: {why}; choose another port") from error
    return listener


def bind_unix(path: Path, mode: int) -> socket.socket:
    """Listen on a Unix socket with file mode `mode`; closing it removes the file.

    The file of a service that is gone is replaced, missing parents are made (0700), and a path that is too long for
    the kernel is reached through its directory. Raises `StateUnusable` where something else is, or listens, at `path`.
    """
    listener = UnixListener(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        path.parent.mkdir(0o700, parents=True, exist_ok=True)
        directory = os.open(path.parent, os.O_PATH | os.O_DIRECTORY)
        try:
            address = _address(path, directory)
            _remove_stale(path, address)
            # Linux gives the file the mode of the unbound socket, so it is never open to others in between.
            os.fchmod(listener.fileno(), mode)
            listener.bind(address)
        finally:
            os.close(directory)
        path.chmod(mode)
        listener.place, listener.identity = path, _identity(path)
        listener.listen(BACKLOG)
        listener.settimeout(0)
    except OSError as error:
        listener.close()
        raise StateUnusable(f"cannot listen on {path}: {error.strerror}; choose another path") from error
    except StateUnusable:
        listener.close()
        raise
    return listener


def _address(path: Path, directory: int) -> str:
    if len(os.fsencode(path)) <= PATH_LIMIT:
        return str(path)
    if len(os.fsencode(path.name)) > NAME_LIMIT:
        raise StateUnusable(f"cannot listen on {path}: its last part is too long; choose a shorter name")
    return f"/proc/self/fd/{directory}/{path.name}"


def _remove_stale(path: Path, address: str) -> None:
    """Remove the socket file of a process that is gone; anything else at the path is left alone."""
    if not os.path.lexists(path):
        return
    if not stat.S_ISSOCK(path.lstat().st_mode):
        raise StateUnusable(
            f"cannot listen on {path}: something else is there; move it away or choose another path"
        )
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as caller:
        caller.settimeout(0)
        if caller.connect_ex(address) != errno.ECONNREFUSED:
            raise StateUnusable(
                f"cannot listen on {path}: another process does; end it or choose another path"
            )
    path.unlink()


def _identity(path: Path) -> tuple[int, int]:
    found = path.lstat()
    return found.st_dev, found.st_ino
