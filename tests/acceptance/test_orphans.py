"""An agent whose service does not come back in time: its harness stops it, and what it had done is kept."""

import json
import signal

from tests.acceptance.agents import await_end
from tests.acceptance.conftest import Bench, git
from tests.acceptance.staging import task, write_plan
from tests.acceptance.test_serve import Service


def test_an_orphan_is_stopped_and_its_work_is_kept(bench: Bench) -> None:
    started = bench.agents._start("author")
    own = 'cat > /dev/null\necho "attempt $CALORON_ATTEMPT" > "$CALORON_TASK_ID.txt"'
    bench.agents.script("author", f'echo half > "half-$CALORON_ATTEMPT.txt"\n{started}\n{own}')
    bench.agents.reviewer()
    write_plan(bench, task("first"))
    bench.agents.hold("first.author.1", "first.author.2")
    run = bench.start_run()
    bench.agents.held()
    run.until("first: in_progress")
    assert run.end(signal.SIGTERM).code == 143

    service = Service(bench)
    config = service.config.read_text()
    service.config.write_text(config.replace("[agents]\n", '[agents]\norphan_limit = "2s"\n'))
    running = service.start()
    running.until('"ready"')
    orphan = bench.agents.held()
    assert orphan.name == "first.author.2"
    running.until('"RunStarted"')
    running.end(signal.SIGKILL)
    await_end(orphan.pid)

    running = service.start()
    while '"done"' not in running.until('"task": "first"'):
        pass
    assert running.end(signal.SIGTERM).code == 0
    runs = bench.state / "runs" / "s" / "first" / "ada"
    causes = [json.loads((runs / n / "exit.json").read_text())["cause"] for n in ("1", "2", "3")]
    assert causes == ["stopped", "orphaned", "exited"]
    assert bench.agents.twice() == []
    mirror = bench.state / "work" / "s" / "mirror.git"
    for ordinal in (1, 2):
        ref = f"refs/caloron/saved/first/run-{ordinal}"
        assert git(mirror, "show", f"{ref}:half-{ordinal}.txt") == "half"
    again = bench.run()
    assert (again.code, again.statuses) == (0, {"first": "done"})
    bench.assert_nothing_runs()
