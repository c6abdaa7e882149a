"""The only module that imports httpx: one origin, its deadlines and its sizes. Knows no forge and no status but redirects.

A token goes to the origin the client was made for and to no other: redirects and links to other places are refused.
"""

import os
import ssl
from collections.abc import Generator, Mapping
from contextlib import ExitStack, contextmanager
from http.cookiejar import CookieJar, DefaultCookiePolicy
from pathlib import Path
from types import TracebackType
from typing import Self

import anyio
import httpx
import msgspec

from caloron_actors.adapters.github._limits import Limits
from caloron_actors.ports.errors import Rejected, Unavailable

Transport = httpx.AsyncBaseTransport
_NOT_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
)
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_HOPS = 5
_CONNECTIONS = 16
_IDLE_SECONDS = 3.0
"""Less than any server's own patience (uvicorn's is 5 s): a write that meets a closing connection is ambiguous."""
UNIX_PATH_LIMIT = 107
"""Bytes of a Unix socket's path that the kernel takes (sockaddr_un holds 108 with the end mark)."""


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """One HTTP answer, read to its end. `what` names the request for messages, `headers` are lower case."""

    what: str
    url: str
    status: int
    headers: Mapping[str, str]
    body: bytes
    next: str | None = None
    """Where the answer says that the following page is, seen from `url`. Not checked before it is read."""


class Http:
    """Requests to one origin. Use as an async context manager; every call may raise `Unavailable` or `Rejected`."""

    def __init__(
        self,
        base_url: str,
        *,
        headers: Mapping[str, str],
        limits: Limits,
        uds: Path | None = None,
        transport: Transport | None = None,
    ) -> None:
        """Raise ValueError for a `base_url` that is not plain `http(s)://host[:port][/path]`.

        The directory of `uds` must exist.
        """
        self._base = _base(base_url)
        self._limits = limits
        pool = httpx.Limits(
            max_connections=_CONNECTIONS,
            max_keepalive_connections=_CONNECTIONS,
            keepalive_expiry=_IDLE_SECONDS,
        )
        # Without TLS no certificates are needed, and a redirect to another scheme is refused.
        trust = (
            ssl.create_default_context()
            if self._base.scheme == "https"
            else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        )
        read = limits.read.total_seconds()
        self._open = ExitStack()
        address = None if uds is None else _address(uds, self._open)
        self._client = httpx.AsyncClient(
            headers=dict(headers),
            # A session cookie given to one account would travel with the next one's token.
            cookies=CookieJar(policy=DefaultCookiePolicy(allowed_domains=[])),
            transport=transport
            or httpx.AsyncHTTPTransport(verify=trust, trust_env=False, limits=pool, uds=address),
            timeout=httpx.Timeout(read, connect=limits.connect.total_seconds()),
            trust_env=False,
        )

    async def __aenter__(self) -> Self:
        await self._client.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with anyio.CancelScope(shield=True):
            await self._client.__aexit__(kind, error, trace)
        self._open.close()

    def url(self, path: str, query: Mapping[str, str | int] | None = None) -> str:
        """The absolute URL of `path`, whose parts are quoted already, below the base URL."""
        whole = httpx.URL(str(self._base).rstrip("/") + path)
        return str(whole.copy_merge_params(dict(query)) if query else whole)

    async def get(self, url: str, authorization: str, seen_from: str | None = None) -> Answer:
        """Read `url`, which may be relative to the URL `seen_from`, following redirects inside the origin."""
        base = None if seen_from is None else httpx.URL(seen_from)
        target = self._inside(url, "GET" if base is None else f"GET {base.path}", base)
        what = f"GET {target.path}"
        with _deadline(what, self._limits, write=False):
            for _ in range(_HOPS):
                answer, location = await self._exchange("GET", target, authorization, None)
                if location is None:
                    return answer
                target = self._inside(location, answer.what, target)
        raise Rejected(f"{what}: more than {_HOPS} redirects")

    async def write(self, method: str, url: str, authorization: str, body: bytes | None) -> Answer:
        """Send a changing request. Redirects are refused: nothing was done, and the new place has to be named."""
        target = self._inside(url, method, None)
        with _deadline(f"{method} {target.path}", self._limits, write=True):
            answer, location = await self._exchange(method, target, authorization, body)
        if location is not None:
            raise Rejected(
                f"{answer.what}: moved to {location!r}; the configuration must name the new place",
                code=answer.status,
            )
        return answer

    async def _exchange(
        self, method: str, url: httpx.URL, authorization: str, body: bytes | None
    ) -> tuple[Answer, str | None]:
        what = f"{method} {url.path}"
        headers = {"Authorization": authorization}
        if body is not None:
            headers["Content-Type"] = "application/json"
        request = self._client.build_request(method, url, headers=headers, content=body)
        try:
            response = await self._client.send(request, stream=True)
            try:
                content = await self._body(response, what, write=method != "GET")
            finally:
                with anyio.CancelScope(shield=True):
                    await response.aclose()
        except _NOT_SENT as error:
            raise Unavailable(f"{what}: no connection: {_name(error)}", ambiguous=False) from error
        except (httpx.RequestError, httpx.StreamError) as error:
            raise Unavailable(f"{what}: {_name(error)}", ambiguous=method != "GET") from error
        location = response.headers.get("location") if response.status_code in _REDIRECTS else None
        following = response.links.get("next", {}).get("url") if method == "GET" else None
        return Answer(
            what=what,
            url=str(url),
            status=response.status_code,
            headers={name.lower(): value for name, value in response.headers.items()},
            body=content,
            next=following,
        ), location

    async def _body(self, response: httpx.Response, what: str, *, write: bool) -> bytes:
        """The body, decompressed. Of an error only as much as can be read: its status says what counts."""
        failed = response.status_code >= 300
        content = bytearray()
        try:
            async for piece in response.aiter_bytes(65536):
                content += piece
                if len(content) > self._limits.answer_bytes:
                    if failed:
                        break
                    raise Unavailable(
                        f"{what}: the answer is larger than {self._limits.answer_bytes} bytes",
                        ambiguous=write,
                    )
        except httpx.RequestError:
            if not failed:
                raise
        return bytes(content)

    def _inside(self, url: str, what: str, base: httpx.URL | None) -> httpx.URL:
        """`url` as seen from `base`, refused outside the origin, because the token would follow it there."""
        try:
            target = httpx.URL(url) if base is None else base.join(url)
        except (httpx.InvalidURL, ValueError) as error:
            raise Rejected(f"{what}: the forge names a place that is no URL") from error
        if _origin(target) != _origin(self._base) or target.userinfo:
            raise Rejected(
                f"{what}: the forge points to {target.scheme}://{target.host}, which is not the configured"
                f" {self._base.scheme}://{self._base.netloc.decode()}; not followed"
            )
        return target


