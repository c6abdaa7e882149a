"""SIGINT and SIGTERM as events inside the event loop."""

import os
import signal
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import anyio


@dataclass
class Interruption:
    """Set by the first signal; a second one ends the process at once, agents live on."""

    event: anyio.Event = field(default_factory=anyio.Event)
    number: signal.Signals | None = None


@asynccontextmanager
async def interruptible() -> AsyncGenerator[Interruption, None]:
    """Take SIGINT and SIGTERM for as long as this lasts."""
    told = Interruption()
    async with anyio.create_task_group() as group:
        with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as received:

            async def listen() -> None:
                async for number in received:
                    if told.number is not None:
                        os._exit(128 + number)
                    told.number = number
                    told.event.set()

            group.start_soon(listen)
            yield told
            group.cancel_scope.cancel()
