"""A short storm in every run of the tests; the long one is by command."""

from pathlib import Path

from caloron_actors.adapters.system import SystemClock
from tests.acceptance.conftest import Bench
from tests.census.storm import TASKS, Process, Storm, fates, storm, tally

KILLS = 4


def test_agents_that_live_through_kills_are_adopted(tmp_path: Path) -> None:
    seen = storm(tmp_path, KILLS, 1, SystemClock().monotonic, TASKS[:2])
    assert seen.wrong == []
    assert seen.kills == KILLS
    assert seen.agents
    assert (tally(seen).kills, tally(seen).wrong) == (KILLS, 0)


def test_a_lost_or_doubled_agent_is_found(tmp_path: Path) -> None:
    """Held against what a storm has seen: another process has its run, or it was ended, or its command began twice."""
    bench = Bench(tmp_path)
    run = bench.state / "runs" / "s" / "a" / "ada" / "1"
    run.mkdir(parents=True)
    (run / "pid.json").write_text('{"pid": 7, "start": 70}')
    (run / "exit.json").write_text('{"cause": "exited", "code": 0}')
    (bench.agents.path / "log").write_text("a author 1 8\n")
    assert fates(bench, Storm(agents={Process("s/a/ada/1", 7, 70)})) == []
    assert len(fates(bench, Storm(agents={Process("s/a/ada/1", 7, 69)}))) == 1
    (run / "exit.json").write_text('{"cause": "stopped", "code": null}')
    (bench.agents.path / "log").write_text("a author 1 8\na author 1 9\n")
    assert len(fates(bench, Storm(agents={Process("s/a/ada/1", 7, 70)}))) == 2
    bench.close()
