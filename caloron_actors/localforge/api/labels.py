"""Labels of the repository and of one issue."""

import re
import sqlite3

import msgspec

from caloron_actors.localforge.api import texts
from caloron_actors.localforge.api.call import Call, Reply
from caloron_actors.localforge.api.problems import Problem, invalid, not_found
from caloron_actors.localforge.api.shapes.label import LabelShape, label, of_issue
from caloron_actors.localforge.api.shapes.view import View
from caloron_actors.localforge.rows import labels

_COLOR = re.compile(r"[0-9a-fA-F]{6}")
_DESCRIPTION_LIMIT = 100

LabelNames = list[str | texts.LabelName]


class NewLabel(msgspec.Struct, frozen=True):
    """A label to make."""

    name: str
    color: str = labels.DEFAULT_COLOR
    description: str | None = None


class LabelChange(msgspec.Struct, frozen=True):
    """What to change of a label; what is missing stays."""

    new_name: str | msgspec.UnsetType = msgspec.UNSET
    name: str | msgspec.UnsetType = msgspec.UNSET
    color: str | msgspec.UnsetType = msgspec.UNSET
    description: str | msgspec.UnsetType | None = msgspec.UNSET


class Names(msgspec.Struct, frozen=True):
    """Labels for an issue."""

    labels: LabelNames = []


_NAMES: msgspec.json.Decoder[Names | LabelNames] = msgspec.json.Decoder(Names | LabelNames)


async def listed(call: Call) -> Reply:
    """GET /repos/…/labels."""
    page = call.page()

    def read(db: sqlite3.Connection) -> tuple[int, list[LabelShape]]:
        view = View.of(call, db)
        total, rows = labels.of_repository(db, call.repository.id, page.size, page.offset)
        return total, [label(view, row) for row in rows]

    return call.paged(await call.state.store.read(read))


async def create(call: Call) -> Reply:
    """POST /repos/…/labels."""
    new = await call.content(NewLabel)
    name, color = texts.label(new.name), _color(new.color)
    description = _description(new.description)

    def write(db: sqlite3.Connection) -> LabelShape:
        call.need_write(db)
        if labels.by_name(db, call.repository.id, name) is not None:
            raise invalid("Label", "name", "already_exists")
        return label(View.of(call, db), labels.create(db, call.repository.id, name, color, description))

    made = await call.state.store.write(write)
    return Reply(made, status=201, headers={"location": made.url})


async def get(call: Call) -> Reply:
    """GET /repos/…/labels/{name}."""
    return Reply(await call.state.store.read(lambda db: label(View.of(call, db), _find(call, db))))


async def change(call: Call) -> Reply:
    """PATCH /repos/…/labels/{name}."""
    asked = await call.content(LabelChange)

    def write(db: sqlite3.Connection) -> LabelShape:
        call.need_write(db)
        row = _changed(_find(call, db), asked)
        other = labels.by_name(db, call.repository.id, row.name)
        if other is not None and other.id != row.id:
            raise invalid("Label", "name", "already_exists")
        labels.edit(db, row)
        return label(View.of(call, db), row)

    return Reply(await call.state.store.write(write))


async def delete(call: Call) -> Reply:
    """DELETE /repos/…/labels/{name}."""

    def write(db: sqlite3.Connection) -> None:
        call.need_write(db)
        labels.delete(db, _find(call, db))

    await call.state.store.write(write)
    return Reply(status=204)


async def issue_labels(call: Call) -> Reply:
    """GET /repos/…/issues/{number}/labels."""
    page = call.page()
    found = await call.state.store.read(lambda db: of_issue(View.of(call, db), call.issue(db).id))
    return call.paged((len(found), found[page.offset : page.offset + page.size]))


async def add(call: Call) -> Reply:
    """POST /repos/…/issues/{number}/labels: what it has already stays."""
    names = await _names(call)

    def write(db: sqlite3.Connection) -> list[LabelShape]:
        call.need_write(db)
        row = call.issue(db)
        labels.attach(db, row, call.account.id, names, call.now)
        return of_issue(View.of(call, db), row.id)

    return Reply(await call.state.store.write(write))


async def replace(call: Call) -> Reply:
    """PUT /repos/…/issues/{number}/labels: exactly these; DELETE: none."""
    names = [] if call.request.method == "DELETE" else await _names(call)

    def write(db: sqlite3.Connection) -> list[LabelShape]:
        call.need_write(db)
        row = call.issue(db)
        labels.replace(db, row, call.account.id, names, call.now)
        return of_issue(View.of(call, db), row.id)

    after = await call.state.store.write(write)
    return Reply(status=204) if call.request.method == "DELETE" else Reply(after)


async def remove(call: Call) -> Reply:
    """DELETE /repos/…/issues/{number}/labels/{name}; 404 when the issue does not have it."""

    def write(db: sqlite3.Connection) -> list[LabelShape]:
        call.need_write(db)
        row = call.issue(db)
        found = labels.by_name(db, call.repository.id, call.name("name"))
        if found is None or not labels.detach(db, row, call.account.id, found, call.now):
            raise Problem(404, "Label does not exist")
        return of_issue(View.of(call, db), row.id)

    return Reply(await call.state.store.write(write))


async def _names(call: Call) -> list[str]:
    asked = await call.decoded(_NAMES)
    return texts.labels(asked.labels if isinstance(asked, Names) else asked)


def _find(call: Call, db: sqlite3.Connection) -> labels.Label:
    found = labels.by_name(db, call.repository.id, call.name("name"))
    if found is None:
        raise not_found()
    return found


def _changed(row: labels.Label, asked: LabelChange) -> labels.Label:
    name = asked.new_name or asked.name
    return labels.Label(
        id=row.id,
        repository_id=row.repository_id,
        name=row.name if name is msgspec.UNSET else texts.label(name),
        color=row.color if asked.color is msgspec.UNSET else _color(asked.color),
        description=row.description
        if asked.description is msgspec.UNSET
        else _description(asked.description),
    )


def _color(said: str) -> str:
    if not _COLOR.fullmatch(said):
        raise invalid("Label", "color")
    return said.lower()


def _description(said: str | None) -> str | None:
    if said is not None and (len(said) > _DESCRIPTION_LIMIT or "\0" in said):
        raise invalid("Label", "description")
    return said
