"""Reading a reviewer's verdict. It fails closed: what is not clearly a verdict is none, never an approval."""

from typing import Literal

import msgspec

from caloron_actors.domain.marker import one_line


class Judgement(msgspec.Struct, frozen=True):
    """What a reviewer's output amounts to. `text` is its reason, or why there is no verdict."""

    verdict: Literal["approve", "request_changes"] | None
    text: str


def read_verdict(stdout: str) -> Judgement:
    """Read the last non-empty line of a reviewer's stdout: `APPROVED`, or `CHANGES_NEEDED: reason` with a reason."""
    lines = [line.strip() for line in stdout.split("\n") if line.strip()]
    if not lines:
        return Judgement(None, "it printed nothing")
    last = lines[-1]
    if last == "APPROVED":
        return Judgement("approve", "")
    word, colon, reason = last.partition(":")
    if word == "CHANGES_NEEDED" and colon and reason.strip():
        return Judgement("request_changes", reason.strip())
    return Judgement(None, f"its last line is no verdict: {one_line(last, 120)!r}")
