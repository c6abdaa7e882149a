"""Starts the agent's command: its own session, exactly the given environment, three pipes, and death with its harness."""

import contextlib
import ctypes
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from caloron_actors.harness.order import Order

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_LIBC = ctypes.CDLL(None, use_errno=True)
_RESET = signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}
"""All that can be: a shell, a unit or nohup may have started the service with any of them ignored."""


class CannotStart(Exception):
    """The command could not be started; the message says why."""


@dataclass(frozen=True, slots=True)
class Agent:
    """The started command and our ends of its pipes (non-blocking)."""

    pid: int
    stdin: int
    stdout: int
    stderr: int


def become_subreaper() -> None:
    """Have every orphan of the tree below us become our child: nothing can leave the tree."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def start(order: Order, announce: Callable[[int], None]) -> Agent:
    """Start the command. Raises CannotStart.

    `announce` gets the pid before the command runs: what it writes is on disk when the command's first instruction is
    executed. An OSError of its is a reason not to start.
    """
    if not order.argv or not Path(order.argv[0]).is_absolute():
        # A relative word would be looked up in the worktree, where the agent decides what it means.
        raise CannotStart("the command's first word is not an absolute path")
    pipes = _Pipes()
    harness = os.getpid()
    pid = os.fork()
    if pid == 0:
        _become_command(order, pipes, harness)
    pipes.close_child_side()
    failure = _open_gate(pid, pipes, announce)
    os.close(pipes.failure[0])
    if failure:
        for descriptor in (pipes.stdin[1], pipes.stdout[0], pipes.stderr[0]):
            os.close(descriptor)
        os.waitpid(pid, 0)
        raise CannotStart(failure)
    agent = Agent(pid=pid, stdin=pipes.stdin[1], stdout=pipes.stdout[0], stderr=pipes.stderr[0])
    for descriptor in (agent.stdin, agent.stdout, agent.stderr):
        os.set_blocking(descriptor, False)
    return agent


class _Pipes:
    """(read, write) pairs. The child waits at the gate; `failure` ends at its exec, or carries why there was none."""

    def __init__(self) -> None:
        self.stdin = os.pipe()
        self.stdout = os.pipe()
        self.stderr = os.pipe()
        self.gate = os.pipe()
        self.failure = os.pipe()

    def close_child_side(self) -> None:
        for descriptor in (self.stdin[0], self.stdout[1], self.stderr[1], self.gate[0], self.failure[1]):
            os.close(descriptor)


def _open_gate(pid: int, pipes: _Pipes, announce: Callable[[int], None]) -> str:
    """Let the child go once its start is on record, and give the reason if it did not become the command."""
    try:
        announce(pid)
    except OSError as refusal:
        os.close(pipes.gate[1])
        return f"its start could not be recorded: {refusal}"
    with contextlib.suppress(BrokenPipeError):
        os.write(pipes.gate[1], b"g")
    os.close(pipes.gate[1])
    return os.read(pipes.failure[0], 4096).decode(errors="replace")


def _become_command(order: Order, pipes: _Pipes, harness: int) -> NoReturn:
    try:
        os.setsid()
        _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != harness:
            os._exit(127)
        signal.set_wakeup_fd(-1)
        for number in _RESET:
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, [])
        os.close(pipes.gate[1])
        if os.read(pipes.gate[0], 1) != b"g":
            os._exit(127)
        for source, target in ((pipes.stdin[0], 0), (pipes.stdout[1], 1), (pipes.stderr[1], 2)):
            os.dup2(source, target)
        os.chdir(order.cwd)
        os.execve(order.argv[0], order.argv, order.env)  # noqa: S606 - no shell is the point
    except BaseException as failure:
        with contextlib.suppress(BaseException):
            os.write(pipes.failure[1], f"{type(failure).__name__}: {failure}".encode(errors="replace"))
    finally:
        sys.stderr = None
        os._exit(127)


def _prctl(option: int, value: int) -> None:
    if _LIBC.prctl(option, value, 0, 0, 0) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
