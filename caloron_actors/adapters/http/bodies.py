"""Request bodies at the door: bounded, of the right type, decoded into a struct or refused with the right status."""

from typing import TypeVar

import anyio
import msgspec
from starlette.requests import ClientDisconnect, Request

T = TypeVar("T")

BODY_LIMIT = 2 * 1024 * 1024
"""Bytes; the predecessors' framework has the same."""


DRAIN_LIMIT = 4 * BODY_LIMIT
"""Bytes of a body that are read at all: a caller that is still sending when we close never sees the answer."""
BODY_SECONDS = 30.0


class Unacceptable(Exception):
    """A request that is not taken: the HTTP status and the sentence of the answer."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def too_large() -> Unacceptable:
    """The refusal of a body above BODY_LIMIT."""
    return Unacceptable(413, f"the body is larger than {BODY_LIMIT} bytes")


async def read_json(request: Request, decoder: msgspec.json.Decoder[T]) -> T:
    """Read and decode. Raises `Unacceptable`.

    415 for other types, 413 too large, 408 too slow, 400 no JSON, 422 the wrong fields.
    """
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json" and not (
        media_type.startswith("application/") and media_type.endswith("+json")
    ):
        raise Unacceptable(415, "the body must be application/json")
    return decode(await _read(request), decoder)


async def _read(request: Request) -> bytes:
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > BODY_LIMIT and "expect" in request.headers:
        raise too_large()  # the caller waits for our word before it sends anything
    body = bytearray()
    seen = 0
    try:
        with anyio.fail_after(BODY_SECONDS):
            async for chunk in request.stream():
                seen += len(chunk)
                if seen > DRAIN_LIMIT:
                    break
                if seen <= BODY_LIMIT:
                    body += chunk
    except ClientDisconnect as error:
        raise Unacceptable(400, "the body ended early") from error
    except TimeoutError as error:
        raise Unacceptable(408, "the body took too long") from error
    if seen > BODY_LIMIT:
        raise too_large()
    return bytes(body)


def decode(body: bytes, decoder: msgspec.json.Decoder[T]) -> T:
    """Decode foreign JSON. Besides its own errors msgspec raises those of text and of nesting too deep."""
    try:
        return decoder.decode(body)
    except msgspec.ValidationError as error:
        raise Unacceptable(422, f"wrong field: {error}") from error
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Unacceptable(400, "invalid JSON") from error
