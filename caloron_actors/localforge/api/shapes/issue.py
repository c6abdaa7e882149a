"""Issues as GitHub shows them; pull requests are among them."""

import msgspec

from caloron_actors.localforge.api.shapes.label import LabelShape
from caloron_actors.localforge.api.shapes.label import of_issue as labels_of
from caloron_actors.localforge.api.shapes.repository import RepositoryShape, repository
from caloron_actors.localforge.api.shapes.user import User, user
from caloron_actors.localforge.api.shapes.view import Association, View, node_id
from caloron_actors.localforge.rows import comments, pulls
from caloron_actors.localforge.rows.issues import Issue


class PullPart(msgspec.Struct, frozen=True):
    """What makes an issue a pull request."""

    url: str
    html_url: str
    diff_url: str
    patch_url: str
    merged_at: str | None


class IssueShape(msgspec.Struct, frozen=True, kw_only=True):
    """An issue."""

    id: int
    node_id: str
    url: str
    repository_url: str
    labels_url: str
    comments_url: str
    events_url: str
    timeline_url: str
    html_url: str
    number: int
    state: str
    state_reason: str | None
    title: str
    body: str | None
    user: User
    labels: list[LabelShape]
    assignee: None = None
    assignees: tuple[User, ...] = ()
    milestone: None = None
    locked: bool = False
    active_lock_reason: None = None
    comments: int
    closed_at: str | None
    created_at: str
    updated_at: str
    closed_by: User | None
    author_association: Association
    pull_request: PullPart | msgspec.UnsetType = msgspec.UNSET
    draft: bool | msgspec.UnsetType = msgspec.UNSET
    repository: RepositoryShape | msgspec.UnsetType = msgspec.UNSET


def issue(view: View, row: Issue, *, whole: bool = False) -> IssueShape:
    """One issue; with its repository when `whole`."""
    url = f"{view.api}/issues/{row.number}"
    pull = pulls.of_issue(view.db, row.id) if row.is_pull else None
    return IssueShape(
        id=row.id,
        node_id=node_id("Issue", row.id),
        url=url,
        repository_url=view.api,
        labels_url=f"{url}/labels{{/name}}",
        comments_url=f"{url}/comments",
        events_url=f"{url}/events",
        timeline_url=f"{url}/timeline",
        html_url=f"{view.page}/{'pull' if row.is_pull else 'issues'}/{row.number}",
        number=row.number,
        state=row.state,
        state_reason=row.state_reason,
        title=row.title,
        body=row.body,
        user=user(view.links, view.account(row.author_id)),
        labels=labels_of(view, row.id),
        comments=comments.number_of(view.db, row.id),
        closed_at=row.closed_at,
        created_at=row.created_at,
        updated_at=row.updated_at,
        closed_by=None if row.closed_by_id is None else user(view.links, view.account(row.closed_by_id)),
        author_association=view.association(row.author_id),
        pull_request=msgspec.UNSET if pull is None else _pull_part(view, row, pull),
        draft=msgspec.UNSET if pull is None else pull.draft,
        repository=repository(view) if whole else msgspec.UNSET,
    )


def _pull_part(view: View, row: Issue, pull: pulls.Pull) -> PullPart:
    page = f"{view.page}/pull/{row.number}"
    return PullPart(
        url=f"{view.api}/pulls/{row.number}",
        html_url=page,
        diff_url=f"{page}.diff",
        patch_url=f"{page}.patch",
        merged_at=pull.merged_at,
    )
