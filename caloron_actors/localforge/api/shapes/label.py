"""Labels as GitHub shows them."""

from urllib.parse import quote

import msgspec

from caloron_actors.localforge.api.shapes.view import View, node_id
from caloron_actors.localforge.rows import labels


class LabelShape(msgspec.Struct, frozen=True, kw_only=True):
    """A label."""

    id: int
    node_id: str
    url: str
    name: str
    color: str
    default: bool = False
    description: str | None


def label(view: View, row: labels.Label) -> LabelShape:
    """One label."""
    return LabelShape(
        id=row.id,
        node_id=node_id("Label", row.id),
        url=f"{view.api}/labels/{quote(row.name, safe='')}",
        name=row.name,
        color=row.color,
        description=row.description,
    )


def of_issue(view: View, issue_id: int) -> list[LabelShape]:
    """An issue's labels."""
    return [label(view, row) for row in labels.of_issue(view.db, issue_id)]
