"""Lengths of time as people write them in plans and on the command line: `90s`, `20m`, `2h`, `1h30m`."""

import re
from datetime import timedelta

DURATION_RULE = "a duration such as 90s, 20m, 2h or 1h30m, longer than nothing and at most 366 days"
LONGEST = timedelta(days=366)
_DURATION = re.compile(r"(?:([0-9]{1,8})h)?(?:([0-9]{1,8})m)?(?:([0-9]{1,8})s)?")


def parse_duration(text: str) -> timedelta | None:
    """Read hours, minutes and seconds in that order; None for anything that is not `DURATION_RULE`."""
    match = _DURATION.fullmatch(text)
    if match is None:
        return None
    hours, minutes, seconds = (int(part or 0) for part in match.groups())
    length = timedelta(hours=hours, minutes=minutes, seconds=seconds)
    return length if timedelta(0) < length <= LONGEST else None


def format_duration(length: timedelta) -> str:
    """Write whole seconds so that `parse_duration` reads them back; parts that are zero are left out."""
    minutes, seconds = divmod(int(length.total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    parts = [f"{count}{unit}" for count, unit in ((hours, "h"), (minutes, "m"), (seconds, "s")) if count]
    return "".join(parts) or "0s"
