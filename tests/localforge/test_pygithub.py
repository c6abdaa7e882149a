"""A GitHub client nobody here wrote works with the forge: a pull request's whole life, long lists, refusals."""

import asyncio
from collections.abc import Callable

import github
import pytest
from anyio import to_thread
from github.Auth import Token
from github.Repository import Repository

from tests.localforge.conftest import Branch, Running


async def as_user(running: Running, login: str, act: Callable[[Repository], None], prefix: str = "") -> None:
    """Run `act` with the login's own client on a thread, for the client blocks."""

    def work() -> None:
        client = github.Github(
            auth=Token(running.tokens[login]),
            base_url=running.url + prefix,
            retry=None,
            seconds_between_requests=0,
            seconds_between_writes=0,
        )
        with client:
            act(client.get_repo("local/demo"))

    await to_thread.run_sync(work)


@pytest.mark.parametrize("prefix", ["", "/api/v3"])
async def test_a_pull_request_lives_from_issue_to_merge(
    running: Running, branch: Branch, prefix: str
) -> None:
    head = branch("agent/one", "work\n")

    def open_all(repository: Repository) -> None:
        issue = repository.create_issue("First", "Do it", labels=["task", "new: label"])
        assert issue.number == 1
        assert issue.user.login == "author"
        assert {label.name for label in issue.labels} == {"task", "new: label"}
        issue.create_comment("On it")
        issue.add_to_labels("extra")
        issue.remove_from_labels("task")
        assert [label.name for label in issue.get_labels()] == ["extra", "new: label"]
        pull = repository.create_pull(base="main", head="agent/one", title="One", body="Closes #1")
        assert (pull.number, pull.mergeable, pull.mergeable_state) == (2, True, "clean")
        assert (pull.commits, pull.additions, pull.deletions, pull.changed_files) == (1, 1, 0, 1)
        assert pull.head.sha == head
        assert pull.head.repo.full_name == pull.base.repo.full_name == "local/demo"
        assert [file.filename for file in pull.get_files()] == ["agent-one.txt"]
        assert [each.sha for each in pull.get_commits()] == [head]
        with pytest.raises(github.GithubException) as refused:
            pull.create_review(body="Mine", event="APPROVE")
        assert refused.value.status == 422
        assert refused.value.data["errors"] == ["Can not approve your own pull request"]

    def review(repository: Repository) -> None:
        pull = repository.get_pull(2)
        given = pull.create_review(body="Good", event="APPROVE")
        assert (given.state, given.commit_id, given.user.login) == ("APPROVED", head, "reviewer")
        assert [each.body for each in pull.get_reviews()] == ["Good"]
        assert list(pull.get_review_comments()) == []

    def merge(repository: Repository) -> None:
        pull = repository.get_pull(2)
        assert not pull.is_merged()
        done = pull.merge(commit_title="Merge one", sha=head)
        assert done.merged
        again = repository.get_pull(2)
        assert again.is_merged()
        assert (again.merged, again.state, again.merge_commit_sha) == (True, "closed", done.sha)
        assert again.merged_by is not None
        assert again.merged_by.login == "author"
        assert not again.mergeable
        issue = repository.get_issue(1)
        assert (issue.state, issue.state_reason) == ("closed", "completed")
        assert issue.closed_by is not None
        assert issue.closed_by.login == "author"
        assert repository.get_branch("main").commit.sha == done.sha
        made = repository.get_commit(done.sha)
        assert made.commit.message.splitlines()[0] == "Merge one"
        assert [parent.sha for parent in made.parents][1] == head
        assert [file.filename for file in made.files] == ["agent-one.txt"]
        assert made.author is not None
        assert made.author.login == "author"
        assert [event.event for event in issue.get_events()] == [
            "labeled",
            "labeled",
            "labeled",
            "unlabeled",
            "closed",
        ]
        assert [entry.event for entry in issue.get_timeline()].count("commented") == 1

    await as_user(running, "author", open_all, prefix)
    await as_user(running, "reviewer", review, prefix)
    await as_user(running, "author", merge, prefix)


