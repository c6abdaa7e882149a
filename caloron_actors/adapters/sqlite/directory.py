"""The state directory: made private, checked, and held by one process at a time."""

import errno
import fcntl
import os
import stat
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from caloron_actors.ports.errors import StateBusy, StateUnusable

LOCK = "lock"
PRIVATE = 0o700


class StateDirectory:
    """A state directory that this process holds. Get one with `hold`."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    @contextmanager
    def hold(cls, path: Path) -> Generator["StateDirectory", None, None]:
        """Create the directory where it is missing (0700), lock it, and give it up at the end.

        Raises `StateBusy` naming the holder's pid, and `StateUnusable` for a place that is a symbolic link, no
        directory, another user's, open to others, or not writable. Nothing is changed in a refused place.
        """
        path = path.absolute()
        descriptor = _open(path)
        try:
            _check(path, descriptor)
            lock = _lock(path, descriptor)
            try:
                yield cls(path)
            finally:
                os.close(lock)
        finally:
            os.close(descriptor)


def _open(path: Path) -> int:
    """Open the directory itself, made with its missing parents when there is none."""
    try:
        for missing in [p for p in (path, *path.parents) if not os.path.lexists(p)][::-1]:
            missing.mkdir(PRIVATE, exist_ok=True)
        if path.is_symlink():
            raise StateUnusable(f"state directory {path} is a symbolic link; name the directory it points to")
        return os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except NotADirectoryError as error:
        raise StateUnusable(f"state directory {path} is not a directory; name another one") from error
    except OSError as error:
        raise StateUnusable(
            f"state directory {path} cannot be opened: {error.strerror}; check its permissions or name another one"
        ) from error


def _check(path: Path, descriptor: int) -> None:
    found = os.fstat(descriptor)
    if found.st_uid != os.geteuid():
        raise StateUnusable(
            f"state directory {path} belongs to user id {found.st_uid}, not to {os.geteuid()}; "
            "run as its owner or name another one"
        )
    if stat.S_IMODE(found.st_mode) & 0o077 == 0:
        return
    names = os.listdir(descriptor)
    if names and LOCK not in names:
        raise StateUnusable(
            f"state directory {path} holds other files and is open to other users; "
            f"name an empty one, or run `chmod 700` on it if it is meant"
        )
    os.fchmod(descriptor, PRIVATE)


def _lock(path: Path, directory: int) -> int:
    """Take the lock and write our pid into it. The kernel drops it with the process, however that ends."""
    try:
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK
        lock = os.open(LOCK, flags, 0o600, dir_fd=directory)
    except OSError as error:
        raise StateUnusable(
            f"lock file {path / LOCK} cannot be opened: {error.strerror}; check its permissions"
        ) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.ftruncate(lock, 0)
        os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
    except OSError as error:
        holder = os.pread(lock, 32, 0).decode("ascii", "replace").strip()
        os.close(lock)
        if error.errno in {errno.EWOULDBLOCK, errno.EACCES}:
            who = f"process {holder}" if holder.isdigit() else "another process"
            raise StateBusy(
                f"state directory {path} is in use by {who}; end that first or name another one"
            ) from error
        raise StateUnusable(f"lock file {path / LOCK} cannot be used: {error.strerror}") from error
    return lock


def holder(path: Path) -> int | None:
    """The process that holds a state directory; None when nobody does, or one that cannot be seen from here.

    It is the one named in the lock file, if that is open there. The lock itself is not tried: a service that starts just
    now must find it free.
    """
    try:
        lock = (path / LOCK).lstat()
        told = (path / LOCK).read_text(encoding="ascii").strip()
        opened = list(Path(f"/proc/{int(told)}/fd").iterdir())
    except (OSError, ValueError):
        return None
    return int(told) if any(_is(file, lock) for file in opened) else None


def _is(file: Path, lock: os.stat_result) -> bool:
    try:
        return os.path.samestat(file.stat(), lock)
    except OSError:
        return False
