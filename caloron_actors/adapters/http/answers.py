"""The bodies of HTTP answers: ours, and those whose shape the predecessors' callers know."""

import msgspec
from starlette.responses import Response

JSON = "application/json"


class Fault(msgspec.Struct, frozen=True):
    """What went wrong: a word for programs and a sentence for people."""

    code: str
    message: str


class Failure(msgspec.Struct, frozen=True):
    """The body of every error of ours."""

    error: Fault


class Ok(msgspec.Struct, frozen=True):
    """The predecessors' body of success."""

    ok: bool = True


class NotOk(msgspec.Struct, frozen=True):
    """The predecessors' body of an error."""

    error: str
    ok: bool = False


def answer(status: int, body: msgspec.Struct) -> Response:
    """An answer with a JSON body."""
    return Response(msgspec.json.encode(body), status, media_type=JSON)


def failure(status: int, code: str, message: str) -> Response:
    """An error in our own shape."""
    return answer(status, Failure(Fault(code, message)))
