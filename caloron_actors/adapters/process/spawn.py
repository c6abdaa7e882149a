"""Starts harness processes and reaps the ones that are our own children. A harness may outlive this process."""

import contextlib
import os
import signal
import subprocess
import threading
from collections.abc import Mapping
from pathlib import Path

import msgspec

HARNESS = "caloron_actors.harness"
_PACKAGE_ROOT = Path(__file__).resolve().parents[3]
_LOG_LIMIT = 1000


class Spawned(msgspec.Struct, frozen=True):
    """A harness on its way. `reader` becomes readable when it has claimed its run (a line) or has ended (its end)."""

    pid: int
    reader: int


class Children:
    """The harnesses that this process started and has not reaped yet."""

    def __init__(self, python: str, extra_env: Mapping[str, str]) -> None:
        """`python` is the interpreter's absolute path; `extra_env` is what it needs besides the usual."""
        self._python = python
        # Not our own environment: it may hold secrets, and the agent can read the harness's.
        self._env = {"PATH": os.defpath, "LC_ALL": "C.UTF-8", **extra_env, "PYTHONPATH": str(_PACKAGE_ROOT)}
        self._pids: set[int] = set()
        self._lock = threading.Lock()

    def spawn(self, directory: Path) -> Spawned:
        """Start a harness on a prepared run directory. Raises OSError."""
        reader, writer = os.pipe()
        try:
            flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
            log = os.open(directory / "harness.log", flags, 0o600)
            try:
                process = _Detached(
                    [self._python, "-P", "-S", "-m", HARNESS, str(directory)],
                    cwd=directory,
                    env=self._env,
                    stdin=subprocess.DEVNULL,
                    stdout=writer,
                    stderr=log,
                    start_new_session=True,
                    close_fds=True,
                )
            finally:
                os.close(log)
        except BaseException:
            os.close(reader)
            raise
        finally:
            os.close(writer)
        with self._lock:
            self._pids.add(process.pid)
        return Spawned(process.pid, reader)

    def reap(self) -> None:
        """Take the exit statuses of all harnesses that have ended, so that none stays a zombie."""
        with self._lock:
            for pid in tuple(self._pids):
                with contextlib.suppress(ChildProcessError):
                    if os.waitpid(pid, os.WNOHANG) == (0, 0):
                        continue
                self._pids.discard(pid)

    def kill(self, pid: int) -> None:
        """End a harness that never claimed its run, and reap it."""
        with self._lock:
            if pid in self._pids:
                # Our own child, not reaped: the pid cannot have changed hands.
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
                self._pids.discard(pid)


def last_words(directory: Path) -> str:
    """The end of what a harness wrote about its own trouble."""
    with contextlib.suppress(OSError):
        text = (directory / "harness.log").read_bytes()[-_LOG_LIMIT:].decode(errors="replace")
        return text.strip()
    return ""


class _Detached(subprocess.Popen[bytes]):
    """A child that may live on: dropping the object neither warns nor reaps; `Children` does the reaping."""

    def __del__(self) -> None:
        pass
