"""The forge at its port under faults: late, broken, limited, with answers that are lost."""

from collections.abc import Callable

from caloron_actors.adapters.memory.forge import MemoryForge
from caloron_actors.domain.ids import Commit
from caloron_actors.ports.forge import MergeAnswer
from tests.actors.faults import FaultyForge
from tests.simulation.trouble import Trouble


class SimForge(FaultyForge):
    """Implements `ports.forge.Forge` over the memory forge. `merging` is told of every merge before it is tried."""

    def __init__(self, inner: MemoryForge, trouble: Trouble, merging: Callable[[int, Commit], None]) -> None:
        super().__init__(inner, trouble)
        self._merging = merging

    async def merge(self, number: int, expected_head: Commit, title: str) -> MergeAnswer:
        async def work() -> MergeAnswer:
            self._merging(number, expected_head)
            return await self._inner.merge(number, expected_head, title)

        return await self._through("merge", work)
