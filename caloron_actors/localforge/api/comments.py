"""Comments on issues and pull requests."""

import sqlite3
from typing import Literal

import msgspec

from caloron_actors.localforge.api import texts
from caloron_actors.localforge.api.call import Call, Reply
from caloron_actors.localforge.api.problems import not_found
from caloron_actors.localforge.api.shapes.comment import CommentShape, comment
from caloron_actors.localforge.api.shapes.view import View
from caloron_actors.localforge.rows import comments


class Said(msgspec.Struct, frozen=True):
    """A comment's text."""

    body: str


Sort = Literal["created", "updated"]
Direction = Literal["asc", "desc"]
SORTS: tuple[Sort, ...] = ("created", "updated")
DIRECTIONS: tuple[Direction, ...] = ("asc", "desc")


async def of_issue(call: Call) -> Reply:
    """GET /repos/…/issues/{number}/comments, oldest first."""
    since, page = call.since(), call.page()

    def read(db: sqlite3.Connection) -> tuple[int, list[CommentShape]]:
        view = View.of(call, db)
        total, rows = comments.of_issue(db, call.issue(db).id, since, page.size, page.offset)
        return total, [comment(view, row) for row in rows]

    return call.paged(await call.state.store.read(read))


async def of_repository(call: Call) -> Reply:
    """GET /repos/…/issues/comments."""
    since, page = call.since(), call.page()
    sort: Sort = call.word("sort", SORTS)
    direction: Direction = call.word("direction", DIRECTIONS)

    def read(db: sqlite3.Connection) -> tuple[int, list[CommentShape]]:
        view = View.of(call, db)
        total, rows = comments.of_repository(
            db,
            call.repository.id,
            since=since,
            sort=sort,
            direction=direction,
            limit=page.size,
            offset=page.offset,
        )
        return total, [comment(view, row) for row in rows]

    return call.paged(await call.state.store.read(read))


async def create(call: Call) -> Reply:
    """POST /repos/…/issues/{number}/comments."""
    body = texts.comment("IssueComment", (await call.content(Said)).body)

    def write(db: sqlite3.Connection) -> CommentShape:
        row = comments.create(db, call.issue(db).id, call.account.id, body, call.now)
        return comment(View.of(call, db), row)

    made = await call.state.store.write(write)
    return Reply(made, status=201, headers={"location": made.url})


async def get(call: Call) -> Reply:
    """GET /repos/…/issues/comments/{id}."""
    return Reply(await call.state.store.read(lambda db: comment(View.of(call, db), _find(call, db))))


async def change(call: Call) -> Reply:
    """PATCH /repos/…/issues/comments/{id}, for its author and those who may write."""
    body = texts.comment("IssueComment", (await call.content(Said)).body)

    def write(db: sqlite3.Connection) -> CommentShape:
        row = _find(call, db)
        call.need_write(db, unless_author=row.author_id)
        return comment(View.of(call, db), comments.edit(db, row, body, call.now))

    return Reply(await call.state.store.write(write))


async def delete(call: Call) -> Reply:
    """DELETE /repos/…/issues/comments/{id}, for its author and those who may write."""

    def write(db: sqlite3.Connection) -> None:
        row = _find(call, db)
        call.need_write(db, unless_author=row.author_id)
        comments.delete(db, row, call.now)

    await call.state.store.write(write)
    return Reply(status=204)


def _find(call: Call, db: sqlite3.Connection) -> comments.Comment:
    found = comments.by_id(db, call.repository.id, call.number("id"))
    if found is None:
        raise not_found()
    return found
