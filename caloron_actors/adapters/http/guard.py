"""Who may speak HTTP to a loopback port: callers that name it by a loopback name, and pages that came from it."""

import ipaddress

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from caloron_actors.adapters.http.answers import failure


class LoopbackOnly:
    """ASGI middleware. It defeats pages that reach us through a name of their own (DNS rebinding) or across origins."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 403, or let the request through."""
        if scope["type"] == "http":
            headers = Headers(scope=scope)
            host, origin = headers.get("host", ""), headers.get("origin")
            if not is_loopback(host):
                await failure(403, "forbidden", "the Host header must name this host's loopback")(
                    scope, receive, send
                )
                return
            if origin is not None and origin.lower() != f"http://{host.lower()}":
                await failure(403, "forbidden", "requests of other origins are refused")(scope, receive, send)
                return
        await self._app(scope, receive, send)


def is_loopback(host: str) -> bool:
    """Whether a Host header's value is `localhost` or a loopback address, with or without a port."""
    name, mark, port = host.rpartition(":")
    if not mark or host.endswith("]"):
        name, port = host, ""
    if port and not (port.isascii() and port.isdigit()):
        return False
    if name.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(name.removeprefix("[").removesuffix("]")).is_loopback
    except ValueError:
        return False
