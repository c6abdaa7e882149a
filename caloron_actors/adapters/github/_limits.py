"""Who the client is to the forge, and how long and how much it takes from it. Values only."""

from dataclasses import dataclass, field
from datetime import timedelta

import msgspec


@dataclass(frozen=True)
class Credential:
    """A token and, where it is known, the login of the account it belongs to.

    Without `login` the forge is asked. The token never shows in a `repr`.

    Raises ValueError for a token that is empty or holds white space, control or non-ASCII characters.
    """

    token: str = field(repr=False)
    login: str | None = None

    def __post_init__(self) -> None:
        if not self.token or not all("!" <= letter <= "~" for letter in self.token):
            raise ValueError("a token must be one word of printable ASCII characters")


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """The bounds of every call."""

    connect: timedelta = timedelta(seconds=5)
    """Until the connection stands."""
    read: timedelta = timedelta(seconds=30)
    """Between two pieces of an answer, or of a request that is being sent."""
    total: timedelta = timedelta(seconds=60)
    """From the start of a request to the end of its answer, a redirect included; not the wait for one's turn."""
    pages: int = 1000
    """Pages of one list."""
    answer_bytes: int = 32 * 1024 * 1024
    """Size of one answer, decompressed."""
    reads: int = 4
    """Reads under way at once."""
