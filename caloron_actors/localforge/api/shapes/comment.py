"""Comments as GitHub shows them."""

import msgspec

from caloron_actors.localforge.api.shapes.user import User, user
from caloron_actors.localforge.api.shapes.view import Association, View, node_id
from caloron_actors.localforge.rows import issues
from caloron_actors.localforge.rows.comments import Comment


class CommentShape(msgspec.Struct, frozen=True, kw_only=True):
    """A comment."""

    id: int
    node_id: str
    url: str
    html_url: str
    issue_url: str
    body: str
    user: User
    created_at: str
    updated_at: str
    author_association: Association
    performed_via_github_app: None = None


def comment(view: View, row: Comment) -> CommentShape:
    """One comment."""
    issue = issues.by_id(view.db, row.issue_id)
    kind = "pull" if issue.is_pull else "issues"
    return CommentShape(
        id=row.id,
        node_id=node_id("IssueComment", row.id),
        url=f"{view.api}/issues/comments/{row.id}",
        html_url=f"{view.page}/{kind}/{issue.number}#issuecomment-{row.id}",
        issue_url=f"{view.api}/issues/{issue.number}",
        body=row.body,
        user=user(view.links, view.account(row.author_id)),
        created_at=row.created_at,
        updated_at=row.updated_at,
        author_association=view.association(row.author_id),
    )
