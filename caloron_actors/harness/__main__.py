"""`python -P -m caloron_actors.harness RUNDIR`: run the order that lies in RUNDIR, once, whoever else tries it too."""

import contextlib
import os
import signal
import sys
import time
from pathlib import Path

from caloron_actors.harness import procfs, records
from caloron_actors.harness.order import Order, OrderError, decode
from caloron_actors.harness.records import Exit
from caloron_actors.harness.signals import Signals
from caloron_actors.harness.start import CannotStart, become_subreaper, start
from caloron_actors.harness.streams import Streams
from caloron_actors.harness.watch import Watch

CLAIMED = b"claimed\n"
"""What the launcher reads on our stdout when the run is ours."""


def main(directory: str) -> int:
    """Run the order in `directory`. 0 when its end is on record or another harness has it, 2 for a damaged order."""
    os.chdir(directory)
    signals = Signals()
    try:
        order = decode(Path("order.json").read_bytes())
    except (OSError, OrderError) as mistake:
        print(mistake, file=sys.stderr)  # noqa: T201 - harness.log
        return 2
    become_subreaper()
    own = procfs.look(os.getpid())
    if own is None:
        print("/proc does not show this process", file=sys.stderr)  # noqa: T201 - harness.log
        return 2
    if not records.claim(own.pid, own.start, procfs.boot_id(), order.nonce):
        return 0
    _report_claim()
    _run(order, signals)
    return 0


def _report_claim() -> None:
    """Tell the launcher, if it still listens, and give its pipe back: it must not outlive the launch."""
    with contextlib.suppress(OSError):
        os.write(1, CLAIMED)
    nowhere = os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
    os.dup2(nowhere, 1)
    os.close(nowhere)


def _run(order: Order, signals: Signals) -> None:
    if signals.terms:
        _settle(Exit(cause="stopped", started=False))
        return
    try:
        streams = Streams(order.prompt, order.log_cap)
        agent = start(order, _record_start)
    except (CannotStart, OSError) as refusal:
        _settle(Exit(cause="not_started", started=False, detail=str(refusal)))
        return
    try:
        watch = Watch(order, agent, streams, signals)
        watch.settle(watch.run())
    except BaseException:
        # A fault of ours: without this the tree would outlive the record that nobody writes.
        _kill_tree()
        raise


def _record_start(pid: int) -> None:
    process = procfs.look(pid)
    records.record_start(pid, 0 if process is None else process.start)


def _settle(end: Exit) -> None:
    while Path().stat().st_nlink:
        try:
            records.record_exit(end)
        except OSError:
            time.sleep(1.0)
        else:
            return


def _kill_tree() -> None:
    while True:
        for process in procfs.descendants(os.getpid()):
            procfs.send(process, signal.SIGKILL)
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
