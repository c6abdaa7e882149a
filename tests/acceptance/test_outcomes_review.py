"""Several reviewers of one task: every required approval counts, each on the head that is merged.

Predecessors' faults: B6 (one approval merges whatever the plan requires), E11 (the last fix merged unreviewed).
"""

from pathlib import Path

from tests.acceptance.conftest import Bench, Finished, git
from tests.acceptance.staging import agents, merges_in_order, recording, task, told, write_plan

REVIEWS = """
SELECT a.login, r.state, r.commit_sha FROM reviews r JOIN issues i ON i.id = r.issue_id
JOIN accounts a ON a.id = r.author_id WHERE i.number = ? ORDER BY r.id
"""


def play(bench: Bench, reviewer: str, approvals: int) -> Finished:
    """One task, its three reviewers' script and how many of them have to approve."""
    record = bench.path / "record"
    record.mkdir()
    author = 'cat > /dev/null; echo "version $CALORON_ATTEMPT" > work.txt'
    agents(bench, author, recording(record, "reviewer") + reviewer)
    reviewers = ["rita", "rolf", "rosa"]
    write_plan(
        bench,
        task("work", "ada", reviewed_by=reviewers),
        agents=[("ada", "developer"), *((name, "reviewer") for name in reviewers)],
        review={"required_approvals": approvals},
    )
    return bench.run()


def test_one_change_request_outweighs_approvals_and_the_new_head_is_reviewed_again(bench: Bench) -> None:
    objects = 'if [ $CALORON_AGENT_ID = rolf ] && grep -q "^+version 1" "$me.prompt"'
    done = play(bench, f'{objects}; then echo "CHANGES_NEEDED: wrong version"; else echo APPROVED; fi', 2)
    assert done.code == 0, done.stderr
    row = told(done.result, "work")
    assert (row["attempts"], row["review_cycles"]) == (2, 1)
    head = git(Path(done.result["repository"]), "rev-parse", f"{row['merge_commit']}^2")
    reviews = bench.forge_rows(REVIEWS, row["pull_request"])
    approvers = {login for login, state, commit in reviews if (state, commit) == ("APPROVED", head)}
    assert len(approvers) >= 2
    assert [login for login, state, _ in reviews if state == "CHANGES_REQUESTED"] == ["caloron-rolf"]
    assert git(Path(done.result["repository"]), "show", "main:work.txt") == "version 2"


def test_too_few_approvals_leave_the_task_to_a_human(bench: Bench) -> None:
    done = play(bench, "if [ $CALORON_AGENT_ID = rita ]; then echo APPROVED; fi", 2)
    assert done.code == 1, done.stderr
    assert done.result["outcome"] == "blocked"
    row = told(done.result, "work")
    assert (row["status"], row["merge_commit"]) == ("blocked", None)
    assert "1 of 2 approvals" in row["reason"]
    for name in ("rolf", "rosa"):
        assert name in row["reason"]
        assert len(list((bench.path / "record").glob(f"work.reviewer.{name}.*.prompt"))) == 3
    assert merges_in_order(bench, Path(done.result["repository"])) == []
    reviews = bench.forge_rows(REVIEWS, row["pull_request"])
    assert [(login, state) for login, state, _ in reviews] == [("caloron-rita", "APPROVED")]


def test_without_required_approvals_nobody_is_asked_and_every_merge_still_happens(bench: Bench) -> None:
    done = play(bench, "echo CHANGES_NEEDED: never asked", 0)
    assert done.code == 0, done.stderr
    assert list((bench.path / "record").iterdir()) == []
    assert len(merges_in_order(bench, Path(done.result["repository"]))) == 1
