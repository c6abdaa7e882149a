"""Pull requests as GitHub shows them: short in lists, with mergeability and sizes by themselves."""

import msgspec

from caloron_actors.localforge.api.shapes.label import LabelShape
from caloron_actors.localforge.api.shapes.label import of_issue as labels_of
from caloron_actors.localforge.api.shapes.repository import RepositoryShape, repository
from caloron_actors.localforge.api.shapes.review import Href
from caloron_actors.localforge.api.shapes.user import User, user
from caloron_actors.localforge.api.shapes.view import Association, View, node_id
from caloron_actors.localforge.commits import PullFacts
from caloron_actors.localforge.rows import comments, pulls
from caloron_actors.localforge.rows.issues import Issue


class Side(msgspec.Struct, frozen=True):
    """A branch of a pull request."""

    label: str
    ref: str
    sha: str
    user: User
    repo: RepositoryShape


class PullLinks(msgspec.Struct, frozen=True, rename={"itself": "self"}):
    """A pull request's links."""

    itself: Href
    html: Href
    issue: Href
    comments: Href
    review_comments: Href
    review_comment: Href
    commits: Href
    statuses: Href


class PullShape(msgspec.Struct, frozen=True, kw_only=True):
    """A pull request in a list."""

    id: int
    node_id: str
    url: str
    html_url: str
    diff_url: str
    patch_url: str
    issue_url: str
    commits_url: str
    review_comments_url: str
    review_comment_url: str
    comments_url: str
    statuses_url: str
    number: int
    state: str
    locked: bool = False
    active_lock_reason: None = None
    title: str
    body: str | None
    user: User
    labels: list[LabelShape]
    milestone: None = None
    assignee: None = None
    assignees: tuple[User, ...] = ()
    requested_reviewers: list[User]
    requested_teams: tuple[User, ...] = ()
    created_at: str
    updated_at: str
    closed_at: str | None
    merged_at: str | None
    merge_commit_sha: str | None
    head: Side
    base: Side
    links: PullLinks = msgspec.field(name="_links")
    author_association: Association
    auto_merge: None = None
    draft: bool


class WholePullShape(PullShape, frozen=True, kw_only=True):
    """A pull request by itself. `mergeable` is null once it is closed."""

    merged: bool
    mergeable: bool | None
    rebaseable: bool = False
    mergeable_state: str
    merged_by: User | None
    comments: int
    review_comments: int = 0
    maintainer_can_modify: bool = False
    commits: int
    additions: int
    deletions: int
    changed_files: int


def pull_request(view: View, issue: Issue, row: pulls.Pull) -> PullShape:
    """A pull request in a list."""
    url, page = f"{view.api}/pulls/{issue.number}", f"{view.page}/pull/{issue.number}"
    issue_url = f"{view.api}/issues/{issue.number}"
    statuses = f"{view.api}/statuses/{row.head_sha}"
    return PullShape(
        id=issue.id,
        node_id=node_id("PullRequest", issue.id),
        url=url,
        html_url=page,
        diff_url=f"{page}.diff",
        patch_url=f"{page}.patch",
        issue_url=issue_url,
        commits_url=f"{url}/commits",
        review_comments_url=f"{url}/comments",
        review_comment_url=f"{view.api}/pulls/comments{{/number}}",
        comments_url=f"{issue_url}/comments",
        statuses_url=statuses,
        number=issue.number,
        state=issue.state,
        title=issue.title,
        body=issue.body,
        user=user(view.links, view.account(issue.author_id)),
        labels=labels_of(view, issue.id),
        requested_reviewers=[user(view.links, each) for each in pulls.requested(view.db, issue.id)],
        created_at=issue.created_at,
        updated_at=issue.updated_at,
        closed_at=issue.closed_at,
        merged_at=row.merged_at,
        merge_commit_sha=row.merge_sha,
        head=_side(view, row.head_ref, row.head_sha),
        base=_side(view, row.base_ref, row.base_sha),
        links=_links(view, url, page, issue_url, statuses),
        author_association=view.association(issue.author_id),
        draft=row.draft,
    )


def whole_pull_request(view: View, issue: Issue, row: pulls.Pull, facts: PullFacts) -> WholePullShape:
    """A pull request by itself."""
    short = pull_request(view, issue, row)
    merger = row.merged_by_id
    return WholePullShape(
        **{name: getattr(short, name) for name in short.__struct_fields__},
        merged=row.merged_at is not None,
        mergeable=facts.mergeable,
        mergeable_state=_mergeable_state(row, facts),
        merged_by=None if merger is None else user(view.links, view.account(merger)),
        comments=comments.number_of(view.db, issue.id),
        commits=facts.commits,
        additions=facts.additions,
        deletions=facts.deletions,
        changed_files=facts.changed_files,
    )


def _mergeable_state(row: pulls.Pull, facts: PullFacts) -> str:
    if facts.mergeable is None:
        return "unknown"
    if not facts.mergeable:
        return "dirty"
    return "draft" if row.draft else "clean"


def _side(view: View, ref: str, sha: str) -> Side:
    owner = view.account(view.repository.owner_id)
    return Side(f"{owner.login}:{ref}", ref, sha, user(view.links, owner), repository(view))


def _links(view: View, url: str, page: str, issue_url: str, statuses: str) -> PullLinks:
    return PullLinks(
        itself=Href(url),
        html=Href(page),
        issue=Href(issue_url),
        comments=Href(f"{issue_url}/comments"),
        review_comments=Href(f"{url}/comments"),
        review_comment=Href(f"{view.api}/pulls/comments{{/number}}"),
        commits=Href(f"{url}/commits"),
        statuses=Href(statuses),
    )
