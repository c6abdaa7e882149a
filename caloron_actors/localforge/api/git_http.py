"""Git over HTTP: a token as basic password, then `git http-backend` with streamed bodies.

Pushes reach refs/heads only, one at a time per repository, and the rows follow before the client hears of it.
"""

import tempfile
from typing import IO, Literal

import anyio
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from caloron_actors.localforge.api import git_backend
from caloron_actors.localforge.api.credentials import sender
from caloron_actors.localforge.following import settle_push
from caloron_actors.localforge.names import is_repository
from caloron_actors.localforge.rows import accounts, intents, repositories
from caloron_actors.localforge.rows.accounts import Account
from caloron_actors.localforge.rows.repositories import Repository
from caloron_actors.localforge.state import ForgeState

Service = Literal["info/refs", "git-upload-pack", "git-receive-pack"]

BODY_LIMIT = 2 * 1024**3
"""The most bytes that one request of git may carry."""

_MEMORY = 1024 * 1024


class _Refusal(Exception):
    """A request of git is refused; the text is shown by git."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


async def serve(state: ForgeState, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer one request of a git client."""
    request = Request(scope, receive)
    try:
        service = _service(request)
        account = await _account(state, request)
        repository = await _repository(state, request)
        pushes = "git-receive-pack" in (service, request.query_params.get("service"))
        if pushes and not await _may_push(state, account, repository):
            raise _Refusal(403, f"{account.login} may not push to {repository.full_name}")
        await _answer(state, request, send, (account, repository, service))
    except _Refusal as refusal:
        headers = {"www-authenticate": 'Basic realm="localforge"'} if refusal.status == 401 else {}
        await Response(f"{refusal.message}\n", refusal.status, headers, "text/plain")(scope, receive, send)
    except ClientDisconnect:
        return


async def _answer(
    state: ForgeState, request: Request, send: Send, asked: tuple[Account, Repository, Service]
) -> None:
    account, repository, service = asked
    with tempfile.SpooledTemporaryFile(max_size=_MEMORY) as body:
        size = await _spool(request, body)
        env = _environment(state, request, size, asked)
        if service != "git-receive-pack":
            await git_backend.run(state, env, body, send)
            return
        # The whole push is here already: a slow client holds no turn.
        answered = git_backend.Kept()
        async with state.turn(repository):
            heads = await state.heads(repository)
            plan = intents.Push(
                repository=repository.full_name,
                actor_id=account.id,
                default_before=heads.get(repository.default_branch),
            )
            intent_id = await state.store.write(lambda db: intents.begin(db, plan))
            try:
                await git_backend.run(state, env, body, answered)
            finally:
                with anyio.CancelScope(shield=True):
                    await settle_push(state, repository, intent_id, plan)
        await answered.pass_on(send)


def _service(request: Request) -> Service:
    path = request.url.path
    for service, method in _METHODS.items():
        if path.endswith(f"/{service}"):
            if request.method != method:
                raise _Refusal(405, "Method Not Allowed")
            if service == "info/refs" and request.query_params.get("service") not in _METHODS:
                raise _Refusal(403, "Only git's smart protocol is spoken here")
            return service
    raise _Refusal(404, "Not Found")


_METHODS: dict[Service, str] = {"info/refs": "GET", "git-upload-pack": "POST", "git-receive-pack": "POST"}


async def _account(state: ForgeState, request: Request) -> Account:
    found = await sender(state, request.headers.get("authorization", ""))
    if found is None:
        raise _Refusal(401, "Bad credentials")
    return found


async def _repository(state: ForgeState, request: Request) -> Repository:
    full_name = f"{request.path_params['owner']}/{request.path_params['repo']}"
    found = None
    if is_repository(full_name):
        found = await state.store.read(lambda db: repositories.by_name(db, full_name))
    if found is None:
        raise _Refusal(404, "Repository not found")
    return found


async def _may_push(state: ForgeState, account: Account, repository: Repository) -> bool:
    return await state.store.read(lambda db: accounts.may_write(db, repository.id, account.id))


async def _spool(request: Request, body: IO[bytes]) -> int:
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > BODY_LIMIT:
            raise _Refusal(413, f"at most {BODY_LIMIT} bytes are taken at once")
        body.write(chunk)
    body.seek(0)
    return size


def _environment(
    state: ForgeState, request: Request, size: int, asked: tuple[Account, Repository, Service]
) -> dict[str, str]:
    account, repository, service = asked
    said = request.headers
    env = {
        "GIT_PROJECT_ROOT": str(state.directory.repositories),
        "GIT_HTTP_EXPORT_ALL": "1",
        "PATH_INFO": f"/{repository.full_name}.git/{service}",
        "REQUEST_METHOD": request.method,
        "QUERY_STRING": request.url.query,
        "CONTENT_TYPE": said.get("content-type", ""),
        "REMOTE_USER": account.login,
        "REMOTE_ADDR": "local",
        "SERVER_PROTOCOL": "HTTP/1.1",
    }
    if service != "git-receive-pack":
        # For a push the backend is to read to the end of its input: told a length, git 2.39 turns in a loop for ever
        # when the end comes earlier, as it does when this service dies.
        env["CONTENT_LENGTH"] = str(size)
    if said.get("content-encoding") in ("gzip", "x-gzip"):
        env["HTTP_CONTENT_ENCODING"] = "gzip"
    if protocol := said.get("git-protocol"):
        env["GIT_PROTOCOL"] = protocol
    return env
