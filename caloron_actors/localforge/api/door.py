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
from caloron_actors.localforge.api.quota import Quota, Standing
from caloron_actors.localforge.names import is_repository
from caloron_actors.localforge.rows import repositories
from caloron_actors.localforge.rows.accounts import Account
from caloron_actors.localforge.rows.repositories import Repository
from caloron_actors.localforge.state import ForgeState

_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Door:
    """Lets requests in and answers out."""

    state: ForgeState
    quota: Quota

    async def serve(self, request: Request, endpoints: dict[str, Endpoint]) -> Response:
        """Answer a request with the endpoint of its method."""
        account: Account | None = None
        try:
            account = await self._sender(request)
            standing = self.quota.use(account.id)
            if standing.used > standing.limit:
                raise Problem(403, "API rate limit exceeded")
            reply = await self._ask(request, endpoints, account, standing)
        except Problem as problem:
            reply = Reply(problem.body(), status=problem.status)
        except GitFailed as failed:
            _log.error("localforge_git_failed", path=request.url.path, error=str(failed))
            reply = Reply(Problem(500, "Server Error").body(), status=500)
        except ClientDisconnect:
            return Response(status_code=499)
        answer = _answer(request, reply)
        if account is not None:
            unchanged = answer.status_code == 304
            spent = self.quota.give_back(account.id) if unchanged else self.quota.standing(account.id)
            answer.headers.update(spent.headers())
        return answer

    async def _sender(self, request: Request) -> Account:
        header = request.headers.get("authorization")
        if not header:
            raise Problem(401, "Requires authentication")
        account = await sender(self.state, header)
        if account is None:
            raise Problem(401, "Bad credentials")
        return account

    async def _ask(
        self, request: Request, endpoints: dict[str, Endpoint], account: Account, standing: Standing
    ) -> Reply:
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
        return await endpoint(call)

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


def _answer(request: Request, reply: Reply) -> Response:
    headers = {"x-github-media-type": "github.v3; format=json", **reply.headers}
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
