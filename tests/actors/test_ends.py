"""A service that dies while a sprint is cancelled or suspended: what was ordered is carried out all the same."""

from datetime import timedelta

from caloron_actors.actors.asking import ASK_FAILURES
from caloron_actors.actors.sprint import Apply
from caloron_actors.domain.events import SprintCancelled, SprintStarted, SprintSuspended
from caloron_actors.domain.sprint.schedule import runs_alive
from tests.actors.cast import Cast, slowly
from tests.actors.faults import WRITES, When
from tests.actors.picture import Picture, differences, picture
from tests.actors.service import Service, running
from tests.domain.sprint.plans import dag, task

BOTH = dag(task("a", by="ann"), task("b", by="bob"))
CANCEL = SprintCancelled("the operator")
SUSPEND = SprintSuspended("the run was ended")


async def _begun(service: Service) -> None:
    """Until one task is being reviewed and the other worked on."""
    await service.until(lambda: service.sprint is not None and service.row("a").status == "in_review")
    await service.let(timedelta(seconds=2))
    assert service.row("b").status == "in_progress"
    assert service.sprint is not None
    assert runs_alive(service.sprint)


def _order(service: Service, event: SprintCancelled | SprintSuspended) -> None:
    """Ask for it as an operator does, who sees no answer when the service dies."""

    async def ask() -> None:
        try:
            await service.tree.sprints.ref(service.id).ask(Apply(event), timeout=None)
        except ASK_FAILURES:
            return

    service.system._kernel.spawn(ask(), "operator")


class Counted:
    """The writes from now on; the service is killed at one of them."""

    def __init__(self, service: Service, nth: int = 0, at: When = "before") -> None:
        self.names: list[str] = []
        self._service = service
        self._nth = nth
        self._at = at
        service.faults.passing = self

    def __call__(self, name: str, when: When) -> None:
        if name not in WRITES:
            return
        if when == "before":
            self.names.append(name)
        if when == self._at and len(self.names) == self._nth:
            self._service.faults.passing = None
            self._service.kill()


async def _cancelled(nth: int = 0, at: When = "before") -> tuple[Picture, list[str]]:
    async with running(BOTH, cast=Cast(author=slowly("b"))) as service:
        await _begun(service)
        counted = Counted(service, nth, at)
        _order(service, CANCEL)
        await service.until(lambda: service.dead or _ended(service))
        if service.dead:
            await service.start(take_up=False)
            await service.let(timedelta(seconds=1))
            if service.sprint is not None and service.sprint.head.ending is None:
                _order(service, CANCEL)
        if service.sprint is not None:  # else it was over already, and nothing was owed
            await service.end()
        return await picture(service), counted.names


def _ended(service: Service) -> bool:
    return service.sprint is not None and service.sprint.head.outcome is not None


async def test_the_service_may_die_while_a_sprint_is_cancelled() -> None:
    """P1, P2, P3: agents stopped, work kept, comments and labels written, each once."""
    expected, writes = await _cancelled()
    assert expected.outcome == "cancelled"
    assert expected.saved == ("b run-1",)
    assert {"stop", "save", "comment", "add_labels", "remove_label"} <= set(writes)
    wrong: list[str] = []
    for nth, name in enumerate(writes, start=1):
        for at in ("before", "after"):
            found, _ = await _cancelled(nth, at)
            wrong += [f"{at} {name} ({nth}): {line}" for line in differences(expected, found)]
    assert not wrong, "\n".join(wrong)


async def _suspended(nth: int, at: When) -> tuple[Picture, list[str]]:
    async with running(BOTH, cast=Cast(author=slowly("b"))) as service:
        await _begun(service)
        counted = Counted(service, nth, at)
        _order(service, SUSPEND)
        await service.let(timedelta(seconds=3))
        writes = list(counted.names)
        service.faults.passing = None
        if not service.dead:
            assert service.sprint is not None
            assert not runs_alive(service.sprint)
            assert await service.journal.open_intents(service.id) == []
            await service.tree.sprints.ref(service.id).ask(Apply(SprintStarted(service.limits, "caloron")))
        else:
            await service.start()
        assert (await service.end()).head.outcome == "succeeded"
        return await picture(service), writes


async def test_the_service_may_die_while_a_sprint_is_suspended() -> None:
    """The next one goes on: one issue, pull request and merge for each task, and no run is started twice."""
    expected, writes = await _suspended(0, "before")
    assert {"stop", "save"} <= set(writes)
    for nth in range(1, len(writes) + 1):
        for at in ("before", "after"):
            found, _ = await _suspended(nth, at)
            assert found.files == expected.files
            assert [thing.title for thing in found.things] == [thing.title for thing in expected.things]
            assert all(thing.state.startswith("closed") for thing in found.things)
            assert len(found.launched) == len(set(found.launched))
