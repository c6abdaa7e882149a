"""What every REST request passes: the token, the repository's name, the quota; and what every answer gets."""

import hashlib
from dataclasses import dataclass

import msgspec
import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from caloron_actors.git import GitFailed
from caloron_actors.localforge.api.call import Call, Endpoint, Reply
from caloron_actors.localforge.api.credentials import sender
from caloron_actors.localforge.api.links import Links
from caloron_actors.localforge.api.problems import Problem, not_found
from caloron_actors.localforge.api.quota import Quota
from caloron_actors.localforge.names import is_repository
from caloron_actors.localforge.rows import repositories
from caloron_actors.localforge.rows.repositories import Repository
from caloron_actors.localforge.state import ForgeState

_log = structlog.get_logger(__name__)
_JSON = "application/json; charset=utf-8"


@dataclass(frozen=True)
class Door:
    """Lets requests in and answers out."""

    state: ForgeState
    quota: Quota

    async def serve(self, request: Request, endpoints: dict[str, Endpoint]) -> Response:
        """Answer a request with the endpoint of its method."""
        try:
            reply, headers = await self._let_in(request, endpoints)
        except Problem as problem:
            reply, headers = _refusal(problem), {}
        except GitFailed as failed:
            _log.error("localforge_git_failed", path=request.url.path, error=str(failed))
            reply, headers = _refusal(Problem(500, "Server Error")), {}
        except ClientDisconnect:
            return Response(status_code=499)
        return _answer(request, reply, {**headers, "date": self.state.stamps.http_date()})

    async def _let_in(self, request: Request, endpoints: dict[str, Endpoint]) -> tuple[Reply, dict[str, str]]:
        header = request.headers.get("authorization")
        if not header:
            raise Problem(401, "Requires authentication")
        account = await sender(self.state, header)
        if account is None:
            raise Problem(401, "Bad credentials")
        standing = self.quota.use(account.id)
        if standing.used > standing.limit:
            return _refusal(Problem(403, "API rate limit exceeded")), standing.headers()
        try:
            endpoint = endpoints.get("GET" if request.method == "HEAD" else request.method)
            if endpoint is None:
                raise not_found()
            call = Call(
                state=self.state,
                request=request,
                account=account,
                links=Links.of(request),
                standing=standing,
                now=self.state.stamps.now(),
                found=await self._repository(request),
            )
            return await endpoint(call), standing.headers()
        except Problem as problem:
            return _refusal(problem), standing.headers()

    async def _repository(self, request: Request) -> Repository | None:
        # A NUL or a lone surrogate anywhere in the path or the query names nothing that could exist.
        texts = [*map(str, request.path_params.values()), *request.query_params.values()]
        if any("\0" in text or not _encodable(text) for text in texts):
            raise not_found()
        if "repo" not in request.path_params:
            return None
        full_name = f"{request.path_params['owner']}/{request.path_params['repo']}"
        found = None
        if is_repository(full_name):
            found = await self.state.store.read(lambda db: repositories.by_name(db, full_name))
        if found is None:
            raise not_found()
        return found


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _refusal(problem: Problem) -> Reply:
    return Reply(problem.body(), status=problem.status)


def _answer(request: Request, reply: Reply, headers: dict[str, str]) -> Response:
    headers = {"x-github-media-type": "github.v3; format=json", **headers, **reply.headers}
    if reply.status == 204 or reply.body is None:
        return Response(status_code=reply.status, headers=headers)
    content = reply.body if isinstance(reply.body, bytes) else msgspec.json.encode(reply.body)
    if reply.status == 200 and request.method in ("GET", "HEAD"):
        # The Link header is part of what a client would miss, so it is part of the tag.
        mark = hashlib.sha256(content + headers.get("link", "").encode()).hexdigest()
        headers["etag"] = f'W/"{mark}"'
        headers["cache-control"] = "private, max-age=0, must-revalidate"
        if _matches(request.headers.get("if-none-match", ""), mark):
            return Response(status_code=304, headers=headers)
    return Response(content, status_code=reply.status, headers=headers, media_type=reply.media_type)


def _matches(header: str, mark: str) -> bool:
    tags = [tag.strip().removeprefix("W/") for tag in header.split(",")]
    return "*" in tags or f'"{mark}"' in tags
