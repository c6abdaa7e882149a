"""What people do on the forge, without asking the service."""

from collections.abc import Callable, Iterator
from functools import partial

from msgspec.structs import replace

from caloron_actors.domain.ids import TaskId
from tests.domain.sprint.outside import Place, Pull, TinyForge

PEOPLE = ("maria", "omar")


def deeds(forge: TinyForge, task: TaskId, *, drastic: bool) -> Iterator[Callable[[], object]]:
    """All that somebody could do now about a task; drastic deeds end it or its pull request."""
    place = forge.place(task)
    if drastic and place.issue is not None and place.issue_closed_by is None:
        yield lambda: setattr(place, "issue_closed_by", "maria")
    pull = place.open_pull
    if pull is None or place.branch is None:
        return
    for login in PEOPLE:
        yield partial(_say, forge, place, pull, login, approved=True)
        yield partial(_say, forge, place, pull, login, approved=False)
    yield lambda: setattr(place, "branch", forge.commit())
    if drastic:
        yield lambda: setattr(pull, "open", False)
        yield lambda: forge.merge(place, pull, "maria")
    for number, review in pull.reviews.items():
        if review.state != "dismissed":
            yield partial(_dismiss, pull, number)


def _say(forge: TinyForge, place: Place, pull: Pull, login: str, *, approved: bool) -> None:
    assert place.branch is not None
    forge.review(pull, login, "approved" if approved else "changes_requested", place.branch)


def _dismiss(pull: Pull, number: int) -> None:
    pull.reviews[number] = replace(pull.reviews[number], state="dismissed")
