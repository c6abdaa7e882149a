"""The addresses in answers, all built on the address that the request itself was sent to."""

from dataclasses import dataclass
from urllib.parse import quote

from starlette.requests import Request

PREFIX = "/api/v3"


@dataclass(frozen=True)
class Links:
    """`api` is where the REST routes begin, `site` where people's and git's addresses begin."""

    api: str
    site: str

    @classmethod
    def of(cls, request: Request) -> "Links":
        """The addresses that fit a request."""
        server = request.scope.get("server") or ("localhost", None)
        known = f"{server[0]}:{server[1]}" if server[1] else str(server[0])
        host = request.headers.get("host") or known
        site = f"{request.url.scheme}://{host}"
        mounted = str(request.scope.get("root_path", "")).endswith(PREFIX)
        return cls(api=site + PREFIX if mounted else site, site=site)

    def user(self, login: str) -> str:
        """An account."""
        return f"{self.api}/users/{quote(login)}"

    def repository(self, full_name: str) -> str:
        """A repository."""
        return f"{self.api}/repos/{full_name}"

    def page(self, full_name: str) -> str:
        """Where people would look at a repository."""
        return f"{self.site}/{full_name}"
