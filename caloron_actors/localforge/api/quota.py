"""Counts requests per account and hour, so that the rate limit headers are true. The limit is high, but it holds."""

import msgspec

from caloron_actors.localforge.stamps import Stamps, parsed

LIMIT = 1_000_000
WINDOW_SECONDS = 3600


class Standing(msgspec.Struct, frozen=True):
    """How much of the window is used. `reset`: when it ends, in Unix seconds."""

    limit: int
    used: int
    reset: int

    @property
    def remaining(self) -> int:
        """How many requests are left."""
        return max(0, self.limit - self.used)

    def headers(self) -> dict[str, str]:
        """The headers of every answer."""
        return {
            "x-ratelimit-limit": str(self.limit),
            "x-ratelimit-remaining": str(self.remaining),
            "x-ratelimit-used": str(self.used),
            "x-ratelimit-reset": str(self.reset),
            "x-ratelimit-resource": "core",
        }


class Quota:
    """One window per account."""

    def __init__(self, stamps: Stamps, limit: int = LIMIT) -> None:
        self._stamps = stamps
        self._limit = limit
        self._used: dict[int, tuple[int, int]] = {}

    def standing(self, account_id: int) -> Standing:
        """How an account stands now."""
        window = int(parsed(self._stamps.now()).timestamp()) // WINDOW_SECONDS
        seen, used = self._used.get(account_id, (window, 0))
        return Standing(self._limit, used if seen == window else 0, (window + 1) * WINDOW_SECONDS)

    def use(self, account_id: int) -> Standing:
        """Count one request."""
        before = self.standing(account_id)
        self._used[account_id] = (before.reset // WINDOW_SECONDS - 1, before.used + 1)
        return self.standing(account_id)

    def give_back(self, account_id: int) -> Standing:
        """Uncount a request: what was not modified costs nothing, as on GitHub."""
        before = self.standing(account_id)
        self._used[account_id] = (before.reset // WINDOW_SECONDS - 1, max(0, before.used - 1))
        return self.standing(account_id)
