"""What the launcher asks of the harness: the decoder of `order.json`. Refuses what it does not understand."""

import json
from dataclasses import dataclass
from typing import TypeGuard

PROTOCOL = 1
"""The version of the files a run directory holds. Fields are only ever added; a changed meaning is a new version."""
READS = frozenset({PROTOCOL})
"""The versions of an order that are obeyed: the present one and, once there is one, the one before."""


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
        fields: object = json.loads(raw)
        if not _is_table(fields) or fields.get("version") not in READS:
            raise OrderError(f"order.json is not of protocol {PROTOCOL}")
        return Order(
            run=_text(fields, "run"),
            nonce=_text(fields, "nonce"),
            argv=_words(fields, "argv"),
            cwd=_text(fields, "cwd"),
            env=_texts(fields, "env"),
            prompt=_text(fields, "prompt"),
            socket=_text(fields, "socket"),
            wall_time=None if fields["wall_time"] is None else float(_number(fields, "wall_time")),
            beat=float(_number(fields, "beat")),
            orphan_limit=float(_number(fields, "orphan_limit")),
            stop_grace=float(_number(fields, "stop_grace")),
            leftover_grace=float(_number(fields, "leftover_grace")),
            log_cap=int(_number(fields, "log_cap")),
        )
    except (ValueError, KeyError, TypeError) as mistake:
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


def _number(fields: dict[str, object], name: str) -> float:
    value = fields[name]
    if not isinstance(value, int | float):
        raise TypeError(f"{name} is not a number")
    return value


def _words(fields: dict[str, object], name: str) -> tuple[str, ...]:
    value = fields[name]
    if not _is_list(value):
        raise TypeError(f"{name} is not a list")
    return tuple(str(word) for word in value)


def _texts(fields: dict[str, object], name: str) -> dict[str, str]:
    value = fields[name]
    if not _is_table(value):
        raise TypeError(f"{name} is not a table")
    return {key: str(text) for key, text in value.items()}


def _is_table(value: object) -> TypeGuard[dict[str, object]]:
    """Every table that comes out of JSON has text for its keys."""
    return isinstance(value, dict)


def _is_list(value: object) -> TypeGuard[list[object]]:
    return isinstance(value, list)
