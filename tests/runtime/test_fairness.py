"""Who gets a turn: actors with much mail, the event loop beside them, and starts and stops among messages."""

import anyio
import anyio.lowlevel

from caloron_actors.runtime import Ctx, factory
from tests.runtime.conftest import Do, Number, Role, Say, Worker, World

HOPS = 5_000


class Game:
    """Two actors that tell each other the next hop, until none is left or somebody has it end."""

    def __init__(self, world: World) -> None:
        self.left = HOPS
        self.refs = [world.ref("root/a"), world.ref("root/b")]

    def play(self) -> None:
        self.refs[0].tell(Do(self._hop))

    async def _hop(self, _actor: Worker, _ctx: Ctx[Worker]) -> None:
        if self.left:
            self.left -= 1
            self.refs[self.left % 2].tell(Do(self._hop))


async def test_an_actor_with_much_mail_does_not_hold_up_the_others() -> None:
    """OTP: a process is preempted. Ours: between two messages, after a batch of them."""
    world = World()
    async with world.running(world.worker("a"), world.worker("b")):
        world.log.take()
        for _ in range(500):
            world.ref("root/a").tell(Say("a"))
        world.ref("root/b").tell(Say("b"))
        await world.settle()
        lines = world.log.take()
        assert len(lines) == 501
        assert lines.index("b") < 100


async def test_actors_that_keep_each_other_busy_leave_the_event_loop_its_turns() -> None:
    """Ours: sockets, timers and other tasks go on however much the actors have to say to each other."""
    world = World()
    async with world.running(world.worker("a"), world.worker("b")):
        game = Game(world)
        game.play()
        turns = 0
        while game.left:
            await anyio.lowlevel.checkpoint()
            turns += 1
        assert turns >= 10


async def test_a_start_comes_through_among_messages_without_end() -> None:
    """OTP: a supervisor is a process like others, and gets its turn."""
    world = World()
    spec = factory(Worker, id="f")
    async with world.running(world.worker("a"), world.worker("b"), spec):
        game = Game(world)
        game.play()
        ref = await world.factory(spec).start_child("c", Role("c", world.log))
        assert game.left > 0
        assert await ref.ask(Number()) == 1
        assert game.left > 0
        await world.factory(spec).terminate_child("c")
        assert game.left > 0
        game.left = 0
