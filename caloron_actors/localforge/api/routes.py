"""Every address of the forge in one table, and the ASGI application made from it."""

from collections.abc import Awaitable, Callable

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from caloron_actors.localforge.api import (
    comments,
    events,
    git_http,
    issues,
    labels,
    merges,
    people,
    pulls,
    repositories,
    reviewers,
    reviews,
)
from caloron_actors.localforge.api.call import Endpoint
from caloron_actors.localforge.api.door import Door
from caloron_actors.localforge.api.links import PREFIX
from caloron_actors.localforge.api.quota import Quota
from caloron_actors.localforge.state import ForgeState

_REPO = "/repos/{owner}/{repo}"

# The first that fits is taken: fixed words stand before `{…}` in the same place.
ROUTES: tuple[tuple[str, dict[str, Endpoint]], ...] = (
    ("/", {"GET": people.root}),
    ("/rate_limit", {"GET": people.rate_limit}),
    ("/user", {"GET": people.me}),
    ("/user/repos", {"GET": repositories.listed}),
    ("/users/{login}", {"GET": people.get_user}),
    ("/users/{login}/repos", {"GET": repositories.listed}),
    (_REPO, {"GET": repositories.get}),
    (f"{_REPO}/collaborators/{{login}}", {"GET": people.is_collaborator}),
    (f"{_REPO}/collaborators/{{login}}/permission", {"GET": people.get_permission}),
    (f"{_REPO}/branches", {"GET": repositories.branches}),
    (f"{_REPO}/branches/{{branch:path}}", {"GET": repositories.branch}),
    (f"{_REPO}/git/ref/heads/{{branch:path}}", {"GET": repositories.ref}),
    (f"{_REPO}/git/refs/heads/{{branch:path}}", {"GET": repositories.ref}),
    (f"{_REPO}/git/matching-refs/heads/{{branch:path}}", {"GET": repositories.refs}),
    (f"{_REPO}/git/refs", {"GET": repositories.refs}),
    (f"{_REPO}/commits", {"GET": repositories.commits}),
    (f"{_REPO}/commits/{{ref:path}}", {"GET": repositories.commit}),
    (f"{_REPO}/labels", {"GET": labels.listed, "POST": labels.create}),
    (
        f"{_REPO}/labels/{{name:path}}",
        {"GET": labels.get, "PATCH": labels.change, "DELETE": labels.delete},
    ),
    (f"{_REPO}/issues", {"GET": issues.listed, "POST": issues.create}),
    (f"{_REPO}/issues/comments", {"GET": comments.of_repository}),
    (
        f"{_REPO}/issues/comments/{{id}}",
        {"GET": comments.get, "PATCH": comments.change, "DELETE": comments.delete},
    ),
    (f"{_REPO}/issues/events", {"GET": events.of_repository}),
    (f"{_REPO}/issues/{{number}}", {"GET": issues.get, "PATCH": issues.change}),
    (f"{_REPO}/issues/{{number}}/comments", {"GET": comments.of_issue, "POST": comments.create}),
    (f"{_REPO}/issues/{{number}}/events", {"GET": events.of_issue}),
    (f"{_REPO}/issues/{{number}}/timeline", {"GET": events.timeline_of_issue}),
    (
        f"{_REPO}/issues/{{number}}/labels",
        {"GET": labels.issue_labels, "POST": labels.add, "PUT": labels.replace, "DELETE": labels.replace},
    ),
    (f"{_REPO}/issues/{{number}}/labels/{{name:path}}", {"DELETE": labels.remove}),
    (f"{_REPO}/pulls", {"GET": pulls.listed, "POST": pulls.create}),
    (f"{_REPO}/pulls/comments", {"GET": reviews.line_comments_of_repository}),
    (f"{_REPO}/pulls/{{number}}", {"GET": pulls.get, "PATCH": pulls.change}),
    (f"{_REPO}/pulls/{{number}}/files", {"GET": pulls.files}),
    (f"{_REPO}/pulls/{{number}}/commits", {"GET": pulls.commits}),
    (f"{_REPO}/pulls/{{number}}/comments", {"GET": reviews.line_comments}),
    (f"{_REPO}/pulls/{{number}}/merge", {"GET": merges.is_merged, "PUT": merges.merge}),
    (
        f"{_REPO}/pulls/{{number}}/requested_reviewers",
        {"GET": reviewers.listed, "POST": reviewers.request, "DELETE": reviewers.unrequest},
    ),
    (f"{_REPO}/pulls/{{number}}/reviews", {"GET": reviews.listed, "POST": reviews.create}),
    (
        f"{_REPO}/pulls/{{number}}/reviews/{{id}}",
        {"GET": reviews.get, "PUT": reviews.change, "DELETE": reviews.delete},
    ),
    (f"{_REPO}/pulls/{{number}}/reviews/{{id}}/comments", {"GET": reviews.line_comments_of_review}),
    (f"{_REPO}/pulls/{{number}}/reviews/{{id}}/dismissals", {"PUT": reviews.dismiss}),
    (f"{_REPO}/pulls/{{number}}/reviews/{{id}}/events", {"POST": reviews.submit}),
    # Whatever else is asked for, with whichever method, is refused in the same shape.
    ("/{rest:path}", {}),
)

_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]


def application(state: ForgeState) -> ASGIApp:
    """The application that answers for an open forge."""
    door = Door(state, Quota(state.stamps))
    rest = [Route(path, _served(door, endpoints), methods=_METHODS) for path, endpoints in ROUTES]
    git = [
        Route(f"/{{owner}}/{{repo}}{suffix}/{service}", _Git(state), methods=None)
        for suffix in (".git", "")
        for service in ("info/refs", "git-upload-pack", "git-receive-pack")
    ]
    return Starlette(routes=[*git, Mount(PREFIX, routes=rest), *rest])


def _served(door: Door, endpoints: dict[str, Endpoint]) -> Callable[[Request], Awaitable[Response]]:
    async def serve(request: Request) -> Response:
        return await door.serve(request, endpoints)

    return serve


class _Git:
    """Git's protocol writes its answer piece by piece, so it is an application and no endpoint."""

    def __init__(self, state: ForgeState) -> None:
        self._state = state

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await git_http.serve(self._state, scope, receive, send)
