"""Wire lists to the port's lists: each thing once, in the order it was made. No I/O."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from caloron_actors.adapters.github import _wire
from caloron_actors.ports.forge import CommentSeen, IssueSeen, PullRequestSeen, ReviewSeen


def issues(pages: Iterable[_wire.Issue]) -> list[IssueSeen]:
    """Issues by number. A list that changes while it is read repeats some: the version seen last counts."""
    seen = {wire.number: _wire.issue(wire) for wire in pages if wire.pull_request is None}
    return [seen[number] for number in sorted(seen)]


def comments(pages: Iterable[_wire.Comment]) -> list[CommentSeen]:
    seen = {wire.id: _wire.comment(wire) for wire in pages}
    return [seen[key] for key in sorted(seen)]


def reviews(pages: Iterable[ReviewSeen | None]) -> list[ReviewSeen]:
    seen = {review.id: review for review in pages if review is not None}
    return [seen[key] for key in sorted(seen)]


def pulls(
    pages: Iterable[PullRequestSeen], head: str | None, since: datetime | None
) -> list[PullRequestSeen]:
    """Pull requests by number, of branch `head`, updated at or after the second of `since`."""
    seen: dict[int, PullRequestSeen] = {}
    for pull in pages:
        # Sorted by update, the first of two sightings is the newer one.
        if pull.number not in seen or seen[pull.number].updated_at < pull.updated_at:
            seen[pull.number] = pull
    start = None if since is None else since.replace(microsecond=0)
    return [
        seen[number]
        for number in sorted(seen)
        if (head is None or seen[number].head_branch == head)
        and (start is None or seen[number].updated_at >= start)
    ]


def reaches(since: datetime | None, page: Sequence[_wire.Pull]) -> bool:
    """Whether a page of a list sorted by update, newest first, goes back beyond `since`."""
    return since is not None and bool(page) and page[-1].updated_at < since.replace(microsecond=0)
