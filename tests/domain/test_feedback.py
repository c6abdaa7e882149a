"""What agents say of themselves: read from their output, shown on the issue, deciding nothing (R1, R2, E14)."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caloron_actors.domain.feedback import END, START, Feedback, feedback_comment, read_feedback

WORDS = {"task_clarity": 7, "self_assessment": "partial", "blockers": ["no docs"], "notes": 'a: "b"\nc'}


def envelope(body: str) -> str:
    return f"working\n{START}\n{body}\n{END}\nbye\n"


def test_the_last_envelope_counts() -> None:
    out = envelope('{"task_clarity": 1}') + envelope(json.dumps(WORDS))
    assert read_feedback(out) == Feedback(
        task_clarity=7, self_assessment="partial", blockers=("no docs",), notes='a: "b" c'
    )


def test_r2_a_fenced_body_is_read() -> None:
    """R2: a fence around the object is no reason for defaults."""
    told = read_feedback(envelope("```json\n" + json.dumps(WORDS) + "\n```"))
    assert told is not None
    assert told.task_clarity == 7


@pytest.mark.parametrize(
    "out",
    [
        "",
        "words",
        START,
        f"{START}\n{{}}",
        envelope("{"),
        envelope('{"task_clarity": 300}'),
        envelope("[]"),
        envelope('{"deep": ' + "[" * 30_000 + "]" * 30_000 + "}"),
    ],
    ids=lambda out: out[:40],
)
def test_what_is_no_envelope_is_no_feedback(out: str) -> None:
    assert read_feedback(out) is None


@given(st.text(), st.lists(st.text(), max_size=3))
def test_r1_no_words_break_the_block(notes: str, blockers: list[str]) -> None:
    """R1: quotes, colons, line ends and dashes stay inside their line, so the block can be parsed."""
    said = Feedback(task_clarity=5, self_assessment="completed", notes=notes, blockers=tuple(blockers))
    lines = feedback_comment(said, task="a", role="developer", minutes=3).split("\n")
    assert (lines[0], lines[1], lines[-1]) == ("---", "caloron_feedback:", "---")
    fields = {name.strip(): json.loads(value) for name, _, value in (x.partition(":") for x in lines[2:-1])}
    assert fields["notes"].replace("- -", "---") == notes.replace("- -", "---")
    assert not any("---" in line for line in lines[1:-1])
