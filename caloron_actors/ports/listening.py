"""What the outside may ask of the running service, and the service's side of the doors it comes through."""

from typing import Annotated, Protocol

import msgspec
from anyio.abc import TaskStatus


class Beat(msgspec.Struct, frozen=True):
    """A harness lives. `run` and `nonce` name its claim; `seq` counts its beats; `bytes`: output so far."""

    run: str
    nonce: str
    pid: int
    seq: int
    bytes: int = 0


class Heartbeat(msgspec.Struct, frozen=True):
    """The predecessors' `POST /heartbeat` body. Its ids are checked at the door."""

    agent_id: str
    sprint_id: str
    status: str | None = None
    tokens_used: Annotated[int, msgspec.Meta(ge=0)] | None = None


class Health(msgspec.Struct, frozen=True):
    """Whether the service lives (`ok`), and whether it gets on with its work (`ready`); `detail` is for people.

    A service that waits for its disk is well and not ready: starting it anew would cure nothing.
    """

    ok: bool
    detail: str
    ready: bool = True


class Addresses(msgspec.Struct, frozen=True):
    """Where the service listens. `http` is a URL without a path, None when HTTP is off; the socket is a path."""

    http: str | None
    agents_socket: str


class Door(Protocol):
    """What may be asked from outside. Calls are concurrent, and may be cancelled when the asker goes away."""

    async def health(self) -> Health: ...

    async def beat(self, beat: Beat) -> bool:
        """Take a harness's beat. False when its nonce is stale or its run unknown."""
        ...

    async def heartbeat(self, beat: Heartbeat) -> bool:
        """Take an agent's heartbeat. False when no such agent runs in that sprint."""
        ...


class Listening(Protocol):
    """The doors themselves."""

    async def serve(self, door: Door, *, task_status: TaskStatus[Addresses]) -> None:
        """Listen until cancelled, then close every door. Tells the addresses once all of them are open.

        Raises `StateUnusable` when an address cannot be listened on.
        """
        ...
