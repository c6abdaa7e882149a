"""The numbers a launcher hands to its harnesses and keeps for itself."""

from datetime import timedelta

import msgspec


class HarnessLimits(msgspec.Struct, frozen=True, kw_only=True):
    """Limits of a run. `log_cap` is in bytes for each of stdout and stderr.

    `stop_grace` lies between TERM and KILL when the harness ends an agent by itself (wall time, lease), `leftover_grace`
    when the agent has ended and left children. `stop_margin` is what the harness gets beyond a stop's own grace before it
    is killed itself.
    """

    beat: timedelta = timedelta(seconds=15)
    orphan_limit: timedelta = timedelta(minutes=30)
    stop_grace: timedelta = timedelta(seconds=10)
    leftover_grace: timedelta = timedelta(seconds=2)
    claim_timeout: timedelta = timedelta(seconds=30)
    stop_margin: timedelta = timedelta(seconds=10)
    log_cap: int = 8 * 1024 * 1024
