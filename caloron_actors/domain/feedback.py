"""What an agent says of its own run. It is shown beside the facts and never decides anything."""

import json
import re
from typing import Annotated, Literal

import msgspec

from caloron_actors.domain.marker import one_line

START, END = "CALORON_FEEDBACK_START", "CALORON_FEEDBACK_END"
"""Lines around the JSON object in an agent's stdout (the predecessors' envelope)."""

SIZE_LIMIT = 64 * 1024
LIST_LIMIT = 20
_FENCE = re.compile(r"^```[a-z]*\n|\n```$")

SelfAssessment = Literal["completed", "partial", "blocked", "failed", "crashed"]


class Feedback(msgspec.Struct, frozen=True, kw_only=True):
    """An agent's own words. `task_clarity` is 1 to 10."""

    task_clarity: int
    self_assessment: SelfAssessment
    blockers: tuple[str, ...] = ()
    tools_used: tuple[str, ...] = ()
    notes: str = ""


class _Envelope(msgspec.Struct):
    """The object as agents write it: every field may be missing."""

    task_clarity: Annotated[int, msgspec.Meta(ge=1, le=10)] = 5
    self_assessment: SelfAssessment = "completed"
    blockers: list[str] = []
    tools_used: list[str] = []
    notes: str | None = None


def read_feedback(stdout: str) -> Feedback | None:
    """Read the last envelope of an agent's stdout; None when there is none or it cannot be read."""
    _, found, rest = stdout.rpartition(START)
    body, closed, _ = rest.partition(END)
    if not found or not closed or len(body) > SIZE_LIMIT:
        return None
    text = _FENCE.sub("", body.strip())
    try:
        told = msgspec.json.decode(text, type=_Envelope)
    except (msgspec.MsgspecError, UnicodeEncodeError, RecursionError):
        return None
    return Feedback(
        task_clarity=told.task_clarity,
        self_assessment=told.self_assessment,
        blockers=_lines(told.blockers),
        tools_used=_lines(told.tools_used),
        notes=one_line(told.notes or "", 2000),
    )


def feedback_comment(feedback: Feedback, *, task: str, role: str, minutes: int) -> str:
    """The feedback as the comment both predecessors read: one YAML mapping between two `---` lines.

    JSON strings are valid YAML and cannot break out of their line. Their readers drop a block without a number of
    tokens; 0 is their word for one that nobody has counted.
    """
    fields = {
        "task_id": task,
        "agent_role": role,
        "task_clarity": feedback.task_clarity,
        "blockers": [_undashed(text) for text in feedback.blockers],
        "tools_used": [_undashed(text) for text in feedback.tools_used],
        "tokens_consumed": 0,
        "time_to_complete_min": minutes,
        "self_assessment": feedback.self_assessment,
        "notes": _undashed(feedback.notes),
    }
    lines = [f"  {name}: {json.dumps(value, ensure_ascii=False)}" for name, value in fields.items()]
    return "\n".join(["---", "caloron_feedback:", *lines, "---"])


def _lines(texts: list[str]) -> tuple[str, ...]:
    return tuple(one_line(text) for text in texts[:LIST_LIMIT])


def _undashed(text: str) -> str:
    """Readers of the predecessors take any `---` for the end of the block."""
    return text.replace("---", "- -")
