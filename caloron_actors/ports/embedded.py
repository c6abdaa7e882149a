"""The embedded forge as the tree sees it: something that serves until it is cancelled."""

from typing import Protocol

import anyio


class EmbeddedForge(Protocol):
    """Serves its HTTP on the addresses it was made for."""

    async def serve(self, ready: anyio.Event) -> None:
        """Repair, bind and serve until cancelled; sets `ready` once requests are answered."""
        ...
