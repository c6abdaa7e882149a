"""The process table: who is alive, who belongs to whom, and signals that only reach the process that was meant."""

import contextlib
import os
import select
import signal
from collections.abc import Iterable
from pathlib import Path

import msgspec


class Process(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the table. `start` is field 22 of /proc/PID/stat, in clock ticks since the boot."""

    pid: int
    parent: int
    group: int
    session: int
    start: int
    dead: bool


def look(pid: int) -> Process | None:
    """The process with this pid; a zombie is given with `dead` set.

    Raises OSError when the table cannot be read now (no descriptor is free): that is no proof of anybody's death.
    """
    try:
        raw = Path(f"/proc/{pid}/stat").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The command's name, in parentheses, may itself contain blanks and parentheses.
    fields = raw[raw.rfind(b")") + 2 :].split()
    return Process(
        pid=pid,
        parent=int(fields[1]),
        group=int(fields[2]),
        session=int(fields[3]),
        start=int(fields[19]),
        dead=fields[0] in {b"Z", b"X"},
    )


def is_alive(pid: int, start: int) -> bool:
    """Whether that very process lives. A zombie does not."""
    process = look(pid)
    return process is not None and not process.dead and process.start == start


def table() -> list[Process]:
    """Every process there is, zombies too."""
    pids = (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())
    return [process for pid in pids if (process := look(pid)) is not None]


def descendants(root: int) -> list[Process]:
    """Every living process below `root`."""
    children: dict[int, list[Process]] = {}
    for process in table():
        children.setdefault(process.parent, []).append(process)
    found: list[Process] = []
    waiting = [root]
    while waiting:
        below = children.get(waiting.pop(), [])
        found.extend(process for process in below if not process.dead)
        waiting.extend(process.pid for process in below)
    return found


def environment(pid: int) -> frozenset[bytes]:
    """The `NAME=value` entries a process was started with; empty when they may not be read."""
    with contextlib.suppress(OSError):
        return frozenset(Path(f"/proc/{pid}/environ").read_bytes().split(b"\0"))
    return frozenset()


def command_line(pid: int) -> tuple[bytes, ...]:
    """The words a process was started with; empty when they may not be read."""
    with contextlib.suppress(OSError):
        return tuple(Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[:-1])
    return ()


def open_handle(pid: int, start: int) -> int | None:
    """A pidfd of exactly this living process, for the caller to close; None when it is gone. Raises OSError."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return None
    # The pid may have changed hands before the open; from here on it cannot under this descriptor.
    if is_alive(pid, start):
        return descriptor
    os.close(descriptor)
    return None


def send(pid: int, start: int, number: signal.Signals) -> bool:
    """Signal exactly this process. False when it is gone or may not be signalled."""
    descriptor = open_handle(pid, start)
    if descriptor is None:
        return False
    try:
        signal.pidfd_send_signal(descriptor, number)
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return True


def await_ends(processes: Iterable[Process], limit_ms: int) -> None:
    """Block until these processes have ended, at most `limit_ms` for each."""
    for process in processes:
        descriptor = open_handle(process.pid, process.start)
        if descriptor is not None:
            poll = select.poll()
            poll.register(descriptor, select.POLLIN)
            poll.poll(limit_ms)
            os.close(descriptor)
