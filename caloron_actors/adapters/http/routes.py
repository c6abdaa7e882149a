"""The listener's HTTP routes. They check what comes in and ask the door; they know nothing of sprints."""

import hmac

import anyio
import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from caloron_actors.adapters.http.answers import NotOk, Ok, answer, failure
from caloron_actors.adapters.http.bodies import Unacceptable, read_json
from caloron_actors.adapters.http.guard import LoopbackOnly
from caloron_actors.domain.ids import ID_RULE, is_id
from caloron_actors.ports.errors import Unavailable
from caloron_actors.ports.listening import Door, Health, Heartbeat

HEALTH_SECONDS = 5.0
HEADER = "x-caloron-token"
HEARTBEAT = msgspec.json.Decoder(Heartbeat)


def application(door: Door, token: str) -> Starlette:
    """The ASGI application. Raises ValueError for an empty token: it would let everybody in."""
    if not token:
        raise ValueError("the listener needs a token")
    views = Views(door, token.encode())
    return Starlette(
        routes=[
            Route("/health", views.health, methods=["GET"]),
            Route("/ready", views.ready, methods=["GET"]),
            Route("/heartbeat", views.heartbeat, methods=["POST"]),
        ],
        middleware=[Middleware(LoopbackOnly)],
        exception_handlers={HTTPException: _refuse, Exception: _fail},
    )


class Views:
    """The endpoints, bound to the door they ask."""

    def __init__(self, door: Door, token: bytes) -> None:
        self._door = door
        self._token = token

    async def health(self, _: Request) -> Response:
        """For a watchdog: 200 while a restart would cure nothing, else 503, with the reason.

        The body is `ok`, or `degraded: ` and the reason when the storage is in trouble for now.
        """
        health = await self._health()
        return PlainTextResponse(health.detail, 200 if health.ok else 503)

    async def ready(self, _: Request) -> Response:
        """For whoever sends work here: 200 `ok` while the service gets on with it, else (degraded too) 503."""
        health = await self._health()
        return PlainTextResponse(health.detail, 200 if health.ok and health.ready else 503)

    async def _health(self) -> Health:
        """A service that does not answer in HEALTH_SECONDS is not well."""
        health = Health(ok=False, detail="the service does not answer")
        try:
            with anyio.move_on_after(HEALTH_SECONDS):
                health = await self._door.health()
        except Exception as error:  # a broken service must be told as such, whatever broke
            health = Health(ok=False, detail=f"the service fails: {type(error).__name__}")
        return health

    async def heartbeat(self, request: Request) -> Response:
        """Take a heartbeat in the predecessors' form."""
        try:
            self._check_token(request)
            beat = await read_json(request, HEARTBEAT)
            check_ids(agent_id=beat.agent_id, sprint_id=beat.sprint_id)
            if not await self._door.heartbeat(beat):
                raise Unacceptable(404, f"no agent {beat.agent_id} runs in sprint {beat.sprint_id}")
        except Unacceptable as error:
            return answer(error.status, NotOk(str(error)))
        except Unavailable as error:
            return answer(503, NotOk(str(error)))
        return answer(200, Ok())

    def _check_token(self, request: Request) -> None:
        given = request.headers.get(HEADER, "").encode("latin-1")
        if not hmac.compare_digest(given, self._token):
            raise Unacceptable(401, f"missing or invalid {HEADER} header")


def check_ids(**fields: str) -> None:
    """Raise `Unacceptable` for the first field that is no id."""
    for field, text in fields.items():
        if not is_id(text):
            raise Unacceptable(400, f"invalid {field}: must match {ID_RULE}")


async def _refuse(_: Request, error: Exception) -> Response:
    """Starlette's own refusals (no such path, wrong method) in our shape."""
    status = error.status_code if isinstance(error, HTTPException) else 500
    headers = error.headers if isinstance(error, HTTPException) else None
    codes = {
        404: ("not_found", "there is nothing at this path"),
        405: ("method_not_allowed", "not with this method"),
    }
    refusal = failure(status, *codes.get(status, ("refused", str(error))))
    refusal.headers.update(headers or {})
    return refusal


async def _fail(_: Request, __: Exception) -> Response:
    """A bug of ours: told without its inside, which goes to the log."""
    return failure(500, "internal", "the service failed to answer; its log says why")
