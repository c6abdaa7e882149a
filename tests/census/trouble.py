"""The one trouble that the forge of a census has, so that postponing an effect is among what is killed."""

from pathlib import Path
from typing import Any

from caloron_actors.ports.errors import Unavailable
from caloron_actors.ports.forge import Forge

LABEL = "caloron:changes-requested"


class OneTrouble:
    """A forge that cannot be reached for one label, once in the life of a sprint: `flag` is there from then on."""

    def __init__(self, inner: Forge, flag: Path) -> None:
        self._inner = inner
        self._flag = flag

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the port has
        """All the rest works."""
        return getattr(self._inner, name)

    async def add_labels(self, number: int, labels: list[str]) -> None:
        """Add them, unless this is the first time that a task is sent back."""
        if LABEL in labels and not self._flag.exists():
            self._flag.touch()
            raise Unavailable("the forge does not answer", ambiguous=False)
        await self._inner.add_labels(number, labels)
