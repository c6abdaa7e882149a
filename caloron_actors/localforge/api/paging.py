"""Pages of lists, and the Link header that leads through them."""

from urllib.parse import urlencode

import msgspec
from starlette.datastructures import QueryParams

DEFAULT_SIZE = 30
LARGEST_SIZE = 100
"""https://docs.github.com/en/rest/using-the-rest-api/using-pagination-in-the-rest-api"""

_LAST_PAGE = 10**9


class Asked(msgspec.Struct, frozen=True):
    """Which page of which size is asked for; pages count from 1."""

    page: int
    size: int

    @property
    def offset(self) -> int:
        """How many entries come before the page."""
        return (self.page - 1) * self.size


def asked(query: QueryParams) -> Asked:
    """The page that a query asks for; what is no number counts as not said, as on GitHub."""
    size = _number(query.get("per_page"), DEFAULT_SIZE)
    return Asked(page=min(_number(query.get("page"), 1), _LAST_PAGE), size=min(size, LARGEST_SIZE))


def link_header(url: str, query: QueryParams, page: Asked, total: int) -> str | None:
    """The Link header of one page of a list at `url`; None when there is only one page."""
    last = max(1, -(-total // page.size))
    targets: list[tuple[str, int]] = []
    if page.page > 1:
        targets += [("prev", min(page.page - 1, last)), ("first", 1)]
    if page.page < last:
        targets += [("next", page.page + 1), ("last", last)]
    if not targets:
        return None
    kept = [(key, value) for key, value in query.multi_items() if key != "page"]
    return ", ".join(
        f'<{url}?{urlencode([*kept, ("page", str(number))])}>; rel="{relation}"'
        for relation, number in targets
    )


def _number(text: str | None, default: int) -> int:
    if text is None or not text.isascii() or not text.isdigit() or len(text) > 18:
        return default
    return int(text) or default
