"""An issue's events and its timeline as GitHub shows them."""

import msgspec

from caloron_actors.localforge.api.shapes.comment import CommentShape, comment
from caloron_actors.localforge.api.shapes.issue import IssueShape, issue
from caloron_actors.localforge.api.shapes.review import ReviewShape, review
from caloron_actors.localforge.api.shapes.user import User, user
from caloron_actors.localforge.api.shapes.view import View, node_id
from caloron_actors.localforge.rows import comments, events, issues, reviews

_ALL = 1_000_000


class EventLabel(msgspec.Struct, frozen=True):
    """The label that was added or removed."""

    name: str
    color: str


class EventShape(msgspec.Struct, frozen=True, kw_only=True):
    """Something that happened to an issue."""

    id: int
    node_id: str
    url: str
    actor: User | None
    event: str
    commit_id: str | None
    commit_url: str | None
    created_at: str
    label: EventLabel | msgspec.UnsetType = msgspec.UNSET
    issue: IssueShape | msgspec.UnsetType = msgspec.UNSET
    performed_via_github_app: None = None


class Commented(CommentShape, frozen=True, kw_only=True):
    """A comment in a timeline."""

    event: str = "commented"
    actor: User


class Reviewed(ReviewShape, frozen=True, kw_only=True):
    """A review in a timeline."""

    event: str = "reviewed"
    actor: User


Entry = EventShape | Commented | Reviewed


def event(view: View, row: events.Event, *, with_issue: bool = False) -> EventShape:
    """One event."""
    label = msgspec.UNSET if row.label is None else EventLabel(row.label, row.color or "")
    about = issue(view, issues.by_id(view.db, row.issue_id)) if with_issue else msgspec.UNSET
    return EventShape(
        id=row.id,
        node_id=node_id("Event", row.id),
        url=f"{view.api}/issues/events/{row.id}",
        actor=None if row.actor_id is None else user(view.links, view.account(row.actor_id)),
        event=row.kind,
        commit_id=row.commit_sha,
        commit_url=None if row.commit_sha is None else f"{view.api}/commits/{row.commit_sha}",
        created_at=row.created_at,
        label=label,
        issue=about,
    )


def timeline(view: View, row: issues.Issue) -> list[Entry]:
    """Events, comments and reviews of an issue, oldest first."""
    dated: list[tuple[str, Entry]] = [
        (each.created_at, event(view, each)) for each in events.of_issue(view.db, row.id)
    ]
    for said in comments.of_issue(view.db, row.id, None, _ALL, 0)[1]:
        shape = comment(view, said)
        fields = {name: getattr(shape, name) for name in shape.__struct_fields__}
        dated.append((said.created_at, Commented(**fields, actor=shape.user)))
    for given in reviews.listed(view.db, row.id, view.viewer.id, _ALL, 0)[1]:
        if given.state != "PENDING":
            shown = review(view, row, given)
            fields = {name: getattr(shown, name) for name in shown.__struct_fields__}
            dated.append((given.submitted_at, Reviewed(**fields, actor=shown.user)))
    return [entry for _, entry in sorted(dated, key=lambda pair: pair[0])]
