"""A finished run, looked at through `forge serve` by a GitHub client nobody here wrote, and by git.

Predecessors' faults: G10 (sprints with made-up numbers), C4 (labels and closing of issues lost), E10 (no review objects).
"""

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import github
import pytest
from github.Auth import Token
from github.Repository import Repository

from tests.acceptance.conftest import Bench, git
from tests.acceptance.served import Served, served
from tests.acceptance.staging import agents, task, told, write_plan

AUTHOR = 'cat > /dev/null; echo "version $CALORON_ATTEMPT" > "$CALORON_TASK_ID.txt"'

REVIEWER = """
if [ "$CALORON_TASK_ID" = top ] && grep -q "^+version 1"
then echo "CHANGES_NEEDED: @octocat says it closes #1 <!-- caloron:x -->"; else echo APPROVED; fi
"""


@dataclass(frozen=True)
class Look:
    """A finished run's result, its served forge, and a client of it."""

    result: dict[str, Any]
    forge: Served
    repository: Repository

    def told(self, name: str) -> dict[str, Any]:
        return told(self.result, name)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Bench, dict[str, Any]]]:
    bench = Bench(tmp_path_factory.mktemp("finished"))
    agents(bench, AUTHOR, REVIEWER)
    many = ["rita", "rolf"]
    tasks = (
        task("base", "ada", reviewed_by=many, title="Lay the base", body="Solid, please. #42 @octocat"),
        task("top", "bo", "base", reviewed_by=many),
    )
    roles = [("ada", "developer"), ("bo", "developer"), ("rita", "reviewer"), ("rolf", "reviewer")]
    write_plan(
        bench,
        *tasks,
        agents=roles,
        review={"required_approvals": 2},
        sprint={"repository": "Acme/Shop"},
    )
    done = bench.run()
    assert done.code == 0, done.stderr
    yield bench, done.result
    bench.close()


@pytest.fixture
def look(finished: tuple[Bench, dict[str, Any]]) -> Iterator[Look]:
    bench, result = finished
    with served(bench) as forge:
        client = github.Github(
            auth=Token(forge.token("caloron")),
            base_url=forge.url,
            retry=None,
            seconds_between_requests=0,
            seconds_between_writes=0,
        )
        with client:
            yield Look(result, forge, client.get_repo("Acme/Shop"))


def test_a_github_client_reads_all_that_a_run_has_left(look: Look) -> None:
    assert look.forge.repository == "Acme/Shop"
    rows = {name: look.told(name) for name in ("base", "top")}
    issues = [issue for issue in look.repository.get_issues(state="all") if issue.pull_request is None]
    assert {issue.number for issue in issues} == {row["issue"] for row in rows.values()}
    pulls = list(look.repository.get_pulls(state="all"))
    assert {pull.number for pull in pulls} == {row["pull_request"] for row in rows.values()}
    for name, row in rows.items():
        issue = look.repository.get_issue(row["issue"])
        assert (issue.state, issue.user.login) == ("closed", "caloron")
        assert f"Task ID: {name}" in issue.body
        assert {"caloron:task", "caloron:done"} <= {label.name for label in issue.get_labels()}
        assert any(row["merge_commit"] in comment.body for comment in issue.get_comments())
        pull = look.repository.get_pull(row["pull_request"])
        assert pull.merged
        assert pull.merged_by is not None
        assert (pull.state, pull.merge_commit_sha, pull.base.ref) == ("closed", row["merge_commit"], "main")
        assert pull.title == f"[{name}] {issue.title}"
        assert f"Closes #{row['issue']}" in pull.body
        assert [file.filename for file in pull.get_files()] == [f"{name}.txt"]
    assert look.repository.get_issue(rows["base"]["issue"]).title == "Lay the base"


def test_reviews_are_real_ones_on_the_reviewed_commit_by_accounts_of_their_own(look: Look) -> None:
    pull = look.repository.get_pull(look.told("top")["pull_request"])
    reviews = list(pull.get_reviews())
    approvals = [review for review in reviews if review.state == "APPROVED"]
    assert {review.user.login for review in approvals} == {"caloron-rita", "caloron-rolf"}
    assert {review.commit_id for review in approvals} == {pull.head.sha}
    objections = [review for review in reviews if review.state == "CHANGES_REQUESTED"]
    assert objections
    assert all(review.commit_id != pull.head.sha for review in objections)


