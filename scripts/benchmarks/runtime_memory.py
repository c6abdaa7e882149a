"""Prints the resident bytes of one idle actor (`ours`) or loop (`queue`, `anyio`), on average over the number given."""

import asyncio
import gc
import sys
from pathlib import Path

import runtime_ours as ours
import runtime_peers as peers


def main(kind: str, number: int) -> None:
    """A process of its own, so that nothing freed before is used again."""
    print(asyncio.run(_ours(number) if kind == "ours" else _peer(kind, number)))


async def _ours(number: int) -> float:
    async with ours.running() as handle:
        await handle.start_children({f"first {key}": None for key in range(100)})
        before = _resident()
        for batch in range(0, number, 1000):
            await handle.start_children({str(key): None for key in range(batch, batch + 1000)})
        return (_resident() - before) / number


async def _peer(kind: str, number: int) -> float:
    make: peers.Make = peers.QueueLoop if kind == "queue" else peers.StreamLoop
    loops = [make(_ignore) for _ in range(100)]
    await asyncio.sleep(0)
    before = _resident()
    for _ in range(number // 1000):
        loops.extend(make(_ignore) for _ in range(1000))
        await asyncio.sleep(0)
    return (_resident() - before) / number


def _ignore(_item: object) -> None:
    pass


def _resident() -> int:
    gc.collect()
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * 4096


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
