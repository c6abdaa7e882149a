"""Reviews as GitHub shows them."""

import msgspec

from caloron_actors.localforge.api.shapes.user import User, user
from caloron_actors.localforge.api.shapes.view import Association, View, node_id
from caloron_actors.localforge.rows.issues import Issue
from caloron_actors.localforge.rows.reviews import Review


class Href(msgspec.Struct, frozen=True):
    """A link."""

    href: str


class ReviewLinks(msgspec.Struct, frozen=True):
    """A review's links."""

    html: Href
    pull_request: Href


class ReviewShape(msgspec.Struct, frozen=True, kw_only=True):
    """A review. A pending one has no instant of submission."""

    id: int
    node_id: str
    user: User
    body: str
    state: str
    html_url: str
    pull_request_url: str
    links: ReviewLinks = msgspec.field(name="_links")
    submitted_at: str | msgspec.UnsetType
    commit_id: str
    author_association: Association


def review(view: View, issue: Issue, row: Review) -> ReviewShape:
    """One review of a pull request."""
    page = f"{view.page}/pull/{issue.number}#pullrequestreview-{row.id}"
    pull = f"{view.api}/pulls/{issue.number}"
    return ReviewShape(
        id=row.id,
        node_id=node_id("PullRequestReview", row.id),
        user=user(view.links, view.account(row.author_id)),
        body=row.body,
        state=row.state,
        html_url=page,
        pull_request_url=pull,
        links=ReviewLinks(html=Href(page), pull_request=Href(pull)),
        submitted_at=msgspec.UNSET if row.state == "PENDING" else row.submitted_at,
        commit_id=row.commit_sha,
        author_association=view.association(row.author_id),
    )
