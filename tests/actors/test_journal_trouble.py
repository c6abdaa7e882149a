"""A journal that fails: whatever is known of the failed write, the final world is that of an undisturbed run."""

import pytest

from caloron_actors.ports.errors import Unavailable
from tests.actors.cast import Cast, picky
from tests.actors.faults import When
from tests.actors.rehearsal import rehearse
from tests.actors.service import running
from tests.domain.sprint.plans import dag, task

CHAIN = dag(task("a"), task("b", "a"))


@pytest.mark.parametrize(
    ("ambiguous", "when"),
    [(True, "before"), (True, "after"), (False, "before")],
    ids=["lost", "done", "refused"],
)
@pytest.mark.parametrize("call", ["commit", "claim"])
async def test_a_write_that_fails_changes_nothing_in_the_end(call: str, ambiguous: bool, when: When) -> None:
    """C1: every second write of the kind."""
    rehearsal = await rehearse(CHAIN, Cast(reviewer=picky("a")))
    wrong: list[str] = []
    for nth in range(0, rehearsal.writes.count(call), 2):
        async with running(CHAIN, cast=rehearsal.cast) as service:
            service.faults.fail(call, Unavailable("disk I/O error", ambiguous=ambiguous), when, skip=nth)
            await service.finish()
            wrong += [f"{call} {nth}: {line}" for line in await rehearsal.compare(service)]
            assert service.crashes() == []
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_postponement_that_fails_changes_nothing_in_the_end(when: When) -> None:
    rehearsal = await rehearse(CHAIN, Cast())
    async with running(CHAIN, cast=rehearsal.cast) as service:
        service.faults.fail("comment", Unavailable("nobody answers", ambiguous=True), times=3)
        service.faults.fail("postpone", Unavailable("disk I/O error", ambiguous=True), when, times=2)
        await service.finish()
        assert await rehearsal.compare(service) == []
        assert service.crashes() == []
