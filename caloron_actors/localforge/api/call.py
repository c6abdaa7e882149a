"""One authenticated request as an endpoint sees it, and the reply it gives."""

import sqlite3
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import msgspec
from starlette.datastructures import QueryParams
from starlette.requests import Request

from caloron_actors.localforge.api import paging
from caloron_actors.localforge.api.links import Links
from caloron_actors.localforge.api.paging import Asked
from caloron_actors.localforge.api.problems import Problem, forbidden, invalid, not_found
from caloron_actors.localforge.api.quota import Standing
from caloron_actors.localforge.names import number_of
from caloron_actors.localforge.rows import accounts, issues, pulls
from caloron_actors.localforge.rows.accounts import Account
from caloron_actors.localforge.rows.repositories import Repository
from caloron_actors.localforge.stamps import stamp_of
from caloron_actors.localforge.state import ForgeState

BODY_LIMIT = 1024 * 1024
"""The most bytes of JSON that a request may carry."""

Value = TypeVar("Value")
Word = TypeVar("Word", bound=str)


@dataclass(frozen=True)
class Reply:
    """What an endpoint answers: a struct or a list of them as JSON, or plain text; nothing with status 204."""

    body: msgspec.Struct | Sequence[msgspec.Struct] | bytes | None = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    media_type: str = "application/json; charset=utf-8"


@dataclass(frozen=True)
class Call:
    """A request of `account`. `now` is the one instant that everything it writes carries."""

    state: ForgeState
    request: Request
    account: Account
    links: Links
    standing: Standing
    now: str
    found: Repository | None

    @property
    def repository(self) -> Repository:
        """The repository that the path names."""
        if self.found is None:
            raise not_found()
        return self.found

    @property
    def query(self) -> QueryParams:
        """The query's parameters."""
        return self.request.query_params

    def name(self, key: str) -> str:
        """A part of the path."""
        return str(self.request.path_params[key])

    def number(self, key: str = "number") -> int:
        """A part of the path that has to be a positive number; anything else names nothing."""
        number = number_of(self.name(key))
        if number is None:
            raise not_found()
        return number

    def word(self, key: str, words: tuple[Word, ...]) -> Word:
        """A query parameter out of a few words; the first is meant when none is said."""
        said = self.query.get(key, words[0])
        for word in words:
            if word == said:
                return word
        raise invalid("Request", key)

    def since(self) -> str | None:
        """The query's `since` as a stamp."""
        said = self.query.get("since")
        if not said:
            return None
        stamp = stamp_of(said)
        if stamp is None:
            raise invalid("Request", "since")
        return stamp

    def page(self) -> Asked:
        """The page asked for."""
        return paging.asked(self.query)

    def paged(self, found: tuple[int, Sequence[msgspec.Struct]]) -> Reply:
        """Answer one page out of so many entries."""
        total, entries = found
        url = self.links.site + self.request.url.path
        link = paging.link_header(url, self.query, self.page(), total)
        return Reply(entries, headers={} if link is None else {"link": link})

    async def content(self, kind: type[Value]) -> Value:
        """The request's JSON as a `kind`: 400 when it is no JSON, 422 when it has the wrong shape, 413 when too big."""
        return await self.decoded(msgspec.json.Decoder(kind))

    async def decoded(self, decoder: "msgspec.json.Decoder[Value]") -> Value:
        """The same for a type that is no class."""
        raw = await self._read()
        try:
            return decoder.decode(raw or b"{}")
        except msgspec.ValidationError as error:
            raise Problem(422, f"Invalid request.\n\n{error}") from error
        except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
            raise Problem(400, "Problems parsing JSON") from error

    async def _read(self) -> bytes:
        read = bytearray()
        async for chunk in self.request.stream():
            read += chunk
            if len(read) > BODY_LIMIT:
                raise Problem(413, f"The request is larger than {BODY_LIMIT} bytes")
        return bytes(read)

    def may_write(self, db: sqlite3.Connection) -> bool:
        """Whether the sender may push, label and merge."""
        return accounts.may_write(db, self.repository.id, self.account.id)

    def need_write(self, db: sqlite3.Connection, *, unless_author: int | None = None) -> None:
        """Refuse a sender who may only read, unless it is the author's own."""
        if unless_author != self.account.id and not self.may_write(db):
            raise forbidden()

    def issue(self, db: sqlite3.Connection) -> issues.Issue:
        """The issue or pull request that the path names."""
        found = issues.by_number(db, self.repository.id, self.number())
        if found is None:
            raise not_found()
        return found

    def pull(self, db: sqlite3.Connection) -> tuple[issues.Issue, pulls.Pull]:
        """The pull request that the path names."""
        issue = self.issue(db)
        if not issue.is_pull:
            raise not_found()
        return issue, pulls.of_issue(db, issue.id)


Endpoint = Callable[[Call], Awaitable[Reply]]
