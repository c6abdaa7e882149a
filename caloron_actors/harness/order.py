"""What the launcher asks of the harness: the decoder of `order.json`. Refuses what it does not understand."""

import json
from dataclasses import dataclass

PROTOCOL = 1
"""The version of the files a run directory holds. Fields are only ever added; a changed meaning is a new version."""


class OrderError(Exception):
    """The order is damaged or of another protocol. Nothing was started."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One decoded order. Durations are in seconds, `log_cap` is in bytes for each stream."""

    run: str
    nonce: str
    argv: tuple[str, ...]
    cwd: str
    env: dict[str, str]
    prompt: str
    socket: str
    wall_time: float | None
    beat: float
    orphan_limit: float
    stop_grace: float
    leftover_grace: float
    log_cap: int


def decode(raw: bytes) -> Order:
    """Read an order. Raises OrderError with the place of the mistake."""
    try:
        fields = json.loads(raw)
        if not isinstance(fields, dict) or fields.get("version") != PROTOCOL:
            raise OrderError(f"order.json is not of protocol {PROTOCOL}")
        wall_time = fields["wall_time"]
        return Order(
            run=_text(fields, "run"),
            nonce=_text(fields, "nonce"),
            argv=tuple(str(word) for word in fields["argv"]),
            cwd=_text(fields, "cwd"),
            env={str(name): str(value) for name, value in fields["env"].items()},
            prompt=_text(fields, "prompt"),
            socket=_text(fields, "socket"),
            wall_time=None if wall_time is None else float(wall_time),
            beat=float(fields["beat"]),
            orphan_limit=float(fields["orphan_limit"]),
            stop_grace=float(fields["stop_grace"]),
            leftover_grace=float(fields["leftover_grace"]),
            log_cap=int(fields["log_cap"]),
        )
    except (ValueError, KeyError, TypeError, AttributeError) as mistake:
        raise OrderError(f"order.json is damaged: {mistake!r}") from mistake


def decode_grace(raw: bytes) -> float | None:
    """Read the grace, in seconds, out of `stop.json`; None when there is none to be read."""
    try:
        return max(0.0, float(json.loads(raw)["grace"]))
    except (ValueError, KeyError, TypeError):
        return None


def _text(fields: dict[str, object], name: str) -> str:
    value = fields[name]
    if not isinstance(value, str):
        raise TypeError(f"{name} is not text")
    return value
