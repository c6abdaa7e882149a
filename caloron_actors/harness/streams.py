"""The three pipes to the agent: the prompt goes in as it is read, both outputs come out into their logs."""

import contextlib
import os
import select

from caloron_actors.harness.log import Log
from caloron_actors.harness.start import Agent

CHUNK = 65536
LAST_CHUNKS = 256
"""A pipe that somebody outside the tree still writes to is read this often after the end, and no more."""


class Streams:
    """Moves bytes whenever a poll says so; never blocks on the agent."""

    def __init__(self, prompt: str, cap: int) -> None:
        """Open both logs (at most `cap` bytes each) and the prompt's file, in the current directory. Raises OSError."""
        self._out = Log("stdout", cap)
        self._err = Log("stderr", cap)
        self._prompt = os.open(prompt, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        self._open: dict[int, Log] = {}
        self._stdin: int | None = None
        self._pending = b""

    def attach(self, agent: Agent) -> None:
        """Take over our ends of a command's pipes."""
        self._open = {agent.stdout: self._out, agent.stderr: self._err}
        self._stdin = agent.stdin
        self._feed()

    @property
    def total(self) -> int:
        """How many bytes the agent has printed."""
        return self._out.total + self._err.total

    def watch(self, poll: select.poll) -> None:
        """Register what is still open."""
        for descriptor in self._open:
            poll.register(descriptor, select.POLLIN)
        if self._stdin is not None:
            poll.register(self._stdin, select.POLLOUT)

    def move(self, descriptor: int) -> None:
        """Move what can be moved on a descriptor that the poll reported."""
        if descriptor == self._stdin:
            self._feed()
        elif descriptor in self._open:
            self._read(descriptor)

    def drain(self) -> None:
        """Read what is left in the pipes after the last process of the tree has ended, and close them."""
        for descriptor in tuple(self._open):
            for _ in range(LAST_CHUNKS):
                if not self._read(descriptor):
                    break
            if descriptor in self._open:
                self._close(descriptor)
        self._end_prompt()

    def finish(self) -> None:
        """Make the logs durable. Raises OSError when that cannot be done yet."""
        self._out.finish()
        self._err.finish()

    def _read(self, descriptor: int) -> bool:
        try:
            chunk = os.read(descriptor, CHUNK)
        except BlockingIOError:
            return False
        if not chunk:
            self._close(descriptor)
            return False
        self._open[descriptor].write(chunk)
        return True

    def _close(self, descriptor: int) -> None:
        del self._open[descriptor]
        os.close(descriptor)

    def _feed(self) -> None:
        if self._stdin is None:
            return
        # A command that does not read, or reads no further, is within its rights.
        with contextlib.suppress(BlockingIOError):
            try:
                while pending := self._pending or os.read(self._prompt, CHUNK):
                    self._pending = pending
                    self._pending = pending[os.write(self._stdin, pending) :]
            except BrokenPipeError:
                self._pending = b""
            self._end_prompt()

    def _end_prompt(self) -> None:
        if self._stdin is not None:
            os.close(self._stdin)
            os.close(self._prompt)
            self._stdin = None
