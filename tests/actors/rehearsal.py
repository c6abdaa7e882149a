"""A sprint run once undisturbed, to compare every disturbed run of it with."""

from dataclasses import dataclass

from caloron_actors.domain.dag import Dag
from tests.actors.cast import Cast
from tests.actors.faults import WRITES, When
from tests.actors.picture import Picture, differences, picture
from tests.actors.service import Service, running


@dataclass(frozen=True)
class Rehearsal:
    """A plan with its agents, the world it leaves, and the writes that the service made on the way, in order."""

    plan: Dag
    cast: Cast
    end: Picture
    writes: tuple[str, ...]

    @property
    def commits(self) -> int:
        return self.writes.count("commit")

    async def compare(self, service: Service) -> list[str]:
        """How the service's world differs from the undisturbed one."""
        return differences(self.end, await picture(service))


async def rehearse(plan: Dag, cast: Cast) -> Rehearsal:
    """Run it without any trouble."""
    writes: list[str] = []

    def note(name: str, when: When) -> None:
        if when == "before" and name in WRITES:
            writes.append(name)

    async with running(plan, cast=cast) as service:
        service.faults.passing = note
        sprint = await service.finish()
        assert sprint.head.outcome == "succeeded"
        assert service.crashes() == []
        return Rehearsal(plan=plan, cast=cast, end=await picture(service), writes=tuple(writes))
