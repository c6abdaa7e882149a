"""Issues: listing, opening, reading and changing them."""

import sqlite3
from typing import Literal

import msgspec

from caloron_actors.localforge.api import texts
from caloron_actors.localforge.api.call import Call, Reply
from caloron_actors.localforge.api.problems import Problem, forbidden, invalid
from caloron_actors.localforge.api.shapes.issue import IssueShape, issue
from caloron_actors.localforge.api.shapes.view import View
from caloron_actors.localforge.rows import issues, labels, pulls

LabelNames = list[str | texts.LabelName]


class NewIssue(msgspec.Struct, frozen=True):
    """An issue to open."""

    title: str | int
    body: str | None = None
    labels: LabelNames = []


class IssueChange(msgspec.Struct, frozen=True):
    """What to change; what is missing stays."""

    title: str | int | msgspec.UnsetType | None = msgspec.UNSET
    body: str | msgspec.UnsetType | None = msgspec.UNSET
    state: Literal["open", "closed"] | msgspec.UnsetType = msgspec.UNSET
    state_reason: issues.Reason | msgspec.UnsetType | None = msgspec.UNSET
    labels: LabelNames | msgspec.UnsetType = msgspec.UNSET


async def listed(call: Call) -> Reply:
    """GET /repos/…/issues."""
    wanted = issues.Wanted(
        state=call.word("state", ("open", "closed", "all")),
        labels=tuple(name.strip() for name in call.query.get("labels", "").split(",") if name.strip()),
        creator=call.query.get("creator") or None,
        since=call.since(),
        sort=call.word("sort", ("created", "updated", "comments")),
        direction=call.word("direction", ("desc", "asc")),
    )
    page = call.page()
    # Nobody is ever assigned, and there are no milestones: only "none" of them can match.
    impossible = any(call.query.get(key, "none") != "none" for key in ("assignee", "milestone"))

    def read(db: sqlite3.Connection) -> tuple[int, list[IssueShape]]:
        if impossible:
            return 0, []
        view = View.of(call, db)
        total, rows = issues.listed(db, call.repository.id, wanted, page.size, page.offset)
        return total, [issue(view, row) for row in rows]

    return call.paged(await call.state.store.read(read))


async def create(call: Call) -> Reply:
    """POST /repos/…/issues. Labels of who may only read are dropped, as on GitHub."""
    new = await call.content(NewIssue)
    title, body = texts.title("Issue", str(new.title)), texts.body("Issue", new.body)
    names = texts.labels(new.labels)

    def write(db: sqlite3.Connection) -> IssueShape:
        row = issues.create(
            db,
            call.repository.id,
            call.account.id,
            title=title,
            body=body,
            now=call.now,
            is_pull=False,
        )
        if call.may_write(db):
            labels.attach(db, row, call.account.id, names, call.now)
        return issue(View.of(call, db), issues.by_id(db, row.id))

    made = await call.state.store.write(write)
    return Reply(made, status=201, headers={"location": made.url})


async def get(call: Call) -> Reply:
    """GET /repos/…/issues/{number}."""
    return Reply(await call.state.store.read(lambda db: issue(View.of(call, db), call.issue(db), whole=True)))


async def change(call: Call) -> Reply:
    """PATCH /repos/…/issues/{number}, for its author and those who may write."""
    asked = await call.content(IssueChange)

    def write(db: sqlite3.Connection) -> IssueShape:
        row = call.issue(db)
        call.need_write(db, unless_author=row.author_id)
        apply_change(call, db, row, asked)
        return issue(View.of(call, db), issues.by_id(db, row.id))

    return Reply(await call.state.store.write(write))


def apply_change(call: Call, db: sqlite3.Connection, row: issues.Issue, asked: IssueChange) -> None:
    """Carry a change out inside a transaction."""
    kind = "PullRequest" if row.is_pull else "Issue"
    title = row.title
    if isinstance(asked.title, str | int):
        title = texts.title(kind, str(asked.title))
    body = row.body if asked.body is msgspec.UNSET else texts.body(kind, asked.body)
    issues.set_text(db, row, call.account.id, title=title, body=body, now=call.now)
    if asked.labels is not msgspec.UNSET:
        if not call.may_write(db):
            raise forbidden()
        labels.replace(db, row, call.account.id, texts.labels(asked.labels), call.now)
    _apply_state(call, db, row, asked)


def _apply_state(call: Call, db: sqlite3.Connection, row: issues.Issue, asked: IssueChange) -> None:
    reason = None if asked.state_reason is msgspec.UNSET else asked.state_reason
    match asked.state:
        case "closed":
            if reason == "reopened":
                raise invalid("Issue", "state_reason")
            given = None if row.is_pull else reason or ("completed" if row.state == "open" else None)
            issues.close(db, row, call.account.id, call.now, reason=given)
        case "open":
            if row.is_pull and row.state == "closed":
                _check_reopening(call, db, row)
            issues.reopen(db, row, call.account.id, call.now)
        case _:
            pass


def _check_reopening(call: Call, db: sqlite3.Connection, row: issues.Issue) -> None:
    pull = pulls.of_issue(db, row.id)
    if pull.merged_at is not None:
        raise Problem(422, "Validation Failed: state cannot be changed. The pull request is merged.")
    if pulls.open_between(db, call.repository.id, pull.head_ref, pull.base_ref):
        raise Problem(
            422, "Validation Failed: state cannot be changed. There is another pull request of this branch."
        )
