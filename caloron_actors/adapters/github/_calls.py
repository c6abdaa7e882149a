"""Calls as an account: one write at a time for each credential, a few reads at once, failures as the port's errors.

Knows HTTP and JSON, no forge. Nothing is tried twice here: retries belong to the durable intent.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import TypeVar

import anyio
import msgspec

from caloron_actors.adapters.github._answers import decode, failure
from caloron_actors.adapters.github._http import Answer, Http
from caloron_actors.adapters.github._limits import Credential, Limits
from caloron_actors.ports.errors import Rejected, Unavailable

T = TypeVar("T")
Query = Mapping[str, str | int]


def never(_: Sequence[object]) -> bool:
    """No page is enough: read the list to its end."""
    return False


class Calls:
    """Typed calls over `Http`. Every one may raise the errors of `ports.errors`."""

    def __init__(
        self, http: Http, author: Credential, scheme: str, wall: Callable[[], datetime], limits: Limits
    ) -> None:
        self._http = http
        self.author = author
        self._scheme = scheme
        self.wall = wall
        self._limits = limits
        self._reads = anyio.CapacityLimiter(limits.reads)
        self._writes: dict[str, anyio.Lock] = {}

    async def read(
        self, path: str, kind: type[T], query: Query | None = None, as_: Credential | None = None
    ) -> T:
        """GET `path` as `kind`, by the author unless `as_` says otherwise."""
        answer = await self._get(self._http.url(path, query), as_ or self.author)
        return decode(answer, kind, write=False)

    async def linked(
        self, path: str, kind: type[list[T]], query: Query, enough: Callable[[Sequence[T]], bool] = never
    ) -> list[T]:
        """A list whose pages name their successor in a Link header, to its end or until a page is `enough`."""
        found: list[T] = []
        url = self._http.url(path, query)
        before: str | None = None
        seen: set[str] = set()
        for _ in range(self._limits.pages):
            if url in seen:
                break
            seen.add(url)
            answer = await self._get(url, self.author, before)
            page = decode(answer, kind, write=False)
            found += page
            if answer.next is None or enough(page):
                return found
            url, before = answer.next, answer.url
        raise self._endless(path)

    async def numbered(
        self, path: str, kind: type[list[T]], query: Query, enough: Callable[[Sequence[T]], bool] = never
    ) -> list[T]:
        """A list with numbered pages, to the total the forge tells, or to an empty page where it tells none."""
        found: list[T] = []
        for number in range(1, self._limits.pages + 1):
            answer = await self._get(self._http.url(path, {**query, "page": number}), self.author)
            page = decode(answer, kind, write=False)
            found += page
            total = answer.headers.get("x-total-count", "")
            if not page or enough(page) or (total.isascii() and total.isdigit() and len(found) >= int(total)):
                return found
        raise self._endless(path)

    async def write(
        self,
        method: str,
        path: str,
        body: msgspec.Struct | None,
        kind: type[T],
        as_: Credential | None = None,
    ) -> T:
        """A changing request whose answer is `kind`."""
        answer = await self.send(method, path, body, as_=as_)
        return decode(answer, kind, write=True)

    async def send(
        self,
        method: str,
        path: str,
        body: msgspec.Struct | None,
        *,
        as_: Credential | None = None,
        expected: frozenset[int] = frozenset(),
    ) -> Answer:
        """A changing request; answers with an `expected` status are given back, other failures raise."""
        credential = as_ or self.author
        try:
            content = None if body is None else msgspec.json.encode(body)
        except UnicodeEncodeError as error:
            raise Rejected(f"{method} {path}: the text is no valid Unicode and cannot be sent") from error
        async with self._writes.setdefault(credential.token, anyio.Lock()):
            answer = await self._http.write(
                method, self._http.url(path), self._authorization(credential), content
            )
        return self._checked(answer, credential, write=True, expected=expected)

    async def _get(self, url: str, credential: Credential, seen_from: str | None = None) -> Answer:
        async with self._reads:
            answer = await self._http.get(url, self._authorization(credential), seen_from)
        return self._checked(answer, credential, write=False)

    def _checked(
        self, answer: Answer, credential: Credential, *, write: bool, expected: frozenset[int] = frozenset()
    ) -> Answer:
        if answer.status in expected:
            return answer
        error = failure(answer, write=write, now=self.wall(), token=credential.token)
        if error is not None:
            raise error
        return answer

    def _authorization(self, credential: Credential) -> str:
        return f"{self._scheme} {credential.token}"

    def _endless(self, path: str) -> Unavailable:
        return Unavailable(
            f"GET {path}: the list was not read to its end: more than {self._limits.pages} pages, or pages in a circle",
            ambiguous=False,
        )
