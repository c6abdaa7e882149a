"""An actor that could not be killed goes on running, but nothing that it does reaches the tree any more."""

from typing import Any

import anyio
import pytest

from caloron_actors.runtime import ActorGone, Ctx
from tests.runtime.conftest import Do, Number, Say, Worker, World


async def test_what_an_unkillable_actor_sends_late_is_refused() -> None:
    """Ours: after its time it may neither tell, send, ask nor change a supervisor, though the addressed actor runs."""
    world = World()
    gate = anyio.Event()
    answers: list[object] = []

    async def cling(_actor: Worker, _ctx: Ctx[Worker]) -> None:
        with anyio.CancelScope(shield=True):
            await gate.wait()
            peer = world.ref("root/a")
            answers.append(peer.tell(Say("late")))
            calls: list[Any] = [peer.send(Say("late")), peer.ask(Number())]
            calls.append(world.system.supervisor("root").terminate_child("a"))
            for call in calls:
                with pytest.raises(ActorGone):
                    await call
                answers.append("gone")

    async with (
        world.running(world.worker("a"), world.worker("b", shutdown=1.0)),
        anyio.create_task_group() as group,
    ):
        world.ref("root/b").tell(Do(cling))
        await world.settle()
        group.start_soon(world.system.supervisor("root").terminate_child, "b")
        await world.advance(1.1)
        await world.advance(1.1)
        assert world.system.abandoned == ("root/b#1",)
        world.log.take()
        gate.set()
        await world.settle()
        assert answers == [False, "gone", "gone", "gone"]
        assert world.log.take() == []
        assert await world.ref("root/a").ask(Number()) == 1
