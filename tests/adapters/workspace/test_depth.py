"""A working copy that is deeper than a path may be long is no obstacle: not for its collection, not for the next one."""

import os

from caloron_actors.adapters.workspace.removal import make_accessible
from caloron_actors.domain.ids import AgentId
from tests.adapters.workspace.conftest import PLACE, Bench

LEVELS, NAME = 300, "d" * 20


def dig(bench: Bench, levels: int = LEVELS, name: str = NAME) -> None:
    """Make directories inside one another, as given beyond what a path can name."""
    descriptor = os.open(bench.tree, os.O_DIRECTORY)
    for _ in range(levels):
        os.mkdir(name, dir_fd=descriptor)
        below = os.open(name, os.O_DIRECTORY, dir_fd=descriptor)
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


async def test_a_tree_deeper_than_a_function_may_call_itself(bench: Bench) -> None:
    """Every path in it has room, so all of it is taken, reviewed, and made accessible where an agent barred the way."""
    start = (await bench.fresh()).start
    dig(bench, levels=1000, name="d")
    try:
        commit = await bench.collected(start)
        assert "d/" * 1000 + "file" in bench.files(commit)
        await bench.workspace.push(PLACE.branch, commit, None)
        ready = await bench.workspace.prepare_review(PLACE, AgentId("rev"), commit)
        path = ready.path / ("d/" * 1000) / "file"
        assert path.stat().st_mode & 0o222 == 0
        path.chmod(0)
        make_accessible(ready.path)
        assert path.stat().st_mode & 0o777 == 0o400
    finally:
        # Whoever tidies up after tests cannot go that deep.
        await bench.workspace.discard(PLACE.task)
        assert not bench.tree.exists()
