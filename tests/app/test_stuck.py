"""What stands still in a real service is told, and what cannot be ended ends the process, with 70."""

import subprocess
import sys
import threading
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path

import anyio
from structlog.testing import capture_logs
from structlog.typing import EventDict

from caloron_actors.actors.journal import JournalActor
from caloron_actors.adapters.memory.clock import ManualClock
from caloron_actors.adapters.sqlite import StateDirectory
from caloron_actors.app.host import Host
from caloron_actors.app.options import HostOptions
from caloron_actors.app.real import RealAdapters
from caloron_actors.domain.events import Event, Limits
from caloron_actors.domain.sprint.state import Sprint
from caloron_actors.git import Git
from caloron_actors.ports.commands import Commands
from caloron_actors.runtime import Ctx, System, Tell
from caloron_actors.runtime.telemetry import Observer

STUBBORN = """
import sys
from contextlib import asynccontextmanager, AsyncExitStack
from pathlib import Path
import anyio
from caloron_actors.app.demo import demo_options
from caloron_actors.app.host import Host
from caloron_actors.app.real import RealAdapters
from caloron_actors.app.run import run
from caloron_actors.ports.listening import Addresses

class Stubborn:
    async def serve(self, door, *, task_status):
        task_status.started(Addresses(http=None, agents_socket="nowhere"))
        with anyio.CancelScope(shield=True):
            await anyio.sleep_forever()

@asynccontextmanager
async def open_host(options, git):
    async with AsyncExitStack() as stack:
        adapters = RealAdapters(options, git, stack)
        adapters.listening = Stubborn()
        yield await stack.enter_async_context(Host.open(options, adapters))

class Shown:
    def moved(self, sprint, event):
        if sprint.head.outcome is not None:
            print(sprint.head.outcome, flush=True)

options = demo_options(Path(sys.argv[1]), {"PATH": sys.argv[2]})
anyio.run(run, options, Shown(), anyio.Event(), open_host)
print("never said")
"""


class OwnTime(RealAdapters):
    """The real adapters, but the kernel's clock is the test's."""

    time = ManualClock()

    def kernel(self, observer: Observer) -> System:
        self.clock = self.time  # type: ignore[assignment]
        return super().kernel(observer)


class Quiet:
    """A watcher."""

    def moved(self, sprint: Sprint, event: Event) -> None:
        pass


class Wait(Tell[JournalActor], frozen=True):
    """Keeps its actor until it is let go."""

    free: anyio.Event

    async def run(self, actor: JournalActor, ctx: Ctx[JournalActor]) -> None:
        await self.free.wait()


class Block(Tell[JournalActor], frozen=True):
    """Keeps the loop from turning."""

    async def run(self, actor: JournalActor, ctx: Ctx[JournalActor]) -> None:
        threading.Event().wait(2.5)


def named(logs: list[EventDict], name: str) -> list[EventDict]:
    return [line for line in logs if line["event"] == name]


def nobody(sprint: Sprint) -> Commands:
    raise LookupError(sprint.head.id)


async def test_a_frozen_actor_and_a_stalled_loop_are_logged_by_the_real_service(tmp_path: Path) -> None:
    options = HostOptions(state=tmp_path / "state", limits=Limits(), commands_of=nobody, watcher=Quiet())
    with StateDirectory.hold(options.state), capture_logs() as logs:
        async with AsyncExitStack() as stack:
            adapters = OwnTime(options, await Git.find(), stack)
            host = await stack.enter_async_context(Host.open(options, adapters))
            free = anyio.Event()
            assert host.tree.journal.tell(Wait(free))
            for _ in range(10):
                adapters.time.advance(timedelta(seconds=10))
                await anyio.wait_all_tasks_blocked()
            (frozen,) = named(logs, "actor_frozen")
            assert (frozen["actor"], frozen["message"]) == ("root/journal", "Wait")
            assert frozen["seconds"] >= 60
            assert "wait" in frozen["stack"]
            free.set()
            assert host.tree.journal.tell(Block())
            assert await host.tree.storage.trouble() is None
            (stalled,) = named(logs, "loop_stalled")
            assert "in run" in stalled["stack"]


def test_a_part_that_cannot_be_ended_ends_the_process_with_70(tmp_path: Path) -> None:
    """The sprint has ended, the tree has stopped in order, and only then the process ends."""
    argv = [sys.executable, "-c", STUBBORN, str(tmp_path), "/usr/bin:/bin"]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 70, done
    lines = done.stdout.splitlines()
    assert "succeeded" in lines
    assert "never said" not in lines
    assert "unkillable" in done.stdout