def test_an_agents_words_mention_nobody_and_close_nothing(look: Look) -> None:
    pull = look.repository.get_pull(look.told("top")["pull_request"])
    (*_, body) = [review.body for review in pull.get_reviews() if review.state == "CHANGES_REQUESTED"]
    assert "says it closes" in body
    for live in ("@octocat", "closes #1", "<!-- caloron:x"):
        assert live not in body


def test_exactly_one_issue_and_one_pull_request_for_each_task(look: Look) -> None:
    everything = list(look.repository.get_issues(state="all"))
    assert len(everything) == 4
    assert sorted(item.number for item in everything) == [1, 2, 3, 4]
    branches = {branch.name for branch in look.repository.get_branches()}
    assert branches == {"main", *(pull.head.ref for pull in look.repository.get_pulls(state="all"))}


WRITES: tuple[tuple[str, str, object], ...] = (
    ("POST", "issues", {"title": "x"}),
    ("PATCH", "issues/1", {"state": "open"}),
    ("POST", "issues/1/comments", {"body": "x"}),
    ("PATCH", "issues/comments/1", {"body": "x"}),
    ("DELETE", "issues/comments/1", None),
    ("POST", "issues/1/labels", {"labels": ["x"]}),
    ("PUT", "issues/1/labels", {"labels": []}),
    ("DELETE", "issues/1/labels", None),
    ("DELETE", "issues/1/labels/caloron:done", None),
    ("POST", "labels", {"name": "x", "color": "000000"}),
    ("PATCH", "labels/caloron:done", {"color": "000000"}),
    ("DELETE", "labels/caloron:done", None),
    ("POST", "pulls", {"title": "x", "head": "main", "base": "main"}),
    ("PATCH", "pulls/3", {"state": "open"}),
    ("PUT", "pulls/3/merge", {}),
    ("POST", "pulls/3/requested_reviewers", {"reviewers": ["caloron-rita"]}),
    ("DELETE", "pulls/3/requested_reviewers", {"reviewers": ["caloron-rita"]}),
    ("POST", "pulls/3/reviews", {"event": "APPROVE"}),
    ("PUT", "pulls/3/reviews/1", {"body": "x"}),
    ("DELETE", "pulls/3/reviews/1", None),
    ("PUT", "pulls/3/reviews/1/dismissals", {"message": "x"}),
    ("POST", "pulls/3/reviews/1/events", {"event": "APPROVE"}),
)


def test_no_write_gets_through_without_a_token(finished: tuple[Bench, dict[str, Any]]) -> None:
    bench, _ = finished

    def dump() -> list[tuple[Any, ...]]:
        tables = ("issues", "comments", "labels", "issue_labels", "pulls", "reviews", "requested_reviewers")
        return [row for table in tables for row in bench.forge_rows(f"SELECT * FROM {table}")]  # noqa: S608

    before = dump()
    with served(bench) as forge:
        for method, path, body in WRITES:
            for prefix in ("", "/api/v3"):
                where = f"{prefix}/repos/Acme/Shop/{path}"
                assert forge.ask(method, where, None, body).status == 401, (method, where)
        with github.Github(base_url=forge.url, retry=None, lazy=True) as anonymous:
            with pytest.raises(github.GithubException) as refused:
                anonymous.get_repo("Acme/Shop").create_issue("x")
            assert refused.value.status == 401
    assert dump() == before


def test_git_clones_with_a_token_and_cannot_push_without_one(look: Look, tmp_path: Path) -> None:
    address = f"{look.forge.url}/Acme/Shop.git"
    header = f"http.extraHeader=Authorization: Bearer {look.forge.token('caloron-rita')}"
    git(tmp_path, "-c", header, "clone", "--quiet", address, "clone")
    clone = tmp_path / "clone"
    assert (clone / "top.txt").read_text() == "version 2\n"
    words = ["git", "-c", "credential.helper=", "push", "--quiet", "origin", "HEAD:refs/heads/x"]
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "GIT_TERMINAL_PROMPT": "0"}
    refused = subprocess.run(words, cwd=clone, env=environment, capture_output=True, check=False)
    assert refused.returncode != 0
    bare = Path(look.result["repository"])
    assert "refs/heads/x" not in git(bare, "for-each-ref")
