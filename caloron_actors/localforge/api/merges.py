"""Merging a pull request, and asking whether it is merged."""

import sqlite3
from typing import assert_never

import msgspec

from caloron_actors.localforge import merging
from caloron_actors.localforge.api import texts
from caloron_actors.localforge.api.call import Call, Reply
from caloron_actors.localforge.api.problems import Problem, invalid, not_found
from caloron_actors.localforge.api.pulls import current
from caloron_actors.localforge.merging import HeadMoved, Merged, NotMergeable, Order


class MergeWanted(msgspec.Struct, frozen=True):
    """A merge to do; all of it has defaults."""

    commit_title: str | None = None
    commit_message: str | None = None
    sha: str | None = None
    merge_method: str | None = None


class MergeDone(msgspec.Struct, frozen=True):
    """A merge that is done."""

    sha: str
    merged: bool
    message: str


async def merge(call: Call) -> Reply:
    """PUT /repos/…/pulls/{number}/merge: 409 when the head is not `sha`, 405 when it does not merge."""
    order = _order(call, await call.content(MergeWanted))

    def check(db: sqlite3.Connection) -> None:
        call.pull(db)
        call.need_write(db)

    await call.state.store.read(check)
    outcome = await merging.merge(call.state, call.repository, order)
    match outcome:
        case Merged(commit=commit):
            return Reply(MergeDone(commit, merged=True, message="Pull Request successfully merged"))
        case HeadMoved(message=message):
            raise Problem(409, message)
        case NotMergeable(message=message):
            raise Problem(405, message)
        case _:
            assert_never(outcome)


async def is_merged(call: Call) -> Reply:
    """GET /repos/…/pulls/{number}/merge: 204 when it is merged, else 404."""
    _, pull = await current(call)
    if pull.merged_at is None:
        raise not_found()
    return Reply(status=204)


def _order(call: Call, asked: MergeWanted) -> Order:
    method = asked.merge_method or "merge"
    if method == "rebase":
        raise Problem(405, "Rebase merges are not allowed on this repository.")
    if method not in ("merge", "squash"):
        raise invalid("PullRequest", "merge_method")
    return Order(
        number=call.number(),
        actor=call.account,
        method="squash" if method == "squash" else "merge",
        head=asked.sha or None,
        title=texts.body("PullRequest", asked.commit_title),
        message=texts.body("PullRequest", asked.commit_message),
    )
