"""All that the reliability card tells of, as the measuring commands write it with `--json`."""

import msgspec

from tests.census.report import Card as Counted
from tests.census.storm import Tally as Stormed
from tests.simulation.mutants.finding import Found
from tests.simulation.tally import Sums as Simulated


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """The figures of every part."""

    simulated: Simulated
    mutants: Found
    counted: Counted
    stormed: Stormed


__all__ = ["Counted", "Figures", "Found", "Simulated", "Stormed"]
