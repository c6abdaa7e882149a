"""Who is asked for a review of a pull request."""

import sqlite3

import msgspec

from caloron_actors.localforge.api.call import Call, Reply
from caloron_actors.localforge.api.problems import Problem
from caloron_actors.localforge.api.shapes.pull import PullShape, pull_request
from caloron_actors.localforge.api.shapes.user import User, user
from caloron_actors.localforge.api.shapes.view import View
from caloron_actors.localforge.rows import accounts, events, issues, pulls
from caloron_actors.localforge.rows.accounts import Account


class Reviewers(msgspec.Struct, frozen=True):
    """Logins."""

    reviewers: list[str] = []


class Requested(msgspec.Struct, frozen=True):
    """Those who are asked. There are no teams."""

    users: list[User]
    teams: tuple[User, ...] = ()


async def listed(call: Call) -> Reply:
    """GET /repos/…/pulls/{number}/requested_reviewers."""

    def read(db: sqlite3.Connection) -> Requested:
        issue, _ = call.pull(db)
        return Requested([user(call.links, each) for each in pulls.requested(db, issue.id)])

    return Reply(await call.state.store.read(read))


async def request(call: Call) -> Reply:
    """POST: ask more of them."""
    asked = await call.content(Reviewers)

    def write(db: sqlite3.Connection) -> PullShape:
        call.need_write(db)
        issue, _ = call.pull(db)
        for each in _accounts(db, asked):
            if each.id == issue.author_id:
                raise Problem(422, "Review cannot be requested from pull request author.")
            pulls.request(db, issue.id, call.account.id, each.id, call.now)
        return pull_request(View.of(call, db), *call.pull(db))

    return Reply(await call.state.store.write(write), status=201)


async def unrequest(call: Call) -> Reply:
    """DELETE: take requests back."""
    asked = await call.content(Reviewers)

    def write(db: sqlite3.Connection) -> PullShape:
        call.need_write(db)
        issue, _ = call.pull(db)
        for each in _accounts(db, asked):
            if pulls.unrequest(db, issue.id, each.id):
                events.add(db, issue.id, call.account.id, "review_request_removed", call.now)
                issues.touch(db, issue.id, call.now)
        return pull_request(View.of(call, db), *call.pull(db))

    return Reply(await call.state.store.write(write))


def _accounts(db: sqlite3.Connection, asked: Reviewers) -> list[Account]:
    found = [accounts.by_login(db, login) for login in asked.reviewers]
    known = [each for each in found if each is not None and each.kind == "User"]
    if len(known) < len(found):
        raise Problem(422, "Reviews may only be requested from collaborators.")
    return known
