"""Messages: one class per message, indexed by the actor it is for, with its handling as its own method."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

import msgspec

from .exits import Exit

if TYPE_CHECKING:
    from .actor import Ctx

A = TypeVar("A")
R_co = TypeVar("R_co", covariant=True)


class Tell(msgspec.Struct, Generic[A], frozen=True):
    """A message without a reply: `class Nudge(Tell["OutboxActor"], frozen=True)`."""

    async def run(self, actor: A, ctx: Ctx[A]) -> None:
        """Handle this message; an exception crashes the actor."""
        raise NotImplementedError


class Ask(msgspec.Struct, Generic[A, R_co], frozen=True):
    """A message with a reply, which is what `run` returns."""

    async def run(self, actor: A, ctx: Ctx[A]) -> R_co:
        """Handle this message; an exception crashes the actor, and the asker gets `ActorGone`."""
        raise NotImplementedError


class Down(msgspec.Struct, frozen=True):
    """A monitored incarnation has ended; every message it sent before came earlier."""

    path: str
    reason: Exit
    incarnation: int
