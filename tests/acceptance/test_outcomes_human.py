"""What humans do on the forge between two runs counts: a merge, a close, a review. The same command goes on from there.

Predecessors' faults: B6 (`auto_merge = false` ignored), B8 (a blocked task has no way out), A2 (a human's merge unseen).
"""

from pathlib import Path

from tests.acceptance.conftest import Bench, git
from tests.acceptance.served import Served, served
from tests.acceptance.staging import agents, merges_in_order, task, told, write_plan

AUTHOR = 'cat > "{path}/$CALORON_TASK_ID.$CALORON_ATTEMPT"; echo "version $CALORON_ATTEMPT" > "$CALORON_TASK_ID.txt"'

HUMAN = "caloron-rita"
"""The account that the human of these tests acts as; its token is in a file that only the operator can read."""


def merge(forge: Served, number: int) -> str:
    """Merge a pull request as its human reader would, and give the merge commit."""
    answer = forge.ask("PUT", f"pulls/{number}/merge", HUMAN, {})
    assert answer.status == 200, answer
    return str(answer.body["sha"])


def test_a_human_merges_what_the_plan_leaves_to_humans_and_the_same_command_goes_on(bench: Bench) -> None:
    agents(bench, AUTHOR.format(path=bench.agents.path))
    write_plan(bench, task("first"), task("second", "bo", "first"), review={"auto_merge": False})
    for name, waits in (("first", ["second"]), ("second", [])):
        blocked = bench.run()
        assert blocked.code == 1, blocked.stderr
        assert blocked.result["outcome"] == "blocked"
        row = told(blocked.result, name)
        assert (row["status"], row["merge_commit"]) == ("in_review", None)
        assert "human" in row["reason"]
        for later in waits:
            assert told(blocked.result, later)["reason"] == f"waits for {name}: in_review"
        assert "succeeded" not in Path(blocked.result["report"]).read_text()
        with served(bench) as forge:
            commit = merge(forge, row["pull_request"])
    done = bench.run()
    assert done.code == 0, done.stderr
    assert done.result["outcome"] == "succeeded"
    assert told(done.result, "second")["merge_commit"] == commit
    order = [told(done.result, name)["merge_commit"] for name in ("first", "second")]
    assert merges_in_order(bench, Path(done.result["repository"])) == order
    with served(bench) as forge:
        for name in ("first", "second"):
            issue = forge.ask("GET", f"issues/{told(done.result, name)['issue']}", HUMAN).body
            assert issue["state"] == "closed"
            assert "caloron:done" in [label["name"] for label in issue["labels"]]
    again = bench.run()
    assert (again.code, again.stdout) == (0, done.stdout)


def test_closes_and_reviews_of_humans_are_heeded(bench: Bench) -> None:
    agents(bench, AUTHOR.format(path=bench.agents.path))
    names = ("close-issue", "close-pull", "object", "merge")
    roles = [(f"w-{name}", "developer") for name in names] + [("rita", "reviewer")]
    tasks = [task(name, f"w-{name}") for name in names] + [task("after", "w-merge", "close-issue", "merge")]
    write_plan(bench, *tasks, agents=roles, review={"auto_merge": False})
    first = bench.run("--max-agents", "8")
    assert first.code == 1, first.stderr
    rows = {name: told(first.result, name) for name in names}
    with served(bench) as forge:
        closed = forge.ask("PATCH", f"issues/{rows['close-issue']['issue']}", HUMAN, {"state": "closed"})
        assert closed.status == 200
        pull = f"pulls/{rows['close-pull']['pull_request']}"
        assert forge.ask("PATCH", pull, HUMAN, {"state": "closed"}).status == 200
        review = {"event": "REQUEST_CHANGES", "body": "Please sing it instead"}
        where = f"pulls/{rows['object']['pull_request']}/reviews"
        assert forge.ask("POST", where, HUMAN, review).status == 200
        merge(forge, rows["merge"]["pull_request"])
    second = bench.run("--max-agents", "8")
    assert second.code == 1, second.stderr
    assert second.result["outcome"] == "blocked"
    assert second.statuses == {
        "close-issue": "cancelled",
        "close-pull": "in_review",
        "object": "in_review",
        "merge": "done",
        "after": "cancelled",
    }
    assert "issue #" in told(second.result, "close-issue")["reason"]
    assert "close-issue" in told(second.result, "after")["reason"]
    assert "sing it instead" in (bench.agents.path / "object.2").read_text()
    assert "closed" in (bench.agents.path / "close-pull.2").read_text()
    assert told(second.result, "object")["pull_request"] == rows["object"]["pull_request"]
    assert told(second.result, "close-pull")["pull_request"] != rows["close-pull"]["pull_request"]
    with served(bench) as forge:
        for name in ("object", "close-pull"):
            merge(forge, told(second.result, name)["pull_request"])
    last = bench.run()
    assert last.code == 1, last.stderr
    assert last.result["outcome"] == "partial"
    bare = Path(last.result["repository"])
    assert len(merges_in_order(bench, bare)) == 3
    for name in ("object", "close-pull"):
        assert git(bare, "show", f"main:{name}.txt") == "version 2"


def test_a_humans_approval_frees_a_blocked_task(bench: Bench) -> None:
    agents(bench, AUTHOR.format(path=bench.agents.path), "cat > /dev/null; echo no comment")
    write_plan(bench, task("work"))
    first = bench.run()
    assert (first.code, first.statuses) == (1, {"work": "blocked"}), first.stderr
    with served(bench) as forge:
        where = f"pulls/{told(first.result, 'work')['pull_request']}/reviews"
        assert forge.ask("POST", where, HUMAN, {"event": "APPROVE", "body": ""}).status == 200
    second = bench.run()
    assert (second.code, second.statuses) == (0, {"work": "done"}), second.stderr
    assert told(second.result, "work")["attempts"] == 1
