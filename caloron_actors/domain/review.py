"""Counting reviews: who has decided what about the commit that would be merged."""

from collections.abc import Sequence

import msgspec
from msgspec.structs import replace

from caloron_actors.domain.ids import Commit
from caloron_actors.domain.task import Review


class Verdict(msgspec.Struct, frozen=True):
    """How the reviews of one head stand: distinct approving logins, and the newest unanswered change request."""

    approvals: int
    changes: Review | None


def assess(reviews: Sequence[Review], head: Commit | None) -> Verdict:
    """Count the reviews of `head`; those of any other commit are stale and count for nothing.

    Each login's newest decisive review stands alone; a dismissal takes its login's word away. A human's approval outvotes
    the change requests that agents wrote before it, never another human's. Whoever may not decide
    (no write permission, the author's own account) never gets into `reviews`: that is checked at the door.
    """
    latest: dict[str, Review] = {}
    for review in sorted(reviews, key=lambda r: (r.submitted_at, r.id)):
        if review.head == head:
            latest[review.login] = review
    approvals = [r for r in latest.values() if r.state == "approved"]
    last_word = max((r.submitted_at for r in approvals if not r.by_agent), default=None)
    requests = [
        r
        for r in latest.values()
        if r.state == "changes_requested"
        and not (r.by_agent and last_word is not None and r.submitted_at <= last_word)
    ]
    return Verdict(approvals=len(approvals), changes=requests[-1] if requests else None)


def merge_reviews(known: tuple[Review, ...], seen: Sequence[Review]) -> tuple[Review, ...]:
    """Add what was seen to what was known, by id; a known review can only be dismissed, or turn out to be an agent's.

    Gives `known` itself when nothing is new.
    """
    merged = {review.id: review for review in known}
    for review in seen:
        before = merged.get(review.id)
        if before is None:
            merged[review.id] = review
        else:
            state = "dismissed" if review.state == "dismissed" else before.state
            merged[review.id] = replace(before, state=state, by_agent=before.by_agent or review.by_agent)
    result = tuple(sorted(merged.values(), key=lambda r: r.id))
    return known if result == known else result
