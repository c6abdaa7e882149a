"""Watches a started command to its end and beyond: limits, lease, stopping, and the proof that nothing is left.

One loop over one poll: output is drained and beats go out in every phase, also while processes are being ended.
"""

import os
import select
import signal
import time
from enum import Enum, auto
from pathlib import Path

from caloron_actors.harness import procfs, records
from caloron_actors.harness.beat import Beats
from caloron_actors.harness.lease import Lease
from caloron_actors.harness.order import Order, decode_grace
from caloron_actors.harness.records import Exit
from caloron_actors.harness.signals import Signals
from caloron_actors.harness.start import Agent
from caloron_actors.harness.streams import Streams

KILL_AGAIN = 0.05
"""Seconds between two sweeps of a tree that does not empty, doubling up to a second."""


class _Phase(Enum):
    RUNNING = auto()
    ENDING = auto()
    KILLING = auto()


class Watch:
    """The life of one command. Make one, `run` it once, then `settle`."""

    def __init__(self, order: Order, agent: Agent, streams: Streams, signals: Signals) -> None:
        """Take over a command that was just started; `order` holds its limits."""
        self._order = order
        self._agent = agent
        self._signals = signals
        self._streams = streams
        streams.attach(agent)
        self._beats = Beats(order.socket, order.run, order.nonce)
        now = time.monotonic()
        self._lease = Lease(now)
        self._lease_interval = min(order.beat, order.orphan_limit / 4)
        self._next_beat = self._next_lease = now
        self._wall_end = None if order.wall_time is None else now + order.wall_time
        self._phase = _Phase.RUNNING
        self._cause = "exited"
        self._deadline = now
        self._status: int | None = None
        self._empty = False
        self._reaped = False
        self._kill_again = KILL_AGAIN
        self._asked: set[tuple[int, int]] = set()

    def run(self) -> Exit:
        """Return when the command has ended and no process of its tree is left."""
        while not self._empty:
            self._turn(self._timeout(time.monotonic()))
            self._reap()
            self._advance(time.monotonic())
        self._streams.drain()
        code, number = _split(self._status)
        return Exit(cause=self._cause, started=True, code=code, signal=number)

    def settle(self, end: Exit) -> None:
        """Put the end on record, however long the disk takes to have room for it. Gives up with a removed directory."""
        pause = 0.05
        while Path().stat().st_nlink:
            try:
                self._streams.finish()
                records.record_exit(end)
            except OSError:
                until = time.monotonic() + pause
                pause = min(5.0, pause * 2)
                while (left := until - time.monotonic()) > 0:
                    self._turn(left)
                    self._beat(time.monotonic())
            else:
                break
        self._beats.close()

    def _turn(self, timeout: float) -> None:
        poll = select.poll()
        poll.register(self._signals.reader, select.POLLIN)
        self._streams.watch(poll)
        self._beats.watch(poll)
        for descriptor, _ in poll.poll(max(0.0, timeout) * 1000):
            if descriptor == self._signals.reader:
                self._signals.drain()
            elif not self._beats.discard(descriptor):
                self._streams.move(descriptor)

    def _timeout(self, now: float) -> float:
        moments = [self._next_beat]
        if self._phase is _Phase.RUNNING:
            moments.append(self._next_lease)
            if self._wall_end is not None:
                moments.append(self._wall_end)
        else:
            moments.append(self._deadline)
        return min(moments) - now

    def _reap(self) -> None:
        self._reaped = False
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                # As the subreaper we are the ancestor of everything that is left, so no child means no process.
                self._empty = True
                return
            if pid == 0:
                return
            self._reaped = True
            if pid == self._agent.pid:
                self._status = status

    def _advance(self, now: float) -> None:
        self._beat(now)
        if self._empty:
            return
        match self._phase:
            case _Phase.RUNNING:
                self._look_for_an_end(now)
            case _Phase.ENDING:
                self._shorten(now)
                if self._reaped:
                    self._terminate()
                if now >= self._deadline:
                    self._phase = _Phase.KILLING
                    self._kill(now)
            case _Phase.KILLING:
                if now >= self._deadline:
                    self._kill(now)

    def _look_for_an_end(self, now: float) -> None:
        if self._status is not None:
            self._end("exited", now + self._order.leftover_grace)
        elif self._signals.terms:
            self._end("stopped", now + self._asked_grace())
        elif self._wall_end is not None and now >= self._wall_end:
            self._end("wall_time", now + self._order.stop_grace)
        elif now >= self._next_lease:
            self._next_lease = now + self._lease_interval
            if self._lease.age(now) >= self._order.orphan_limit:
                self._end("orphaned", now + self._order.stop_grace)

    def _end(self, cause: str, deadline: float) -> None:
        self._phase, self._cause, self._deadline = _Phase.ENDING, cause, deadline
        self._signals.terms = 0
        self._terminate()

    def _terminate(self) -> None:
        """Ask every process of the tree to end that was not asked before; a tree may still grow while it ends."""
        tree = procfs.descendants(os.getpid())
        for process in tree:
            if (process.pid, process.start) not in self._asked:
                procfs.send(process, signal.SIGTERM)
                procfs.send(process, signal.SIGCONT)
        self._asked.update((process.pid, process.start) for process in tree)

    def _shorten(self, now: float) -> None:
        """Heed a later stop that has less patience."""
        if self._signals.terms:
            self._signals.terms = 0
            self._deadline = min(self._deadline, now + self._asked_grace())

    def _asked_grace(self) -> float:
        grace = decode_grace(records.read("stop.json"))
        return self._order.stop_grace if grace is None else grace

    def _kill(self, now: float) -> None:
        self._deadline = now + self._kill_again
        self._kill_again = min(1.0, self._kill_again * 2)
        for process in procfs.descendants(os.getpid()):
            procfs.send(process, signal.SIGKILL)

    def _beat(self, now: float) -> None:
        if now >= self._next_beat:
            self._next_beat = now + self._order.beat
            self._beats.beat(self._streams.total)


def _split(status: int | None) -> tuple[int | None, int | None]:
    if status is None:
        return None, None
    code = os.waitstatus_to_exitcode(status)
    return (code, None) if code >= 0 else (None, -code)
