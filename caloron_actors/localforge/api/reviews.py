"""Reviews of pull requests. Comments on single lines are not kept, so the lists of those are empty."""

import sqlite3
from typing import Literal

import msgspec

from caloron_actors.domain.ids import Commit
from caloron_actors.localforge.api import texts
from caloron_actors.localforge.api.call import Call, Reply
from caloron_actors.localforge.api.problems import Problem, not_found, unprocessable
from caloron_actors.localforge.api.pulls import current
from caloron_actors.localforge.api.shapes.review import ReviewShape, review
from caloron_actors.localforge.api.shapes.view import View
from caloron_actors.localforge.names import is_commit
from caloron_actors.localforge.rows import issues, pulls, reviews

ReviewEvent = Literal["APPROVE", "REQUEST_CHANGES", "COMMENT"]

_STATES: dict[ReviewEvent, reviews.State] = {
    "APPROVE": "APPROVED",
    "REQUEST_CHANGES": "CHANGES_REQUESTED",
    "COMMENT": "COMMENTED",
}


class NewReview(msgspec.Struct, frozen=True):
    """A review to give; without an event it stays pending."""

    event: ReviewEvent | None = None
    body: str | None = None
    commit_id: str | None = None
    comments: list[msgspec.Raw] = []


class Submission(msgspec.Struct, frozen=True):
    """How to submit a pending review."""

    event: ReviewEvent
    body: str | None = None


class Text(msgspec.Struct, frozen=True):
    """A review's new text."""

    body: str


class Dismissal(msgspec.Struct, frozen=True):
    """Why a review no longer counts."""

    message: str


async def listed(call: Call) -> Reply:
    """GET /repos/…/pulls/{number}/reviews, oldest first."""
    page = call.page()

    def read(db: sqlite3.Connection) -> tuple[int, list[ReviewShape]]:
        view = View.of(call, db)
        issue, _ = call.pull(db)
        total, rows = reviews.listed(db, issue.id, call.account.id, page.size, page.offset)
        return total, [review(view, issue, row) for row in rows]

    return call.paged(await call.state.store.read(read))


async def create(call: Call) -> Reply:
    """POST /repos/…/pulls/{number}/reviews."""
    new = await call.content(NewReview)
    if new.comments:
        raise unprocessable("Comments on lines are not supported by this forge")
    issue, pull = await current(call)
    commit = await _commit(call, pull, new.commit_id)
    body = texts.body("PullRequestReview", new.body) or ""
    state: reviews.State = "PENDING" if new.event is None else _state(call, issue, new.event, body)

    def write(db: sqlite3.Connection) -> ReviewShape:
        if state == "PENDING" and reviews.pending(db, issue.id, call.account.id):
            raise unprocessable("User can only have one pending review per pull request")
        row = reviews.create(
            db, issue.id, call.account.id, state=state, body=body, commit=commit, now=call.now
        )
        return review(View.of(call, db), issue, row)

    return Reply(await call.state.store.write(write))


async def get(call: Call) -> Reply:
    """GET /repos/…/pulls/{number}/reviews/{id}."""

    def read(db: sqlite3.Connection) -> ReviewShape:
        issue, _ = call.pull(db)
        return review(View.of(call, db), issue, _find(call, db, issue))

    return Reply(await call.state.store.read(read))


async def submit(call: Call) -> Reply:
    """POST /repos/…/pulls/{number}/reviews/{id}/events: submit one's own pending review."""
    asked = await call.content(Submission)

    def write(db: sqlite3.Connection) -> ReviewShape:
        issue, _ = call.pull(db)
        row = _find(call, db, issue)
        if row.state != "PENDING":
            raise unprocessable("Review has already been submitted")
        body = row.body if asked.body is None else texts.body("PullRequestReview", asked.body) or ""
        state = _state(call, issue, asked.event, body)
        return review(View.of(call, db), issue, reviews.submit(db, row, state, body, call.now))

    return Reply(await call.state.store.write(write))


async def change(call: Call) -> Reply:
    """PUT /repos/…/pulls/{number}/reviews/{id}: its author's new text."""
    body = texts.comment("PullRequestReview", (await call.content(Text)).body)

    def write(db: sqlite3.Connection) -> ReviewShape:
        issue, _ = call.pull(db)
        row = _find(call, db, issue)
        if row.author_id != call.account.id:
            raise Problem(403, "Must be the author of the review.")
        return review(View.of(call, db), issue, reviews.edit(db, row, body, call.now))

    return Reply(await call.state.store.write(write))


async def delete(call: Call) -> Reply:
    """DELETE /repos/…/pulls/{number}/reviews/{id}: only a pending one."""

    def write(db: sqlite3.Connection) -> ReviewShape:
        issue, _ = call.pull(db)
        row = _find(call, db, issue)
        if row.state != "PENDING":
            raise unprocessable("Can not delete a non-pending pull request review")
        reviews.delete(db, row)
        return review(View.of(call, db), issue, row)

    return Reply(await call.state.store.write(write))


async def dismiss(call: Call) -> Reply:
    """PUT /repos/…/pulls/{number}/reviews/{id}/dismissals, for who may write."""
    texts.comment("PullRequestReview", (await call.content(Dismissal)).message)

    def write(db: sqlite3.Connection) -> ReviewShape:
        call.need_write(db)
        issue, _ = call.pull(db)
        row = _find(call, db, issue)
        if row.state not in ("APPROVED", "CHANGES_REQUESTED"):
            raise unprocessable("Can not dismiss a commented pull request review")
        return review(View.of(call, db), issue, reviews.dismiss(db, row, call.account.id, call.now))

    return Reply(await call.state.store.write(write))


async def line_comments(call: Call) -> Reply:
    """GET /repos/…/pulls/{number}/comments: none can be made."""
    await call.state.store.read(call.pull)
    return call.paged((0, []))


async def line_comments_of_review(call: Call) -> Reply:
    """GET /repos/…/pulls/{number}/reviews/{id}/comments: none can be made."""
    await get(call)
    return call.paged((0, []))


async def line_comments_of_repository(call: Call) -> Reply:
    """GET /repos/…/pulls/comments: none can be made."""
    return call.paged((0, []))


def _state(call: Call, issue: issues.Issue, event: ReviewEvent, body: str) -> reviews.State:
    if event != "COMMENT" and issue.author_id == call.account.id:
        verb = "approve" if event == "APPROVE" else "request changes on"
        raise unprocessable(f"Can not {verb} your own pull request")
    if event != "APPROVE" and not body.strip():
        raise unprocessable("Body can't be blank")
    return _STATES[event]


async def _commit(call: Call, pull: pulls.Pull, said: str | None) -> str:
    """The commit that is reviewed: the head unless another one of the pull request is named."""
    if said is None or said == pull.head_sha:
        return pull.head_sha
    git, path = call.state.git, call.state.path(call.repository)
    known = await git.resolve(path, said) if is_commit(said) else None
    if (
        known is None
        or not await git.is_ancestor(path, known, Commit(pull.head_sha))
        or await git.is_ancestor(path, known, Commit(pull.base_sha))
    ):
        raise unprocessable("The commit_id is not part of the pull request")
    return known


def _find(call: Call, db: sqlite3.Connection, issue: issues.Issue) -> reviews.Review:
    found = reviews.by_id(db, issue.id, call.account.id, call.number("id"))
    if found is None:
        raise not_found()
    return found
