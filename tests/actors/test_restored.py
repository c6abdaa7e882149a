"""C6: a backup of any moment is put back: the forge ends with one of each thing, and no work that reached it is redone."""

import re
from collections.abc import Iterator
from datetime import timedelta

import pytest
from structlog.typing import EventDict

from caloron_actors.adapters.memory.journal import MemoryJournal
from caloron_actors.domain.events import EffectRejected, LaunchFailed, SprintRestored, WorkMissing
from caloron_actors.domain.sprint.differences import differences as between
from caloron_actors.domain.sprint.replay import replay
from caloron_actors.domain.sprint.state import Sprint
from caloron_actors.ports.errors import Unavailable
from tests.actors.cast import Cast, picky, slowly
from tests.actors.faults import When
from tests.actors.picture import Picture, picture
from tests.actors.rehearsal import Rehearsal, rehearse
from tests.actors.service import Service, running
from tests.domain.sprint.plans import dag, task

WASTED = (WorkMissing, LaunchFailed, EffectRejected)
"""What no agent and no forge gave a reason for: it would be our own doing."""
CHAIN = dag(task("a"), task("b", "a"))
RIVALS = dag(task("a", by="ann"), task("b", by="bob"))
LEFT = ("things", "files", "history")
"""What has to be as if nothing had happened. Runs of agents are repeated where their work had not reached the forge."""


_MARK = re.compile(r"(<!-- caloron:\S+)/[^/ ]+ [0-9a-f]{32} -->")
"""A mark's ordinal: a thing that was not made in the lost time is made with a later one."""


def left(end: Picture) -> list[str]:
    """What the sprint has left on the forge, and each task's status and rounds of rework."""
    things = [f"{name}: {entry!r}" for name in LEFT for entry in getattr(end, name) or ()]
    return [
        _MARK.sub(r"\1", text) for text in (*things, *(f"{row[0]} {row[1]} {row[3]}" for row in end.tasks))
    ]


def copies_of(service: Service) -> list[MemoryJournal]:
    """Fills with a backup after every commit from now on."""
    made: list[MemoryJournal] = [service.journal.copy()]

    def note(name: str, when: When) -> None:
        if (name, when) == ("commit", "after"):
            made.append(service.journal.copy())

    service.faults.passing = note
    return made


async def put_back(
    service: Service, backup: MemoryJournal, away: timedelta = timedelta(0), *, take_up: bool = True
) -> Sprint:
    """Kill the service, put a backup in the journal's place, and let the next life come to its end.

    Without `take_up` the next life finds the sprint by itself, as `serve` does.
    """
    if not service.dead:
        service.kill()
    service.faults.passing = None
    await service.let(away)
    service.journal = backup
    await service.start(take_up=take_up)
    sprint = await service.finish()
    assert sprint.head.restored == await backup.copies() > 0
    return sprint


async def assert_replayed(service: Service) -> None:
    """The journalled events, the reconciliation among them, lead to what is stored."""
    stored = await service.journal.load(service.id)
    assert stored is not None
    history = await service.journal.history(service.id, limit=10_000)
    begun = Sprint.new(stored.plan, history[0].at, service.limits)
    fold = replay(begun, history)
    assert fold.diverged is None
    assert [line for line in between(fold.sprint, stored) if "head.age" not in line] == []


async def test_a_backup_of_every_commit_of_a_finished_sprint() -> None:
    """All that was done is taken over: no agent is started, nothing is written but labels that are there already."""
    rehearsal = await rehearse(CHAIN, Cast(reviewer=picky("a")))
    async with running(CHAIN, cast=rehearsal.cast) as service:
        backups = copies_of(service)
        await service.finish()
        assert len(backups) > rehearsal.commits
        for number, backup in enumerate(backups):
            await put_back(service, backup)
            end = await picture(service)
            assert left(end) == left(rehearsal.end), number
            assert end.launched == rehearsal.end.launched, number
            assert service.crashes() == []
            if await backup.history(service.id):
                await assert_replayed(service)


def moments(commits: int) -> Iterator[tuple[int, int]]:
    """Which backup and after which later commit the host was lost: near ones, far ones."""
    for killed in range(1, commits + 1):
        for behind in (1, 2, 4, 9, 25):
            if killed - behind >= 0:
                yield killed - behind, killed


async def lost_and_restored(rehearsal: Rehearsal, taken: int, killed: int, away: timedelta) -> list[str]:
    """The backup after commit `taken` is put back after the service was killed at commit `killed`."""
    async with running(rehearsal.plan, cast=rehearsal.cast) as service:
        backups = copies_of(service)
        note = service.faults.passing
        assert note is not None

        def end(name: str, when: When) -> None:
            note(name, when)
            if len(backups) > killed and not service.dead:
                service.kill()

        service.faults.passing = end
        await service.until(lambda: service.dead)
        await put_back(service, backups[taken], away, take_up=taken % 2 == 0)
        found = left(await picture(service))
        wanted = left(rehearsal.end)
        where = f"{taken} put back at {killed}, away {away}"
        wrong = [f"{where}: has {thing}" for thing in found if thing not in wanted]
        wrong += [f"{where}: lacks {thing}" for thing in wanted if thing not in found]
        wrong += [f"{where}: twice"] * (len(found) != len(wanted))
        wrong += [f"{where}: {event}" for event in service.events if isinstance(event, WASTED)]
        return wrong + [f"{where}: {crash}" for crash in service.crashes()]


