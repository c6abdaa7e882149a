"""The launcher port over real processes: what a run is, is read from its directory and the process table each time."""

import contextlib
import os
import signal
import sys
from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import ParamSpec, TypeVar

import anyio
from anyio.to_thread import run_sync

from caloron_actors.adapters.process import procfs
from caloron_actors.adapters.process.ending import end_remains, end_tree
from caloron_actors.adapters.process.limits import HarnessLimits
from caloron_actors.adapters.process.output import tail
from caloron_actors.adapters.process.records import PROTOCOL, Claim, Damaged, Exit, encode_order
from caloron_actors.adapters.process.rundir import RunDirectory, runs_of
from caloron_actors.adapters.process.spawn import Children, Spawned, last_words
from caloron_actors.domain.ids import SprintId
from caloron_actors.ports.errors import Unavailable
from caloron_actors.ports.launcher import (
    Absent,
    Alive,
    Ended,
    GivenUp,
    LaunchOrder,
    Output,
    RunId,
    RunState,
)

P = ParamSpec("P")
T = TypeVar("T")


class ProcessLauncher:
    """Implements `Launcher`. Keeps nothing that a second instance would miss, except which harnesses to reap."""

    def __init__(
        self,
        runs: Path,
        socket: Path,
        *,
        nonce: Callable[[], str],
        boot_id: str,
        python: str = sys.executable,
        limits: HarnessLimits | None = None,
        extra_env: Mapping[str, str] | None = None,
    ) -> None:
        """Runs live below `runs` (made absolute), beats go to the Unix socket `socket`.

        `nonce` gives an unpredictable word for each run; `boot_id` is the kernel's id of the present boot;
        `extra_env` is what the interpreter of the harness needs to start, such as LD_LIBRARY_PATH.
        """
        self._runs = runs.absolute()
        self._socket = socket.absolute()
        self._nonce = nonce
        self._boot_id = boot_id
        self._limits = limits or HarnessLimits()
        self._children = Children(python, extra_env or {})

    async def launch(self, order: LaunchOrder) -> RunState:
        """See the port."""
        directory = RunDirectory(self._runs, order.run)
        state = await _blocking(self._look, directory)
        if not isinstance(state, Absent):
            return state
        try:
            spawned = await run_sync(self._spawn, directory, order)
        except OSError as refusal:
            return await _blocking(self._give_up, directory, None, f"cannot be started: {refusal}")
        try:
            with anyio.move_on_after(self._limits.claim_timeout.total_seconds()):
                await anyio.wait_readable(spawned.reader)
        finally:
            os.close(spawned.reader)
        state = await _blocking(self._look, directory)
        if isinstance(state, Absent):
            return await _blocking(self._give_up, directory, spawned.pid, "did not claim its run")
        return state

    async def look(self, run: RunId) -> RunState:
        """See the port."""
        return await _blocking(self._look, RunDirectory(self._runs, run))

    async def runs(self, sprint: SprintId) -> list[RunId]:
        """See the port."""
        return await _blocking(runs_of, self._runs, sprint)

    async def wait(self, run: RunId) -> Ended | GivenUp | Absent:
        """See the port."""
        directory = RunDirectory(self._runs, run)
        while True:
            handle = await _blocking(self._handle, directory)
            if handle is not None:
                try:
                    await anyio.wait_readable(handle)
                finally:
                    os.close(handle)
            state = await _blocking(self._look, directory)
            if not isinstance(state, Alive):
                return state

    async def stop(self, run: RunId, grace: timedelta) -> RunState:
        """See the port. Raises Unavailable when a process of the run cannot be ended."""
        directory = RunDirectory(self._runs, run)
        state = await _blocking(self._look, directory)
        if isinstance(state, Absent):
            await _blocking(self._bury, directory)
            state = await _blocking(self._look, directory)
        if not isinstance(state, Alive):
            return state
        await _blocking(self._ask_to_stop, directory, grace)
        with anyio.move_on_after((grace + self._limits.stop_margin).total_seconds()):
            return await self.wait(run)
        await _blocking(self._force, directory)
        return await _blocking(self._look, directory)

    async def renew_lease(self, run: RunId) -> None:
        """See the port."""
        await _blocking(RunDirectory(self._runs, run).renew_lease)

    async def output(self, run: RunId, limit: int) -> Output:
        """See the port."""
        read = partial(tail, RunDirectory(self._runs, run).path)
        return Output(
            stdout=await _blocking(read, "stdout", limit),
            stderr=await _blocking(read, "stderr", limit),
        )

    def _spawn(self, directory: RunDirectory, order: LaunchOrder) -> Spawned:
        content = encode_order(order, self._nonce(), self._socket, self._limits)
        directory.prepare(content, order.prompt.encode(errors="replace"))
        self._children.reap()
        return self._children.spawn(directory.path)

    def _bury(self, directory: RunDirectory) -> None:
        """Take the slot of a run that nobody has claimed, and end who would still come for it or whose records are gone."""
        if directory.bury():
            end_remains(directory)

    def _give_up(self, directory: RunDirectory, pid: int | None, reason: str) -> RunState:
        """Bury the slot of a launch that failed. The one who links first has it: a late claim is a claim."""
        try:
            buried = directory.bury()
        except OSError as refusal:
            message = f"the harness {reason}; no tombstone: {refusal}"
            raise Unavailable(message, ambiguous=pid is not None) from refusal
        if pid is not None and buried:
            self._children.kill(pid)
        state = self._look(directory)
        if not buried and not isinstance(state, GivenUp):
            return state
        words = last_words(directory.path)
        raise Unavailable(f"the harness {reason}{': ' if words else ''}{words}", ambiguous=False)

    def _look(self, directory: RunDirectory) -> RunState:
        self._children.reap()
        claim = directory.claim()
        if claim is None:
            return Absent()
        if isinstance(claim, Claim):
            if claim.tombstone:
                return GivenUp()
            # Life is looked at before the record: a harness that is dead by now writes no more.
            if self._is_alive(claim):
                return Alive(pid=claim.pid, nonce=claim.nonce)
        end = directory.end()
        if isinstance(end, Exit):
            return _ended(end)
        if isinstance(claim, Damaged):
            return self._lost(directory, claim.detail, boot=None)
        detail = "the harness died without a record" if end is None else end.detail
        return self._lost(directory, detail, boot=claim.boot)

    def _lost(self, directory: RunDirectory, detail: str, boot: str | None) -> Ended:
        """End what a dead harness has left, unless that was before this boot."""
        if boot in {None, self._boot_id}:
            end_remains(directory)
        end = Exit(
            version=PROTOCOL,
            cause="stopped" if directory.stop_was_asked() else "lost",
            started=directory.started() is not None,
            detail=detail,
        )
        # On record, so that a later look does not search the process table for this run again.
        with contextlib.suppress(OSError):
            directory.record_end(end)
        return _ended(end)

    def _is_alive(self, claim: Claim) -> bool:
        return claim.boot == self._boot_id and procfs.is_alive(claim.pid, claim.start)

    def _handle(self, directory: RunDirectory) -> int | None:
        claim = directory.claim()
        if not isinstance(claim, Claim) or claim.tombstone or claim.boot != self._boot_id:
            return None
        return procfs.open_handle(claim.pid, claim.start)

    def _ask_to_stop(self, directory: RunDirectory, grace: timedelta) -> None:
        claim = directory.claim()
        if isinstance(claim, Claim) and self._is_alive(claim):
            # A full disk costs the wish for this very grace, not the stop.
            with contextlib.suppress(OSError):
                directory.ask_to_stop(grace)
            procfs.send(claim.pid, claim.start, signal.SIGTERM)

    def _force(self, directory: RunDirectory) -> None:
        claim = directory.claim()
        if isinstance(claim, Claim) and self._is_alive(claim):
            end_tree(claim, directory)


def _ended(end: Exit) -> Ended:
    return Ended(cause=end.cause, started=end.started, code=end.code, signal=end.signal, detail=end.detail)


async def _blocking(call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run file and process work beside the loop. What the system refuses is trouble of this host, for now."""
    try:
        return await run_sync(partial(call, *args, **kwargs))
    except OSError as refusal:
        raise Unavailable(f"the run directory or process table: {refusal}", ambiguous=True) from refusal
