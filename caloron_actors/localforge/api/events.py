"""Events and timelines of issues."""

import sqlite3

from caloron_actors.localforge.api.call import Call, Reply
from caloron_actors.localforge.api.shapes.event import Entry, EventShape, event, timeline
from caloron_actors.localforge.api.shapes.view import View
from caloron_actors.localforge.rows import events


async def of_issue(call: Call) -> Reply:
    """GET /repos/…/issues/{number}/events, oldest first."""
    page = call.page()

    def read(db: sqlite3.Connection) -> tuple[int, list[EventShape]]:
        view = View.of(call, db)
        rows = events.of_issue(db, call.issue(db).id)
        return len(rows), [event(view, row) for row in rows[page.offset : page.offset + page.size]]

    return call.paged(await call.state.store.read(read))


async def of_repository(call: Call) -> Reply:
    """GET /repos/…/issues/events, newest first."""
    page = call.page()

    def read(db: sqlite3.Connection) -> tuple[int, list[EventShape]]:
        view = View.of(call, db)
        total, rows = events.of_repository(db, call.repository.id, page.size, page.offset)
        return total, [event(view, row, with_issue=True) for row in rows]

    return call.paged(await call.state.store.read(read))


async def timeline_of_issue(call: Call) -> Reply:
    """GET /repos/…/issues/{number}/timeline, oldest first."""
    page = call.page()

    def read(db: sqlite3.Connection) -> tuple[int, list[Entry]]:
        entries = timeline(View.of(call, db), call.issue(db))
        return len(entries), entries[page.offset : page.offset + page.size]

    return call.paged(await call.state.store.read(read))
