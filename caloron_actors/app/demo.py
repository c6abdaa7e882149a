"""The example sprint: a fresh repository, the bundled plan and the bundled agent."""

from collections.abc import Mapping
from importlib import resources
from pathlib import Path

import anyio

from caloron_actors.app.run import RunOptions, find_git
from caloron_actors.domain.dag import Dag, read_dag
from caloron_actors.domain.events import Limits
from caloron_actors.domain.ids import TaskId

PLAN = "calculator.toml"
CHANGES_ONCE = TaskId("cli")
"""The task that the demo's reviewer sends back once."""


def demo_options(place: Path, environ: Mapping[str, str]) -> RunOptions:
    """Make the demo's repository below `place` and give the options of its run."""
    text = resources.files("caloron_actors.app").joinpath(PLAN).read_bytes()
    plan = read_dag(text, name=PLAN)
    if not isinstance(plan, Dag):
        raise TypeError(f"the bundled plan is broken: {plan}")
    place.joinpath(PLAN).write_bytes(text)
    repository = place / "calculator"
    anyio.run(_make_repository, repository)
    return RunOptions(
        dag=plan,
        repository=repository,
        state=place / "state",
        author=None,
        reviewer=None,
        limits=Limits(),
        environ=environ,
        changes_once=CHANGES_ONCE,
    )


async def _make_repository(path: Path) -> None:
    git = await find_git()
    path.mkdir()
    path.joinpath("README.md").write_text("# calculator\n\nA small calculator for the command line.\n")
    who = (("user.name", "caloron demo"), ("user.email", "demo@caloron.local"))
    await git.call("init", "--quiet", "--template=", "--initial-branch=main", str(path))
    where = path / ".git"
    await git.call("add", "--all", git_dir=where, work_tree=path)
    await git.call("commit", "--quiet", "--message=Start", git_dir=where, work_tree=path, config=who)
