"""Ends what is left of a run whose harness cannot do it any more, and proves that nothing is left. Every call blocks."""

import os
import signal
from pathlib import Path

from caloron_actors.adapters.process import procfs
from caloron_actors.adapters.process.procfs import Process
from caloron_actors.adapters.process.records import Claim, Started
from caloron_actors.adapters.process.rundir import RunDirectory
from caloron_actors.adapters.process.spawn import HARNESS
from caloron_actors.ports.errors import Unavailable

ROUNDS = 100
"""Sweeps before giving up on a process that cannot be killed."""
WAIT_MS = 100
MARK_PREFIX = "CALORON_"
MARK_NAME = "CALORON_WORKTREE"


def end_tree(claim: Claim, directory: RunDirectory) -> None:
    """Kill a harness that does not end by itself, and its whole tree. Raises Unavailable when something survives.

    The tree goes first: while its subreaper lives nothing can leave the tree.
    """
    for _ in range(ROUNDS):
        below = procfs.descendants(claim.pid) if procfs.is_alive(claim.pid, claim.start) else []
        if not below:
            break
        _kill(below)
    procfs.send(claim.pid, claim.start, signal.SIGKILL)
    harness = procfs.look(claim.pid)
    if harness is not None and harness.start == claim.start:
        procfs.await_ends([harness], WAIT_MS * ROUNDS)
    end_remains(directory)


def end_remains(directory: RunDirectory) -> None:
    """Kill every process of a run whose harness is dead or unknown. Raises Unavailable when one survives."""
    left: list[Process] = []
    for _ in range(ROUNDS):
        left = _remains(directory)
        if not left:
            return
        _kill(left)
    raise Unavailable(f"processes of {directory.path.name} cannot be ended: {left}", ambiguous=True)


def _kill(processes: list[Process]) -> None:
    for process in processes:
        procfs.send(process.pid, process.start, signal.SIGKILL)
    procfs.await_ends(processes, WAIT_MS)


def _remains(directory: RunDirectory) -> list[Process]:
    """Living processes of the agent's group, those that carry the run's marks, and a harness on this directory."""
    started = directory.started()
    marks = _marks(directory.environment())
    us = os.getpid()
    alive = [process for process in procfs.table() if not process.dead and process.pid != us]
    left = [
        process
        for process in alive
        if (isinstance(started, Started) and _in_group(process, started))
        or (marks and marks <= procfs.environment(process.pid))
    ]
    harnesses = [process for process in alive if _is_harness(process, directory.path)]
    for harness in harnesses:
        left.extend(procfs.descendants(harness.pid))
    return left + harnesses


def _in_group(process: Process, started: Started) -> bool:
    """Whether a process is of the agent's group or session, whose number another group may have got since."""
    if started.pid not in {process.group, process.session} or process.start < started.start:
        return False
    leader = procfs.look(started.pid)
    return leader is None or leader.start == started.start


def _marks(env: dict[str, str]) -> frozenset[bytes]:
    """What a process that left the group still carries: the run's own variables, as far as they name one worktree."""
    if not Path(env.get(MARK_NAME, "")).is_absolute():
        return frozenset()
    own = {name: value for name, value in env.items() if name.startswith(MARK_PREFIX)}
    return frozenset(f"{name}={value}".encode(errors="surrogateescape") for name, value in own.items())


def _is_harness(process: Process, path: Path) -> bool:
    words = procfs.command_line(process.pid)
    return len(words) >= 2 and words[-1] == os.fsencode(path) and HARNESS.encode() in words