@contextmanager
def _deadline(what: str, limits: Limits, *, write: bool) -> Generator[None, None, None]:
    """The total limit of one call, as the port's error."""
    try:
        with anyio.fail_after(limits.total.total_seconds()):
            yield
    except TimeoutError as error:
        message = f"{what}: no answer after {limits.total.total_seconds():g} s"
        raise Unavailable(message, ambiguous=write) from error


def _base(text: str) -> httpx.URL:
    try:
        url = httpx.URL(text)
    except (httpx.InvalidURL, ValueError) as error:
        raise ValueError("the forge's base URL is no URL") from error
    plain = (
        url.scheme in {"http", "https"}
        and url.host
        and not url.userinfo
        and not url.query
        and not url.fragment
    )
    if not plain:
        raise ValueError("the forge's base URL must be http(s)://host[:port][/path] and nothing else")
    return url


def _address(uds: Path, opened: ExitStack) -> str:
    """A path to the socket that the kernel takes: a long one goes through its open directory."""
    if len(os.fsencode(uds)) <= UNIX_PATH_LIMIT:
        return str(uds)
    directory = os.open(uds.parent, os.O_PATH | os.O_DIRECTORY)
    opened.callback(os.close, directory)
    return f"/proc/self/fd/{directory}/{uds.name}"


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port or {"http": 80, "https": 443}.get(url.scheme)


def _name(error: Exception) -> str:
    """httpx leaves the text of its timeouts empty."""
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
