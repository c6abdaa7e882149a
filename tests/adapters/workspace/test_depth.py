"""A working copy that is deeper than a path may be long is no obstacle: not for its collection, not for the next one."""

import os

from tests.adapters.workspace.conftest import Bench

LEVELS, NAME = 300, "d" * 20


def dig(bench: Bench) -> None:
    """Make directories inside one another, beyond what a path can name."""
    descriptor = os.open(bench.tree, os.O_DIRECTORY)
    for _ in range(LEVELS):
        os.mkdir(NAME, dir_fd=descriptor)
        below = os.open(NAME, os.O_DIRECTORY, dir_fd=descriptor)
        os.close(descriptor)
        descriptor = below
    os.close(os.open("file", os.O_CREAT | os.O_WRONLY, dir_fd=descriptor))
    os.close(descriptor)


async def test_a_tree_too_deep_for_a_path(bench: Bench) -> None:
    start = (await bench.fresh()).start
    bench.write({"new": b"n\n"})
    dig(bench)
    assert set(bench.files(await bench.collected(start))) >= {"new"}
    assert (await bench.fresh()).start == start
    assert not (bench.tree / NAME).exists()
