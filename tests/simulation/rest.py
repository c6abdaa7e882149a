"""GitHub's REST dialect over the memory forge, as an HTTP transport in this process: no socket, and faults at its wire.

It speaks as far as the service's own client does; the pages are small, so that every list has several.
"""

import re
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from email.utils import format_datetime
from typing import Any, TypeVar

import anyio
import httpx  # noqa: TID251 - the transport below the real client
import msgspec

from caloron_actors.adapters.memory.forge import MemoryForge
from caloron_actors.domain.ids import AgentId, Commit
from caloron_actors.ports.errors import NotFound, Rejected, Unauthorized
from caloron_actors.ports.forge import HeadMoved, Merged, PullRequestSeen
from tests.simulation import shapes
from tests.simulation.trouble import Injected, Trouble

T = TypeVar("T")
PAGE = 3
Answer = tuple[int, Any]
Call = Callable[[httpx.Request, Sequence[str]], Awaitable[Answer]]


class RestForge(httpx.AsyncBaseTransport):
    """Answers the client's requests. `merging` is told of every merge before it is tried."""

    def __init__(
        self,
        forge: MemoryForge,
        trouble: Trouble,
        tokens: dict[str, AgentId | None],
        merging: Callable[[int, Commit], None],
    ) -> None:
        """`tokens`: whose each token is, None for the author."""
        self._forge = forge
        self._trouble = trouble
        self._tokens = tokens
        self._merging = merging
        number, root = r"(\d+)", f"/repos/{forge.repository}"
        self._routes: list[tuple[str, re.Pattern[str], Call]] = [
            (method, re.compile(root + path), call)
            for method, path, call in (
                ("GET", r"/collaborators/([^/]+)/permission", self._permission),
                ("GET", "/issues", self._issues),
                ("POST", "/issues", self._create_issue),
                ("GET", f"/issues/{number}", self._issue),
                ("PATCH", f"/issues/{number}", self._close),
                ("GET", f"/issues/{number}/comments", self._comments),
                ("POST", f"/issues/{number}/comments", self._comment),
                ("POST", f"/issues/{number}/labels", self._label),
                ("DELETE", f"/issues/{number}/labels/(.+)", self._unlabel),
                ("GET", "/pulls", self._pulls),
                ("POST", "/pulls", self._open),
                ("GET", f"/pulls/{number}", self._pull),
                ("GET", f"/pulls/{number}/reviews", self._reviews),
                ("POST", f"/pulls/{number}/reviews", self._review),
                ("PUT", f"/pulls/{number}/merge", self._merge),
            )
        ]

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """One request, with what the network and the forge's own trouble make of it."""
        trouble = self._trouble
        await trouble.wait()
        if trouble.strikes("broken_code"):
            raise Injected(f"{request.method} {request.url.path}")
        if trouble.strikes("refused_connection"):
            raise httpx.ConnectError("refused")
        if trouble.strikes("rate_limit"):
            return self._limited()
        if trouble.strikes("error_before"):
            return httpx.Response(502, text="bad gateway")
        response = await self._answer(request)
        if trouble.strikes("error_after"):
            return httpx.Response(500, text="sorry")
        if trouble.strikes("timeout"):
            await anyio.sleep(30)
            raise httpx.ReadTimeout("")
        if trouble.strikes("connection_lost"):
            raise httpx.ReadError("reset by peer")
        await trouble.wait()
        return response

    def _limited(self) -> httpx.Response:
        wait = 1 + self._trouble.below(90)
        if self._trouble.below(2):
            return httpx.Response(429, headers={"retry-after": str(wait)}, json={"message": "slow down"})
        wall = self._trouble.wall()
        until = int((wall + timedelta(seconds=wait)).timestamp())
        headers = {
            "x-ratelimit-remaining": "0",
            "x-ratelimit-reset": str(until),
            "date": format_datetime(wall, usegmt=True),  # by the forge's clock, as the reset is
        }
        return httpx.Response(403, headers=headers, json={"message": "API rate limit exceeded"})

    async def _answer(self, request: httpx.Request) -> httpx.Response:
        for method, path, call in self._routes:
            found = path.fullmatch(request.url.path)
            if found is not None and method == request.method:
                try:
                    status, value = await call(request, found.groups())
                except (NotFound, Unauthorized, Rejected) as error:
                    status, value = error.code or 422, {"message": str(error)}
                return self._paged(request, status, value)
        return httpx.Response(404, json={"message": f"no route for {request.method} {request.url.path}"})

    def _paged(self, request: httpx.Request, status: int, value: object) -> httpx.Response:
        if not isinstance(value, list):
            return httpx.Response(status, content=msgspec.json.encode(value))
        page = int(request.url.params.get("page", "1"))
        headers = {}
        if len(value) > page * PAGE:
            headers["link"] = f'<{request.url.copy_set_param("page", page + 1)}>; rel="next"'
        return httpx.Response(
            status, headers=headers, content=msgspec.json.encode(value[(page - 1) * PAGE : page * PAGE])
        )

    def _who(self, request: httpx.Request) -> AgentId | None:
        return self._tokens[request.headers["authorization"].removeprefix("Bearer ")]

    async def _permission(self, request: httpx.Request, parts: Sequence[str]) -> Answer:
        return 200, {"permission": await self._forge.permission(parts[0])}

    async def _issues(self, request: httpx.Request, parts: Sequence[str]) -> Answer:
        since = _since(request)
        issues = [shapes.issue(issue) for issue in await self._forge.issues(since)]
        pulls = [shapes.as_issue(pull) for pull in await self._forge.pull_requests(since=since)]
        return 200, sorted(issues + pulls, key=lambda thing: int(thing["number"]))

    async def _create_issue(self, request: httpx.Request, parts: Sequence[str]) -> Answer:
        told = msgspec.json.decode(request.content)
        return 201, {"number": await self._forge.create_issue(told["title"], told["body"], told["labels"])}

    async def _issue(self, request: httpx.Request, parts: Sequence[str]) -> Answer:
        return 200, shapes.issue(await self._forge.issue(int(parts[0])))

    async def _close(self, request: httpx.Request, parts: Sequence[str]) -> Answer:
        await self._forge.close_issue(int(parts[0]))
        return await self._issue(request, parts)

    async def _comments(self, request: httpx.Request, parts: Sequence[str]) -> Answer:
        return 200, [
            shapes.comment(found) for found in await self._forge.comments(int(parts[0]), _since(request))
        ]

    async def _comment(self, request: httpx.Request, parts: Sequence[str]) -> Answer:
        body = msgspec.json.decode(request.content)["body"]
        return 201, {"id": await self._forge.comment(int(parts[0]), body)}

    async def _label(self, request: httpx.Request, parts: Sequence[str]) -> Answer:
        await self._forge.add_labels(int(parts[0]), msgspec.json.decode(request.content)["labels"])
        return 200, self._worn(int(parts[0]))

    async def _unlabel(self, request: httpx.Request, parts: Sequence[str]) -> Answer:
        await self._forge.remove_label(int(parts[0]), parts[1])
        return 200, self._worn(int(parts[0]))

    def _worn(self, number: int) -> tuple[dict[str, str], ...]:
        return tuple({"name": name} for name in self._forge._rules.labels(number))

    async def _pulls(self, request: httpx.Request, parts: Sequence[str]) -> Answer:
        params = request.url.params
        head = params.get("head")
        found = await self._forge.pull_requests(head=head.partition(":")[2] if head else None)
        if params.get("sort") == "updated":
            found.sort(key=lambda pull: (pull.updated_at, pull.number), reverse=True)
        return 200, [self._shown(pull) for pull in found]

    async def _open(self, request: httpx.Request, parts: Sequence[str]) -> Answer:
        told = msgspec.json.decode(request.content)
        made = await self._forge.open_pull_request(told["title"], told["body"], told["head"], told["base"])
        return 201, {"number": made}

    async def _pull(self, request: httpx.Request, parts: Sequence[str]) -> Answer:
        return 200, self._shown(await self._forge.pull_request(int(parts[0])))

    async def _reviews(self, request: httpx.Request, parts: Sequence[str]) -> Answer:
        return 200, [shapes.review(review) for review in await self._forge.reviews(int(parts[0]))]

    async def _review(self, request: httpx.Request, parts: Sequence[str]) -> Answer:
        told, reviewer = msgspec.json.decode(request.content), self._who(request)
        if reviewer is None:
            return 422, {"message": "the author does not review"}
        verdict = "approve" if told["event"] == "APPROVE" else "request_changes"
        number, commit = int(parts[0]), Commit(told["commit_id"])
        return 200, shapes.review(
            await self._forge.submit_review(number, reviewer, verdict, told["body"], commit)  # type: ignore[arg-type]
        )

    async def _merge(self, request: httpx.Request, parts: Sequence[str]) -> Answer:
        told, number = msgspec.json.decode(request.content), int(parts[0])
        self._merging(number, Commit(told["sha"]))
        answer = await self._forge.merge(number, Commit(told["sha"]), told["commit_title"])
        if isinstance(answer, Merged):
            return 200, {"merged": True, "sha": answer.commit}
        if isinstance(answer, HeadMoved):
            return 409, {"message": "Head branch was modified"}
        return 405, {"message": answer.reason}

    def _shown(self, pull: PullRequestSeen) -> dict[str, Any]:
        home = {"full_name": self._forge.repository}
        return {
            **shapes.as_issue(pull),
            "head": {"ref": pull.head_branch, "sha": pull.head, "repo": home},
            "base": {"ref": pull.base_branch, "repo": home},
            "merged": pull.merged,
            "merged_by": shapes.user(pull.merged_by),
            "merge_commit_sha": pull.merge_commit,
            "mergeable": pull.mergeable,
        }


def _since(request: httpx.Request) -> datetime | None:
    told = request.url.params.get("since")
    return None if told is None else datetime.fromisoformat(told)
