"""A share of the census in every run of the tests, its names, its plans, and the mistakes that it has to find."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.acceptance.conftest import Finished
from tests.census.census import sample
from tests.census.mutants import MUTANTS
from tests.census.plans import BadPlan, Kill, Script, read_plan
from tests.census.points import VOLATILE, volatile

ROOT = Path(__file__).parents[2]
SHARE, PARTS = 0.05, 2
LIMIT = 110.0
"""Seconds that one census may take on a busy machine."""


def census(*words: str) -> Finished:
    """Run the census as a program: it forks, which nothing with threads may do."""
    argv = [sys.executable, "-m", "tests.census", *words]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, timeout=LIMIT, check=False)
    return Finished(done.returncode, done.stdout, done.stderr)


@pytest.mark.parametrize("seed", range(PARTS))
def test_a_share_of_all_points_leaves_no_difference(tmp_path: Path, seed: int) -> None:
    """C1: killed there and once more in the recovery, the sprint ends as if nothing had happened."""
    share = SHARE / PARTS
    done = census("--share", str(share), "--seed", str(seed), "--json", str(tmp_path / "figures.json"))
    assert done.code == 0, done
    figures = json.loads((tmp_path / "figures.json").read_text())
    assert figures["runs"] >= figures["points_total"] * 2 * share - 1
    assert figures["kills"] > figures["runs"]
    assert {figures[name] for name in ("differences", "duplicates", "losses", "false_kills")} == {0}


def test_points_have_names_that_no_concurrency_changes(tmp_path: Path) -> None:
    """Each list stands on rehearsals of its own, which have to agree among themselves as well."""
    lists = [census("--list").stdout.splitlines() for _ in range(2)]
    names = [
        {line for line in told if "@" in line and not line.startswith(" ") and not volatile(line)}
        for told in lists
    ]
    assert names[0] == names[1]
    points = {line.rpartition("@")[0].rpartition("#")[0] for line in names[0]}
    assert points >= {
        "journal.create:s",
        "journal.commit:IssueCreated:s/a/CreateIssue/1",
        "journal.claim:s:s/b/MergePullRequest/1",
        "journal.postpone:s:s/a/AddLabel/3",
        "forge.create_issue:s/a/CreateIssue/1:caloron:task",
        "forge.merge:b.pull",
        "workspace.prepare_rework:a:a",
        "workspace.push:agent/ada/s/a",
        "launcher.launch:s/a/ada/2",
    }
    assert {line.rpartition("@")[2] for line in names[0]} == {"before", "after"}
    for kind in VOLATILE:
        assert any(line.startswith(f"  {kind}: ") for line in lists[0]), kind


@pytest.mark.parametrize("name", MUTANTS)
def test_a_planted_mistake_is_found(tmp_path: Path, name: str) -> None:
    """Else the census would be blind. It says how to repeat what it has found."""
    done = census("--mutant", name, "--plan", MUTANTS[name].shows, "--within", str(tmp_path))
    assert done.code == 1, done
    assert "differences 1" in done.stdout
    assert f"repeat with: scripts/census --plan {MUTANTS[name].shows}" in done.stdout.replace("'", "")


def test_a_plan_is_a_run_a_line() -> None:
    plan = """# what failed
forge.merge:a.pull#1@after  # then nothing more

forge.merge:b.pull#1@before then +17 then journal.open#1@after
"""
    one = Kill(point="forge.merge:a.pull#1@after")
    two = (Kill(point="forge.merge:b.pull#1@before"), Kill(nth=17), Kill(point="journal.open#1@after"))
    assert read_plan(plan) == [Script((one,)), Script(two)]
    assert read_plan("\n".join(map(str, read_plan(plan)))) == read_plan(plan)
    assert Kill(nth=17).meant("anything@after", 17)
    assert not one.meant("forge.merge:a.pull#2@after", 17)


def test_the_mistakes_of_a_plan_are_named_with_their_lines() -> None:
    plan = "known#1@after\nforge.merge\nx@before x@after\n# fine\nx@during then +0\nunknown#1@after\n"
    with pytest.raises(BadPlan) as wrong:
        read_plan(plan, frozenset({"known#1@after"}))
    lines = str(wrong.value).splitlines()
    assert [line.partition(":")[0] for line in lines] == ["line 2", "line 3", "line 5", "line 6"]
    assert "an undisturbed run does not pass unknown#1@after" in lines[3]
    with pytest.raises(BadPlan, match="names no kill"):
        read_plan("# nothing\n")


def test_a_plan_with_mistakes_kills_nobody(tmp_path: Path) -> None:
    plan = tmp_path / "plan"
    plan.write_text("forge.merge@sometime\n")
    done = census("--points", str(plan))
    assert (done.code, done.stdout) == (2, "")
    assert "line 1: 'forge.merge@sometime' is no point" in done.stderr
    assert census("--points", str(tmp_path / "absent")).code == 2


def test_a_share_is_always_the_same_and_another_seed_gives_another() -> None:
    points = [f"p{number}" for number in range(100)]
    assert sample(points, 0.05, 1) == sample(points, 0.05, 1)
    assert len(sample(points, 0.05, 1)) == 5
    assert sample(points, 0.05, 1) != sample(points, 0.05, 2)
    assert sample(points, 1.0, 1) == points
    assert len(sample(points, 0.0001, 1)) == 1
