"""The reliability card in the README has the rows that `scripts/card` writes."""

from pathlib import Path

import pytest

from tests.card.card import BEGIN, END, render, replaced, rows, told
from tests.card.figures import Counted, Figures, Found, Simulated, Stormed

README = (Path(__file__).parent.parent.parent / "README.md").read_text(encoding="utf-8")
FIGURES = Figures(
    simulated=Simulated(
        seeds=1200, broken=0, twice=60, sprints=1190, lives=2400, faults=9000, virtual_hours=77.7
    ),
    mutants=Found(12, 11),
    counted=Counted(
        points_total=187,
        points_covered=186,
        runs=373,
        kills=745,
        differences=0,
        duplicates=1,
        losses=2,
        false_kills=3,
        calls_per_task=49.5,
        first_commit_p50=0.21,
        first_commit_p90=0.44,
        first_commit_p99=0.83,
        recovery_p50=1.76,
        recovery_p90=3.08,
        recovery_p99=4.29,
        undisturbed=2.3,
        took=633.0,
        seed=0,
    ),
    stormed=Stormed(kills=50, agents=12, alive=71, renewed=45, wrong=0),
)


def test_the_card_in_the_readme_is_not_stale_in_form() -> None:
    """A row that was added, renamed or dropped asks for a new card."""
    assert told(README) == [name for name, _ in rows(FIGURES)]


def test_every_figure_is_on_the_card() -> None:
    """Nothing that was measured is kept back."""
    card = render(FIGURES)
    for shown in (
        "1,200",
        "60 twice",
        "9,000",
        "2,400",
        "11 of 12",
        "186 of 187",
        "1, 2",
        "0.2 / 0.4 / 0.8 s",
    ):
        assert shown in card


def test_a_new_card_takes_the_place_of_the_old_one_alone() -> None:
    """What stands around it stays."""
    old = f"above\n{BEGIN}\nold\n{END}\nbelow\n"
    new = replaced(old, render(FIGURES))
    assert new.startswith("above\n")
    assert new.endswith("\nbelow\n")
    assert "old" not in new.replace("below", "")
    assert told(new) == [name for name, _ in rows(FIGURES)]


def test_a_readme_without_a_place_for_the_card_is_refused() -> None:
    """It is not written just anywhere."""
    with pytest.raises(ValueError, match="no reliability card"):
        replaced("nothing", render(FIGURES))
