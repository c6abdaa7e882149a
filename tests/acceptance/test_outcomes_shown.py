"""What people see of a run on a terminal, and agents with bad manners that are none of its business.

Predecessors' faults: G9 (prompts above an argument's limit), J7 (children of an agent survive it).
"""

import json
import os
import select
import subprocess
import sys
from pathlib import Path

import pytest

from tests.acceptance.conftest import LIMIT, Bench, git
from tests.acceptance.staging import agents, task, told, write_plan

AUTHOR = 'cat > /dev/null; echo "version $CALORON_ATTEMPT" > "$CALORON_TASK_ID.txt"'

CONFIG = Path(__file__).parents[2] / "config" / "examples"


def on_a_terminal(bench: Bench, *words: str) -> tuple[int, str, str]:
    """Run the command with stderr on a terminal: its exit code, stdout and what the terminal got."""
    terminal, end = os.openpty()
    argv = [sys.executable, "-m", "caloron_actors", *words]
    out = bench.path / "terminal.out"
    with out.open("wb") as stdout:
        environment = bench.env | {"TERM": "xterm", "COLUMNS": "120", "LINES": "40"}
        process = subprocess.Popen(argv, env=environment, cwd=bench.path, stdout=stdout, stderr=end)
    os.close(end)
    shown = b""
    try:
        while select.select([terminal], [], [], LIMIT)[0]:
            try:
                shown += os.read(terminal, 65536)
            except OSError:  # the other end is closed
                break
        code = process.wait(LIMIT)
    finally:
        process.kill()
        process.wait(LIMIT)
        os.close(terminal)
    return code, out.read_text(), shown.decode()


def test_a_terminal_gets_a_table_and_no_control_characters_of_agents(bench: Bench) -> None:
    agents(bench, "cat > /dev/null; printf '\\033]0;owned\\007' >&2; exit 4")
    write_plan(bench, task("work"), task("next", "bo", "work"))
    code, stdout, shown = on_a_terminal(bench, *bench.run_words())
    assert code == 1
    assert json.loads(stdout)["outcome"] == "partial"
    for word in ("work", "next", "failed", "cancelled", "sandbox=none"):
        assert word in shown
    assert "\x1b]0;" not in shown
    code, stdout, shown = on_a_terminal(bench, *(word for word in bench.run_words() if word != "--json"))
    assert code == 1
    assert "\x1b]0;" not in stdout + shown


def test_the_demo_merges_its_whole_sprint_and_says_where_to_look(bench: Bench) -> None:
    (bench.path / "tmp").mkdir()
    bench.env["TMPDIR"] = str(bench.path / "tmp")
    done = bench.command("demo", "--json")
    assert done.code == 0, done.stderr
    rows = done.result["tasks"].values()
    assert len(rows) >= 6
    assert {row["status"] for row in rows} == {"done"}
    assert sorted(row["review_cycles"] for row in rows)[-2:] == [0, 1]
    bare = Path(done.result["repository"])
    assert len(git(bare, "log", "--merges", "--format=%h", "main").splitlines()) == len(rows)
    assert Path(done.result["report"]).is_relative_to(bench.path / "tmp")
    for hint in (done.result["report"], str(bare), "forge serve"):
        assert hint in done.stderr
    assert not (bench.path / "home" / "state").exists()


def test_agents_need_not_read_and_may_be_given_much(bench: Bench) -> None:
    body = "\n".join(f"line {n} of the task" for n in range(20_000))
    author = "seq 50000 > big.txt"
    agents(bench, author, "echo APPROVED")
    write_plan(bench, task("big", body=body))
    done = bench.run()
    assert done.code == 0, done.stderr
    assert told(done.result, "big")["attempts"] == 1
    assert len(git(Path(done.result["repository"]), "show", "main:big.txt").splitlines()) == 50_000


def test_what_an_agent_leaves_running_ends_with_it(bench: Bench) -> None:
    stay = f"(cd {bench.path}; trap '' HUP TERM; exec sleep 86400) &\n"
    agents(bench, f"cat > /dev/null\n{stay}echo x > work.txt", f"cat > /dev/null\n{stay}echo APPROVED")
    write_plan(bench, task("work"))
    done = bench.run()
    assert done.code == 0, done.stderr
    bench.assert_nothing_runs()


def test_a_sprint_that_reaches_its_max_duration_expires(bench: Bench) -> None:
    pipe = bench.path / "never"
    os.mkfifo(pipe)
    agents(bench, f"cat {pipe}")
    write_plan(bench, task("slow"), task("next", "bo", "slow"), sprint={"max_duration": "2s"})
    done = bench.run()
    assert done.code == 1, done.stderr
    assert done.result["outcome"] == "expired"
    assert done.statuses == {"slow": "cancelled", "next": "cancelled"}
    for name in ("slow", "next"):
        assert "max_duration" in told(done.result, name)["reason"]
    bench.assert_nothing_runs()
    again = bench.run()
    assert (again.code, again.stdout) == (1, done.stdout)


@pytest.mark.parametrize(
    ("name", "merged"),
    [("caloron-dag.json", 3), ("noether-state.json", 2), ("tasks.json", 3), ("minimal.toml", 1)],
)
def test_plans_in_every_format_are_run(bench: Bench, name: str, merged: int) -> None:
    agents(bench, AUTHOR)
    bench.plan = CONFIG / name
    done = bench.run()
    assert done.code == 0, done.stderr
    assert set(done.statuses.values()) == {"done"}
    assert len(done.statuses) == merged
    checked = bench.command("dag", "check", str(bench.plan), "--json")
    assert checked.code == 0, checked.stderr
    assert set(checked.result["tasks"]) == set(done.statuses)
