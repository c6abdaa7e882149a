"""What a sprint has left behind, in a form in which two runs of the same plan can be compared."""

import re
from typing import Any

from tests.acceptance.conftest import Bench

_PIECES = (
    (re.compile(r" [0-9a-f]{32} -->"), " -->"),  # the mark's signature, which belongs to the state directory
    (re.compile(r"\b[0-9a-f]{40}\b"), "COMMIT"),
    (re.compile(r"#\d+"), "#NUMBER"),  # issues of one moment are opened in any order
)

_ISSUES = """
SELECT i.id, i.is_pull, i.title, coalesce(i.body, ''), i.state, coalesce(i.state_reason, ''), a.login
FROM issues i JOIN accounts a ON a.id = i.author_id
"""
_COMMENTS = (
    "SELECT a.login, c.body FROM comments c JOIN accounts a ON a.id = c.author_id WHERE c.issue_id = ?"
)
_REVIEWS = """
SELECT a.login, r.state, r.body, r.commit_sha = p.head_sha FROM reviews r JOIN accounts a ON a.id = r.author_id
JOIN pulls p ON p.issue_id = r.issue_id WHERE r.issue_id = ? ORDER BY r.id
"""
_LABELS = "SELECT l.name FROM issue_labels w JOIN labels l ON l.id = w.label_id WHERE w.issue_id = ? ORDER BY l.name"
_PULLS = "SELECT head_ref, base_ref, merged_at IS NOT NULL FROM pulls WHERE issue_id = ?"


def forge_ledger(bench: Bench) -> list[str]:
    """Every issue and pull request with all that hangs on it, open or closed."""
    parts = (_COMMENTS, _REVIEWS, _LABELS, _PULLS)
    return sorted(
        _plain(repr((about, *(bench.forge_rows(part, number) for part in parts))))
        for number, *about in bench.forge_rows(_ISSUES)
    )


def history(bench: Bench) -> tuple[list[str], list[str]]:
    """The titles of the merges into the base branch, and its files with what is in them."""
    titles = bench.bare("log", "--first-parent", "--merges", "--format=%s", "main").splitlines()
    files = bench.bare("ls-tree", "-r", "main").splitlines()
    return sorted(map(_plain, titles)), files


def result_ledger(result: dict[str, Any]) -> dict[str, Any]:
    """What the command's JSON says of each task, without numbers and commits."""
    wanted = ("status", "attempts", "review_cycles", "reason")
    tasks = {task: {name: told[name] for name in wanted} for task, told in result["tasks"].items()}
    return {"outcome": result["outcome"], "tasks": tasks}


def unsettled(bench: Bench) -> list[tuple[Any, ...]]:
    """Plans of the forge that were begun and never settled."""
    return bench.forge_rows("SELECT plan FROM intents")


def _plain(text: str) -> str:
    for pattern, word in _PIECES:
        text = pattern.sub(word, text)
    return text
