"""Repositories as GitHub shows them."""

import msgspec

from caloron_actors.localforge.api.shapes.user import User, user
from caloron_actors.localforge.api.shapes.view import View, node_id
from caloron_actors.localforge.rows import repositories
from caloron_actors.localforge.rows.accounts import Permission


class Permissions(msgspec.Struct, frozen=True):
    """What the viewer may do."""

    admin: bool
    maintain: bool
    push: bool
    triage: bool
    pull: bool


class RepositoryShape(msgspec.Struct, frozen=True, kw_only=True):
    """A repository. What this forge does not have is off or empty."""

    id: int
    node_id: str
    name: str
    full_name: str
    private: bool = True
    visibility: str = "private"
    owner: User
    html_url: str
    description: str | None = None
    fork: bool = False
    url: str
    branches_url: str
    collaborators_url: str
    comments_url: str
    commits_url: str
    compare_url: str
    contents_url: str
    events_url: str
    git_commits_url: str
    git_refs_url: str
    hooks_url: str
    issue_comment_url: str
    issue_events_url: str
    issues_url: str
    labels_url: str
    pulls_url: str
    statuses_url: str
    git_url: str
    ssh_url: str
    clone_url: str
    svn_url: str
    homepage: str | None = None
    language: str | None = None
    license: None = None
    forks: int = 0
    forks_count: int = 0
    stargazers_count: int = 0
    watchers: int = 0
    watchers_count: int = 0
    subscribers_count: int = 0
    network_count: int = 0
    size: int = 0
    default_branch: str
    open_issues: int
    open_issues_count: int
    topics: tuple[str, ...] = ()
    is_template: bool = False
    has_issues: bool = True
    has_projects: bool = False
    has_wiki: bool = False
    has_pages: bool = False
    has_downloads: bool = False
    has_discussions: bool = False
    archived: bool = False
    disabled: bool = False
    allow_merge_commit: bool = True
    allow_squash_merge: bool = True
    allow_rebase_merge: bool = False
    allow_auto_merge: bool = False
    delete_branch_on_merge: bool = False
    allow_forking: bool = False
    web_commit_signoff_required: bool = False
    created_at: str
    updated_at: str
    pushed_at: str
    permissions: Permissions


def repository(view: View) -> RepositoryShape:
    """The repository that the view is of."""
    row, url, page = view.repository, view.api, view.page
    waiting = repositories.open_issues(view.db, row.id)
    return RepositoryShape(
        id=row.id,
        node_id=node_id("Repository", row.id),
        name=row.name,
        full_name=row.full_name,
        owner=user(view.links, view.account(row.owner_id)),
        html_url=page,
        url=url,
        branches_url=f"{url}/branches{{/branch}}",
        collaborators_url=f"{url}/collaborators{{/collaborator}}",
        comments_url=f"{url}/comments{{/number}}",
        commits_url=f"{url}/commits{{/sha}}",
        compare_url=f"{url}/compare/{{base}}...{{head}}",
        contents_url=f"{url}/contents/{{+path}}",
        events_url=f"{url}/events",
        git_commits_url=f"{url}/git/commits{{/sha}}",
        git_refs_url=f"{url}/git/refs{{/sha}}",
        hooks_url=f"{url}/hooks",
        issue_comment_url=f"{url}/issues/comments{{/number}}",
        issue_events_url=f"{url}/issues/events{{/number}}",
        issues_url=f"{url}/issues{{/number}}",
        labels_url=f"{url}/labels{{/name}}",
        pulls_url=f"{url}/pulls{{/number}}",
        statuses_url=f"{url}/statuses/{{sha}}",
        git_url=f"{page}.git",
        ssh_url=f"{page}.git",
        clone_url=f"{page}.git",
        svn_url=page,
        default_branch=row.default_branch,
        open_issues=waiting,
        open_issues_count=waiting,
        created_at=row.created_at,
        updated_at=row.updated_at,
        pushed_at=row.pushed_at,
        permissions=_permissions(view.permission()),
    )


def _permissions(held: Permission) -> Permissions:
    writes = held != "read"
    return Permissions(held == "admin", held == "admin", writes, writes, pull=True)