async def test_long_lists_are_read_to_their_end(running: Running) -> None:
    def act(repository: Repository) -> None:
        for number in range(1, 106):
            repository.create_issue(f"Issue {number}", labels=["odd"] if number % 2 else [])
        found = list(repository.get_issues(state="all", direction="asc"))
        assert [issue.number for issue in found] == list(range(1, 106))
        assert repository.get_issues().totalCount == 105
        assert len(list(repository.get_issues(labels=["ODD"]))) == 53
        assert next(iter(repository.get_issues(direction="asc").reversed)).number == 105
        author = repository.get_issue(1).user
        assert author.login == "author"
        assert len(list(repository.get_issues(creator=author, state="all"))) == 105
        repository.get_issue(7).edit(state="closed", state_reason="not_planned")
        assert [issue.number for issue in repository.get_issues(state="closed")] == [7]
        issue = repository.get_issue(1)
        for number in range(101):
            issue.create_comment(f"Comment {number}")
        assert [each.body for each in issue.get_comments()] == [f"Comment {number}" for number in range(101)]
        assert repository.get_issues_comments().totalCount == 101

    await as_user(running, "author", act)


async def test_comments_and_labels_can_be_changed_and_removed(running: Running) -> None:
    def act(repository: Repository) -> None:
        issue = repository.create_issue("Talk")
        said = issue.create_comment("Before")
        said.edit("After")
        assert issue.get_comment(said.id).body == "After"
        said.delete()
        assert list(issue.get_comments()) == []
        label = repository.create_label("kind/bug", "FF0000", "It breaks")
        label.edit("kind/fault", "00ff00")
        assert repository.get_label("kind/fault").color == "00ff00"
        issue.set_labels("kind/fault", "other")
        assert [each.name for each in issue.get_labels()] == ["kind/fault", "other"]
        issue.remove_from_labels("kind/fault")
        issue.delete_labels()
        label.delete()
        assert [each.name for each in repository.get_labels()] == ["other"]

    await as_user(running, "author", act)


async def test_merges_that_cannot_be_done_are_refused(running: Running, branch: Branch) -> None:
    head = branch("left", "left\n", file="README.md")
    branch("right", "right\n", file="README.md")

    def act(repository: Repository) -> None:
        left = repository.create_pull(base="main", head="left", title="Left")
        right = repository.create_pull(base="main", head="right", title="Right")
        with pytest.raises(github.GithubException) as doubled:
            repository.create_pull(base="main", head="left", title="Left again")
        assert doubled.value.status == 422
        with pytest.raises(github.GithubException) as moved:
            left.merge(sha="1" * 40)
        assert moved.value.status == 409
        assert left.merge(sha=head).merged
        assert repository.get_pull(right.number).mergeable is False
        assert repository.get_pull(right.number).mergeable_state == "dirty"
        with pytest.raises(github.GithubException) as conflict:
            right.merge()
        assert conflict.value.status == 405
        with pytest.raises(github.GithubException) as twice:
            left.merge()
        assert twice.value.status == 405
        right.edit(state="closed")
        assert [pull.number for pull in repository.get_pulls(state="closed", direction="asc")] == [1, 2]
        assert [pull.number for pull in repository.get_pulls(state="all", head="local:left")] == [1]

    await as_user(running, "author", act)


async def test_a_reader_can_talk_but_not_steer(running: Running, branch: Branch) -> None:
    branch("feature", "x\n")

    def prepare(repository: Repository) -> None:
        repository.create_pull(base="main", head="feature", title="Feature")

    def act(repository: Repository) -> None:
        issue = repository.create_issue("From outside", labels=["dropped"])
        assert issue.labels == []
        issue.create_comment("Hello")
        for steer in (
            lambda: issue.add_to_labels("x"),
            lambda: repository.get_pull(1).merge(),
            lambda: repository.get_pull(1).edit(title="Mine"),
            lambda: repository.create_pull(base="main", head="feature", title="Again"),
        ):
            with pytest.raises(github.GithubException) as refused:
                steer()
            assert refused.value.status == 403
        assert repository.get_collaborator_permission("guest") == "read"
        assert repository.get_collaborator_permission("author") == "admin"

    await as_user(running, "author", prepare)
    await as_user(running, "guest", act)


async def test_two_merges_at_once_do_one(running: Running, branch: Branch) -> None:
    branch("feature", "x\n")
    async with running.client() as client:
        await client.post("/repos/local/demo/pulls", json={"title": "F", "head": "feature", "base": "main"})
        answers = await asyncio.gather(*(client.put("/repos/local/demo/pulls/1/merge") for _ in range(5)))
    assert sorted(answer.status_code for answer in answers) == [200, 405, 405, 405, 405]
