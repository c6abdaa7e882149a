"""Keeps the embedded forge serving: it is up before anything that uses it starts, and goes down after it."""

from collections.abc import Callable
from dataclasses import dataclass

import anyio
import structlog

from caloron_actors.actors.receipts import Pause
from caloron_actors.actors.waiting import pauses
from caloron_actors.ports.embedded import EmbeddedForge
from caloron_actors.ports.errors import PortError, may_pass
from caloron_actors.runtime import Actor, Ctx, Tell


@dataclass(frozen=True, kw_only=True)
class LocalForgeArg:
    """What it needs. `failed` is told of what no waiting cures: the service has to end."""

    forge: EmbeddedForge
    pause: Pause
    failed: Callable[[PortError], None]


class LocalForgeActor(Actor[LocalForgeArg, None]):
    """Serves in a side task; the end of serving, for whatever reason, is this actor's crash."""

    async def init(self, ctx: Ctx["LocalForgeActor"], arg: LocalForgeArg, restored: None) -> None:
        """Start serving and wait until requests are answered. Trouble of its disk is waited for, but not at the start."""
        for pause in pauses():
            error = await _serve(ctx, arg.forge)
            if error is None:
                return
            if not isinstance(error, PortError):
                raise error
            if ctx.incarnation == 1 or not may_pass(error):
                arg.failed(error)
                await anyio.sleep_forever()
            structlog.get_logger("localforge").error("forge_degraded", cause=str(error))
            await arg.pause(pause)


async def _serve(ctx: Ctx[LocalForgeActor], forge: EmbeddedForge) -> Exception | None:
    """Serve in a side task. Gives None once requests are answered, or why that could not be."""
    ready = anyio.Event()
    failed: list[Exception] = []
    serving = False

    async def serve() -> None:
        try:
            await forge.serve(ready)
        except Exception as error:
            failed.append(error)
            raise
        finally:
            ready.set()

    ctx.spawn(serve, lambda result: ServingEnded(result) if serving else None)
    await ready.wait()
    serving = not failed
    return failed[0] if failed else None


class ServingEnded(Tell["LocalForgeActor"], frozen=True):
    """The forge no longer serves."""

    result: Exception | None

    async def run(self, actor: LocalForgeActor, ctx: Ctx[LocalForgeActor]) -> None:
        """Crash, so that it is started again."""
        raise self.result or RuntimeError("the embedded forge has stopped serving")
