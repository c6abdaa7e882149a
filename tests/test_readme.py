"""The README says what the code does."""

import tomllib
from pathlib import Path

from caloron_actors.cli.replay import replay
from caloron_actors.domain.dag import Dag, read_dag
from caloron_actors.views.lifecycle import lifecycle_table

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")


def test_the_table_of_transitions_is_the_one_that_step_keeps_to() -> None:
    """The documented table is drawn from the data."""
    assert lifecycle_table() in README


def test_the_plan_in_the_readme_is_a_good_plan() -> None:
    """What people copy has to work."""
    plan = README.split("```toml\n")[1].split("```")[0]
    assert tomllib.loads(plan)["sprint"]["id"] == "greeter"
    assert isinstance(read_dag(plan.encode(), name="plan.toml"), Dag)


def test_every_option_of_replay_is_in_its_line() -> None:
    """Options are found where the command is."""
    (line,) = [line for line in README.splitlines() if line.startswith("| `replay ")]
    options = {option for parameter in replay.params for option in parameter.opts}
    assert {option for option in options if option not in line} == set()


def test_every_top_level_package_is_on_the_map() -> None:
    """A new folder has its line on the map."""
    package = Path(__file__).parent.parent / "caloron_actors"
    folders = {path.name for path in package.iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert {name for name in folders if f"{name}/" not in README} == set()
