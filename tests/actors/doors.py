"""The doors of a service in memory: whoever wants to come in takes the door itself."""

import anyio
from anyio.abc import TaskStatus

from caloron_actors.ports.listening import Addresses, Door


class OpenDoor:
    """Implements `ports.listening.Listening` by keeping the door for whoever wants to come in."""

    def __init__(self) -> None:
        self.door: Door
        self.opened = 0
        self._open = anyio.CancelScope()

    async def serve(self, door: Door, *, task_status: TaskStatus[Addresses]) -> None:
        self.door = door
        self.opened += 1
        with self._open:
            task_status.started(Addresses(http=None, agents_socket="nowhere"))
            await anyio.sleep_forever()

    def shut(self) -> None:
        """End the serving."""
        self._open.cancel()
        self._open = anyio.CancelScope()
