"""Keeps the embedded forge serving: it is up before anything that uses it starts, and goes down after it."""

from anyio import Event

from caloron_actors.ports.embedded import EmbeddedForge
from caloron_actors.runtime import Actor, Ctx, Tell


class LocalForgeActor(Actor[EmbeddedForge, None]):
    """Serves in a side task; the end of serving, for whatever reason, is this actor's crash."""

    async def init(self, ctx: Ctx["LocalForgeActor"], arg: EmbeddedForge, restored: None) -> None:
        """Start serving and wait until requests are answered, or until it has failed."""
        ready = Event()
        failed: list[Exception] = []

        async def serve() -> None:
            try:
                await arg.serve(ready)
            except Exception as error:
                failed.append(error)
                raise
            finally:
                ready.set()

        ctx.spawn(serve, ServingEnded)
        await ready.wait()
        if failed:
            raise failed[0]


class ServingEnded(Tell["LocalForgeActor"], frozen=True):
    """The forge no longer serves."""

    result: Exception | None

    async def run(self, actor: LocalForgeActor, ctx: Ctx[LocalForgeActor]) -> None:
        """Crash, so that it is started again."""
        raise self.result or RuntimeError("the embedded forge has stopped serving")
