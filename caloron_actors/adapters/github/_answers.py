"""What an HTTP answer means to the port: a decoded value, or which of the port's errors. No I/O."""

import unicodedata
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TypeVar

import msgspec

from caloron_actors.adapters.github._http import Answer
from caloron_actors.ports.errors import NotFound, PortError, RateLimited, Rejected, Unauthorized, Unavailable

T = TypeVar("T")
MESSAGE_LIMIT = 500
SECONDARY_LIMIT_WAIT = timedelta(seconds=60)
"""GitHub, "Best practices for using the REST API": without `retry-after`, wait at least one minute."""
LONGEST_WAIT = timedelta(days=1)
"""No forge's window is longer; a longer word is a mistake and would park the service."""


class _Fault(msgspec.Struct):
    message: str | None = None
    code: str | None = None
    field: str | None = None


class _Problem(msgspec.Struct):
    message: str | None = None
    errors: list[_Fault | str] | None = None


class _ProblemHead(msgspec.Struct):
    message: str | None = None


def decode(answer: Answer, kind: type[T], *, write: bool) -> T:
    """The answer's body as `kind`; unknown fields are allowed. Raises `Unavailable` for anything else."""
    try:
        return msgspec.json.decode(answer.body, type=kind)
    except (ValueError, RecursionError) as error:
        # ValueError covers msgspec's DecodeError and bytes that are no UTF-8.
        message = f"{answer.what}: the answer cannot be understood: {clean(str(error))}"
        raise Unavailable(message, ambiguous=write) from error


def failure(answer: Answer, *, write: bool, now: datetime, token: str) -> PortError | None:
    """The port's error for this answer, None for a success. The token never shows in its message."""
    status = answer.status
    if 200 <= status < 300:
        return None
    told = said(answer, token)
    message = f"{answer.what}: {status}{': ' if told else ''}{told}"
    if status in {403, 422, 429}:
        until = _limited(answer, told, now)
        if until is not None:
            return RateLimited(message, retry_after=until)
    if status in {401, 403}:
        return Unauthorized(message, code=status)
    if status in {404, 410}:
        return NotFound(message, code=status)
    if 400 <= status < 500 and status != 408:
        return Rejected(message, code=status)
    return Unavailable(message, ambiguous=write, retry_after=_retry_after(answer.headers, now))


def said(answer: Answer, token: str) -> str:
    """The forge's own words, in one clean line."""
    problem = _problem(answer)
    details = (fault if isinstance(fault, str) else _detail(fault) for fault in problem.errors or ())
    words = "; ".join(part for part in (problem.message, *details) if part)
    return clean(words.replace(token, "***"))


def clean(text: str) -> str:
    """One line of at most `MESSAGE_LIMIT` characters without control or invisible formatting characters."""
    head = text[: MESSAGE_LIMIT * 4]
    line = " ".join("".join(" " if unicodedata.category(c)[0] in "CZ" else c for c in head).split())
    return line if len(line) <= MESSAGE_LIMIT else line[: MESSAGE_LIMIT - 1] + "…"


def _problem(answer: Answer) -> _Problem:
    try:
        return msgspec.json.decode(answer.body, type=_Problem)
    except (ValueError, RecursionError):
        return _head(answer)


def _head(answer: Answer) -> _Problem:
    try:
        return _Problem(message=msgspec.json.decode(answer.body, type=_ProblemHead).message)
    except (ValueError, RecursionError):
        plain = answer.headers.get("content-type", "").startswith("text/plain")
        return _Problem(message=answer.body[: MESSAGE_LIMIT * 4].decode(errors="replace") if plain else None)


def _detail(fault: _Fault) -> str:
    return fault.message or " ".join(part for part in (fault.field, fault.code) if part)


def _limited(answer: Answer, told: str, now: datetime) -> datetime | None:
    """Until when the forge wants to be left alone, None when it refused for another reason."""
    if answer.status == 422:
        return now + SECONDARY_LIMIT_WAIT if _too_fast(answer) else None
    until = _retry_after(answer.headers, now)
    if until is not None:
        return until
    if answer.headers.get("x-ratelimit-remaining") == "0":
        return _reset(answer.headers, now)
    lowered = told.lower()
    if answer.status == 429 or "rate limit" in lowered or "abuse detection" in lowered:
        return now + SECONDARY_LIMIT_WAIT
    return None


def _too_fast(answer: Answer) -> bool:
    """Whether what looks like a wrong request is GitHub's limit on new content, which it words as a validation error."""
    faults = [_Fault(message=f) if isinstance(f, str) else f for f in _problem(answer).errors or ()]
    return any(f.code == "abuse" or "submitted too quickly" in (f.message or "") for f in faults)


def _reset(headers: Mapping[str, str], now: datetime) -> datetime:
    """`x-ratelimit-reset`, an epoch of the server's clock, carried over to ours by its `Date`."""
    try:
        reset = datetime.fromtimestamp(int(headers.get("x-ratelimit-reset", "")), UTC)
    except (ValueError, OverflowError, OSError):
        return now + SECONDARY_LIMIT_WAIT
    return _bounded(reset - (_http_date(headers.get("date", "")) or now), now)


def _retry_after(headers: Mapping[str, str], now: datetime) -> datetime | None:
    """`Retry-After`, in seconds or as a date of the server's clock."""
    word = headers.get("retry-after", "").strip()
    if word.isascii() and word.isdigit():
        return _bounded(timedelta(seconds=min(int(word[:12]), LONGEST_WAIT.total_seconds())), now)
    moment = _http_date(word)
    if moment is None:
        return None
    return _bounded(moment - (_http_date(headers.get("date", "")) or now), now)


def _bounded(wait: timedelta, now: datetime) -> datetime:
    return now + min(max(wait, timedelta(0)), LONGEST_WAIT)


def _http_date(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, IndexError, OverflowError, TypeError):
        return None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
