"""Waiting until a service has come to rest, and the message that disturbs it."""

import asyncio
from typing import Any

import anyio.lowlevel

from caloron_actors.runtime import Ctx, Tell

TURNS = 100_000
"""Turns of the loop after which something that still moves will always do so."""


class Bomb(Tell[Any], frozen=True):
    """A message whose handling crashes whoever gets it."""

    async def run(self, actor: object, ctx: Ctx[Any]) -> None:
        raise ValueError("boom")


async def settle() -> None:
    """Let everything run until all of it waits for the clock or for the test."""
    ready = asyncio.get_running_loop()._ready  # type: ignore[attr-defined]
    for _ in range(TURNS):
        await anyio.lowlevel.checkpoint()
        if not ready:
            return
    raise AssertionError("it never comes to rest")