async def test_a_backup_put_back_while_tasks_run_at_once_and_conflict() -> None:
    """The same for a conflict and its resolution: every third commit."""
    rehearsal = await rehearse(RIVALS, Cast(author=slowly("b")))
    wrong: list[str] = []
    for taken, killed in list(moments(rehearsal.commits))[::3]:
        wrong += await lost_and_restored(rehearsal, taken, killed, timedelta(0))
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("away", [timedelta(0), timedelta(minutes=5)])
async def test_a_backup_of_every_commit_put_back_in_mid_run(away: timedelta) -> None:
    """Agents may run that the backup does not know of, and the forge may be anywhere."""
    rehearsal = await rehearse(CHAIN, Cast(reviewer=picky("a")))
    wrong: list[str] = []
    for taken, killed in moments(rehearsal.commits):
        wrong += await lost_and_restored(rehearsal, taken, killed, away)
    assert not wrong, "\n".join(wrong)


async def test_the_forge_is_asked_until_it_answers(logs: list[EventDict]) -> None:
    """No actor of the sprint starts before, so nothing is done on the word of the backup alone."""
    async with running(CHAIN) as service:
        backups = copies_of(service)
        await service.finish()
        service.kill()
        service.journal = backups[len(backups) // 2]
        service.faults.broken["issues"] = Unavailable("nobody answers", ambiguous=False)
        service.faults.calls.clear()
        await service.start()
        await service.let(timedelta(minutes=1))
        assert not {"commit", "claim", "launch", "create_issue"} & set(service.faults.calls)
        service.faults.broken.clear()
        assert (await service.finish()).head.outcome == "succeeded"
        told = [event for event in service.journal._events[service.id] if event.event is not None]
        assert sum(isinstance(event.event, SprintRestored) for event in told) == 1
        assert len([line for line in logs if line["event"] == "restore_waits"]) > 3


async def test_what_is_no_copy_is_not_looked_at() -> None:
    async with running(CHAIN) as service:
        await service.until(lambda: service.faults.calls["launch"] > 0)
        service.kill()
        await service.start()
        assert (await service.finish()).head.restored == 0
        assert service.faults.calls["runs"] == 0


async def test_a_sprint_that_the_backup_does_not_know_at_all() -> None:
    """It is stored anew, finds all that was made, and leaves it at that."""
    rehearsal = await rehearse(CHAIN, Cast(reviewer=picky("a")))
    async with running(CHAIN, cast=rehearsal.cast) as service:
        await service.finish()
        assert (await put_back(service, MemoryJournal().copy())).head.outcome == "succeeded"
        end = await picture(service)
        assert (left(end), end.launched) == (left(rehearsal.end), rehearsal.end.launched)


async def test_what_the_first_look_did_not_show_is_found_before_it_is_made() -> None:
    """The forge's lists lag behind just while the sprint is reconciled."""
    async with running(CHAIN) as service:
        await service.finish()
        service.kill()

        def catch_up(name: str, when: When) -> None:
            if (name, when) == ("pull_requests", "after"):
                service.forge.lag = timedelta(0)

        service.forge.lag = timedelta(days=1)
        service.faults.passing = catch_up
        service.faults.calls.clear()
        service.journal = MemoryJournal().copy()
        await service.start()
        await service.until(lambda: service.sprint is not None and service.row("b").issue is not None)
        assert (service.row("a").issue, service.row("b").issue) == (1, 2)
        assert service.faults.calls["create_issue"] == 0


async def test_a_verdict_that_the_first_look_did_not_show_is_not_written_twice() -> None:
    """Its run is the last one and goes on; what is promised after the start is probed as well."""
    async with running(CHAIN) as service:
        backups = copies_of(service)
        await service.until(lambda: any(run.agent == "rev" for run in service.launcher.launched))
        await service.until(lambda: service.row("a").reviewers[0].phase == "running")
        backup = backups[-1]
        await service.until(lambda: service.row("a").status == "merging" or service.row("a").final)
        service.kill()

        def catch_up(name: str, when: When) -> None:
            if (name, when) == ("runs", "after"):
                service.forge.lag = timedelta(0)

        service.forge.lag = timedelta(days=1)
        service.faults.passing = catch_up
        service.journal = backup
        await service.start()
        assert (await service.finish()).head.outcome == "succeeded"
        pulls = await service.forge.pull_requests()
        assert [len(await service.forge.reviews(pull.number)) for pull in pulls] == [1, 1]


async def test_a_forge_whose_lists_lag_is_given_time_to_settle() -> None:
    """Once for a sprint, before the first look: the closing words were written just before the host was lost."""
    rehearsal = await rehearse(CHAIN, Cast())
    async with running(CHAIN, settling=timedelta(seconds=10)) as service:
        service.forge.lag = timedelta(seconds=9)
        backup = service.journal.copy()

        def lose(name: str, when: When) -> None:
            if (name, when) == ("comment", "after"):
                service.kill()

        service.faults.passing = lose
        await service.until(lambda: service.dead)
        await put_back(service, backup)
        service.forge.lag = timedelta(0)
        assert left(await picture(service)) == left(rehearsal.end)
