"""The table of a task's transitions. It is data: `step` refuses what is not in it, docs and tests are made from it."""

from collections.abc import Mapping

from caloron_actors.domain import events
from caloron_actors.domain.task import Status

_P, _R, _S, _I, _V, _M = (
    Status.PENDING,
    Status.READY,
    Status.STARTING,
    Status.IN_PROGRESS,
    Status.IN_REVIEW,
    Status.MERGING,
)
_D, _B, _H, _C, _F = (
    Status.DONE,
    Status.BLOCKED,
    Status.HUMAN_ASSIGNED,
    Status.CANCELLED,
    Status.FAILED,
)

OPEN = (_P, _R, _S, _I, _V, _M, _B, _H)
"""Statuses that are not final."""

Row = tuple[type[events.TaskEvent], tuple[Status, ...], tuple[Status, ...]]

_STAYS: tuple[Status, ...] = ()

ROWS: tuple[Row, ...] = (
    (events.IssueCreated, (*OPEN, _C, _F), _STAYS),
    (events.WorkPrepared, (_S,), _STAYS),
    (events.WorkPrepared, (_I,), (_V, _M, _B, _F)),
    (events.RunStarted, (_S, _I), (_I,)),
    (events.RunStarted, (_V,), _STAYS),
    (events.LaunchFailed, (_S,), (_R, _B)),
    (events.LaunchFailed, (_I,), (_R, _B)),
    (events.LaunchFailed, (_V,), (_M, _B)),
    (events.LaunchFailed, (_B, _M, _D, _C, _F), _STAYS),
    (events.AuthorEnded, (_S, _I), (_R, _I, _B, _F)),
    (events.AuthorEnded, (_B, _D, _C, _F), _STAYS),
    (events.ReviewerEnded, (_V,), (_M, _B)),
    (events.ReviewerEnded, (_I, _B, _M, _D, _C, _F), _STAYS),
    (events.WorkCollected, (_I, _B, _D, _C, _F), _STAYS),
    (events.WorkMissing, (_I,), (_R, _B, _F)),
    (events.WorkMissing, (_B, _D, _C, _F), _STAYS),
    (events.WorkSaved, (_S, _I), (_R, _I)),
    (events.WorkSaved, (_B, _D, _C, _F), _STAYS),
    (events.BranchPushed, (_I,), (_V, _M, _B, _F)),
    (events.BranchPushed, (_B, _D, _C, _F), _STAYS),
    (events.PullRequestOpened, (_I,), (_V, _M, _B, _F)),
    (events.PullRequestOpened, (_B, _D, _C, _F), _STAYS),
    (events.ReviewSubmitted, (_V,), (_M, _I, _B, _F)),
    (events.ReviewSubmitted, (_I, _B, _M, _D, _C, _F), _STAYS),
    (events.PullRequestMerged, OPEN, (_D,)),
    (events.MergeConflicted, (_M,), (_I, _B)),
    (events.MergeRefused, (_M,), (_B,)),
    (events.NoteWritten, tuple(Status), _STAYS),
    (events.EffectRejected, OPEN, (_R, _I, _M, _B, _F)),
    (events.EffectRejected, (_D, _C, _F), _STAYS),
    (events.TaskObserved, OPEN, (_I, _V, _M, _B, _D, _C, _F)),
    (events.TaskObserved, (_D, _C, _F), _STAYS),
)
"""(event, statuses it may meet, statuses it may lead to besides staying)."""


def _table() -> Mapping[tuple[Status, type[events.TaskEvent]], frozenset[Status]]:
    table: dict[tuple[Status, type[events.TaskEvent]], frozenset[Status]] = {}
    for event, froms, tos in ROWS:
        for status in froms:
            table[status, event] = frozenset(tos) | {status}
    return table


TABLE = _table()
"""For each status and event of a task the statuses it may be in afterwards. A missing pair is refused."""
