"""Which words close which issues, and that a merge into another branch closes none."""

import pytest

from caloron_actors.localforge.closing import closed_by_body, closed_by_message
from tests.localforge.conftest import Branch, Running

WORDS = ("close", "closes", "closed", "fix", "fixes", "fixed", "resolve", "resolves", "resolved")


@pytest.mark.parametrize("word", [*WORDS, *(word.upper() for word in WORDS)])
def test_every_keyword_closes(word: str) -> None:
    assert closed_by_body(f"This {word} #12.", "o/r") == [12]
    assert closed_by_body(f"{word}: #7", "o/r") == [7]


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("Closes #1, #2", [1]),
        ("closes #1, fixes #2, closes #1", [1, 2]),
        ("Closes o/R#3 and fixes other/r#4", [3]),
        ("see #5", []),
        ("discloses #6", []),
        ("fixing #7", []),
        ("closes#8", []),
        ("closes #0", []),
        ("closes #9x", []),
        ("`closes #1`", []),
        ("```\ncloses #1\n```\ncloses #2", [2]),
        ("<!-- closes #1 --> fix #2", [2]),
        ("```\nnever ended\ncloses #1", []),
        ("", []),
    ],
)
def test_only_what_github_sees_closes(text: str, numbers: list[int]) -> None:
    assert closed_by_body(text, "o/r") == numbers


def test_a_commit_message_has_no_code() -> None:
    assert closed_by_message("`closes #1`", "o/r") == [1]


async def test_a_merge_closes_issues_but_no_pull_requests(running: Running, branch: Branch) -> None:
    branch("left", "x\n")
    branch("right", "x\n", message="Also fixes #2")
    async with running.client() as client, running.client("reviewer") as reviewer:
        for number in range(1, 4):
            await client.post("/repos/local/demo/issues", json={"title": f"{number}"})
        for head, body in (("left", "wait"), ("right", "Closes #1. Closes #4. Closes #99")):
            asked = {"title": head, "head": head, "base": "main", "body": body}
            await client.post("/repos/local/demo/pulls", json=asked)
        running.clock.forward(5)
        await reviewer.put("/repos/local/demo/pulls/5/merge")
        issues = (await client.get("/repos/local/demo/issues?state=all&direction=asc")).json()
        assert [issue["state"] for issue in issues] == ["closed", "closed", "open", "open", "closed"]
        first = (await client.get("/repos/local/demo/issues/1")).json()
        assert first["closed_by"]["login"] == "reviewer"
        assert first["closed_at"] == first["updated_at"] == "2026-03-01T12:00:05Z"
        events = (await client.get("/repos/local/demo/issues/1/events")).json()
        merged = (await client.get("/repos/local/demo/pulls/5")).json()["merge_commit_sha"]
        assert [(event["event"], event["commit_id"]) for event in events] == [("closed", merged)]


async def test_a_merge_into_another_branch_closes_nothing(running: Running, branch: Branch) -> None:
    branch("release", "x\n")
    branch("feature", "x\n")
    async with running.client() as client:
        await client.post("/repos/local/demo/issues", json={"title": "One"})
        asked = {"title": "F", "head": "feature", "base": "release", "body": "Closes #1"}
        await client.post("/repos/local/demo/pulls", json=asked)
        assert (await client.put("/repos/local/demo/pulls/2/merge")).status_code == 200
        assert (await client.get("/repos/local/demo/issues/1")).json()["state"] == "open"
