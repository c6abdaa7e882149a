"""The process table as /proc shows it: identities that survive the reuse of a pid, and the tree below a process."""

import contextlib
import os
import signal
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Process:
    """One line of the process table. `start` is field 22 of /proc/PID/stat, in clock ticks since the boot."""

    pid: int
    parent: int
    start: int
    dead: bool


def boot_id() -> str:
    """The kernel's id of this boot."""
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()


def look(pid: int) -> Process | None:
    """The process that has this pid now; zombies are given with `dead` set."""
    try:
        raw = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return None
    # The command's name, in parentheses, may itself contain blanks and parentheses.
    fields = raw[raw.rfind(b")") + 2 :].split()
    return Process(pid=pid, parent=int(fields[1]), start=int(fields[19]), dead=fields[0] in {b"Z", b"X"})


def descendants(root: int) -> list[Process]:
    """Every living process below `root`."""
    children: dict[int, list[Process]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (process := look(int(entry.name))) is not None:
            children.setdefault(process.parent, []).append(process)
    found: list[Process] = []
    waiting = [root]
    while waiting:
        below = children.get(waiting.pop(), [])
        found.extend(process for process in below if not process.dead)
        waiting.extend(process.pid for process in below)
    return found


def send(process: Process, number: signal.Signals) -> None:
    """Signal exactly this process: one that got its pid since is left alone, and so is one we may not signal."""
    with contextlib.suppress(OSError):
        descriptor = os.pidfd_open(process.pid)
        try:
            current = look(process.pid)
            if current is not None and current.start == process.start:
                signal.pidfd_send_signal(descriptor, number)
        finally:
            os.close(descriptor)
