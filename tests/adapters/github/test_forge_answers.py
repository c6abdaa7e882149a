"""What an answer means: which error, until when to wait, and which words of the forge are shown."""

from datetime import UTC, datetime, timedelta

import pytest

from caloron_actors.adapters.github._answers import clean, failure
from caloron_actors.adapters.github._http import Answer
from caloron_actors.ports.errors import NotFound, PortError, RateLimited, Rejected, Unauthorized, Unavailable

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
EPOCH = int(NOW.timestamp())
TOKEN = "ghs-secret"


def refusal(
    status: int, headers: dict[str, str] | None = None, body: str = "", *, write: bool = True
) -> PortError | None:
    answer = Answer(what="PUT /x", url="http://h/x", status=status, headers=headers or {}, body=body.encode())
    return failure(answer, write=write, now=NOW, token=TOKEN)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, Rejected),
        (401, Unauthorized),
        (403, Unauthorized),
        (404, NotFound),
        (405, Rejected),
        (409, Rejected),
        (410, NotFound),
        (422, Rejected),
        (451, Rejected),
    ],
)
def test_refusals(status: int, kind: type[Rejected]) -> None:
    error = refusal(status, body='{"message": "no"}')
    assert type(error) is kind
    assert isinstance(error, Rejected)
    assert error.code == status
    assert str(error) == f"PUT /x: {status}: no"


@pytest.mark.parametrize("status", [100, 300, 304, 408, 500, 502, 503, 504, 599])
@pytest.mark.parametrize("write", [True, False])
def test_trouble_is_ambiguous_for_writes(status: int, write: bool) -> None:
    error = refusal(status, write=write)
    assert type(error) is Unavailable
    assert error.ambiguous is write


@pytest.mark.parametrize("status", [200, 201, 204])
def test_successes(status: int) -> None:
    assert refusal(status) is None


PRIMARY = {"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(EPOCH + 900)}


@pytest.mark.parametrize(
    ("status", "headers", "body", "seconds"),
    [
        (403, PRIMARY, "", 900),
        (429, PRIMARY, "", 900),
        # The server's clock is ten minutes ahead: its own date says how long to wait.
        (403, {**PRIMARY, "date": "Sun, 01 Mar 2026 12:10:00 GMT"}, "", 300),
        (403, {**PRIMARY, "x-ratelimit-reset": str(EPOCH - 5)}, "", 0),
        (403, {**PRIMARY, "x-ratelimit-reset": "soon"}, "", 60),
        (403, {**PRIMARY, "x-ratelimit-reset": "9" * 40}, "", 60),
        (403, {**PRIMARY, "retry-after": "7"}, "", 7),
        (429, {"retry-after": "7"}, "", 7),
        (403, {"retry-after": "7"}, "", 7),
        (429, {"retry-after": "Sun, 01 Mar 2026 12:00:30 GMT"}, "", 30),
        (429, {"retry-after": "Sun, 01 Mar 2026 11:00:30 GMT"}, "", 0),
        (429, {"retry-after": "9" * 40}, "", 86400),
        (429, {"retry-after": "later"}, "", 60),
        (429, {}, "", 60),
        (403, {}, '{"message": "You have exceeded a secondary rate limit."}', 60),
        (403, {}, '{"message": "You have triggered an abuse detection mechanism."}', 60),
        (422, {}, '{"message": "Validation Failed", "errors": [{"code": "abuse", "field": "base"}]}', 60),
        (422, {}, '{"errors": [{"code": "unprocessable", "message": "was submitted too quickly"}]}', 60),
        (422, {}, '{"errors": ["was submitted too quickly after a previous comment"]}', 60),
    ],
)
def test_rate_limits(status: int, headers: dict[str, str], body: str, seconds: int) -> None:
    error = refusal(status, headers, body)
    assert isinstance(error, RateLimited)
    assert error.retry_after == NOW + timedelta(seconds=seconds)
    assert not error.ambiguous


@pytest.mark.parametrize("told", ["exists for o:agent/dev/s1/abuse", "abuse"])
def test_a_wrong_request_is_no_rate_limit(told: str) -> None:
    error = refusal(422, PRIMARY, f'{{"errors": [{{"code": "custom", "message": "{told}"}}]}}')
    assert type(error) is Rejected


def test_a_forbidden_call_with_calls_left_is_no_rate_limit() -> None:
    error = refusal(
        403, {"x-ratelimit-remaining": "4999", "x-ratelimit-reset": str(EPOCH)}, '{"message": "no"}'
    )
    assert type(error) is Unauthorized


def test_trouble_tells_when_to_come_back() -> None:
    error = refusal(503, {"retry-after": "120"})
    assert isinstance(error, Unavailable)
    assert error.retry_after == NOW + timedelta(minutes=2)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (
            '{"message": "Validation Failed", "errors": [{"field": "title", "code": "missing"}]}',
            "title missing",
        ),
        (
            '{"message": "Validation Failed", "errors": [{"message": "No commits"}]}',
            "Validation Failed; No commits",
        ),
        (
            '{"message": "Validation Failed", "errors": ["Can not approve"]}',
            "Validation Failed; Can not approve",
        ),
        ('{"message": "no", "errors": null}', "no"),
        ('{"message": "no", "errors": {"odd": 1}}', "no"),
        ('{"message": "evil\\u001b[31m\\u202e\\nline"}', "evil [31m line"),
        (f'{{"message": "you sent {TOKEN}"}}', "you sent ***"),
        ("<html>", "PUT /x: 422"),
        ("[1]", "PUT /x: 422"),
    ],
)
def test_the_words_of_a_refusal(body: str, words: str) -> None:
    assert str(refusal(422, body=body)).endswith(words)


def test_plain_words_and_long_ones() -> None:
    assert (
        str(refusal(422, {"content-type": "text/plain"}, "gateway says no")) == "PUT /x: 422: gateway says no"
    )
    assert len(clean("x" * 10_000)) == 500
