"""A reviewer's verdict is read closed: what is not clearly one is none (E3, E4)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caloron_actors.domain.verdict import Judgement, read_verdict


@pytest.mark.parametrize(
    "text", ["APPROVED", "APPROVED\n", "thoughts\n\nAPPROVED\r\n\n \n", "no\n  APPROVED  "]
)
def test_approved(text: str) -> None:
    assert read_verdict(text) == Judgement("approve", "")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("CHANGES_NEEDED: tests", "tests"),
        ("APPROVED\nCHANGES_NEEDED:  a: b ", "a: b"),
        ("CHANGES_NEEDED:x\n\n", "x"),
    ],
)
def test_changes_needed(text: str, reason: str) -> None:
    assert read_verdict(text) == Judgement("request_changes", reason)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n \n",
        "APPROVED\nBut look at the tests.",
        "CHANGES_NEEDED: x\nthank you",
        "approved",
        "APPROVED.",
        "**APPROVED**",
        "NOT APPROVED",
        "APPROVED: yes",
        "\x1b[32mAPPROVED\x1b[0m",
        "I do not say\x0bAPPROVED",
        "I do not say\u2028APPROVED",
        "CHANGES_NEEDED",
        "CHANGES_NEEDED:",
        "CHANGES_NEEDED:   ",
        "CHANGES_NEEDED reason",
        "You've hit your usage limit. Try again at 5pm.",
        "Invalid API key · Please run /login",
        "Error: rate limited, APPROVED",
    ],
)
def test_e3_e4_anything_else_is_no_verdict(text: str) -> None:
    """E3: silence, remarks after a verdict and decorated words. E4: the text of a limit or of a login."""
    judgement = read_verdict(text)
    assert judgement.verdict is None
    assert judgement.text


@given(st.text())
def test_e3_only_the_exact_word_approves(text: str) -> None:
    """E3: whatever is printed, it approves only by its last line."""
    judgement = read_verdict(text)
    lines = [line for line in text.split("\n") if line.strip()]
    assert (judgement.verdict == "approve") == bool(lines and lines[-1].strip() == "APPROVED")
    if judgement.verdict is None:
        assert judgement.text.isprintable()
