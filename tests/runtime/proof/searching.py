"""How the proof searches: so many cases of a strategy, always the same for a seed, a failing one made smaller.

The environment chooses others: `CALORON_PROOF_SEED`, and `CALORON_PROOF_SHRINK=0` to stop at the first failure.
"""

import os
from collections.abc import Callable
from typing import TypeVar

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import seed as seeded
from hypothesis.strategies import SearchStrategy

T = TypeVar("T")
SEED = int(os.environ.get("CALORON_PROOF_SEED", "20260105"))
PHASES = (
    (Phase.generate, Phase.shrink)
    if os.environ.get("CALORON_PROOF_SHRINK", "1") == "1"
    else (Phase.generate,)
)
SHRINKING = 1500
"""Cases that may be tried to make a failing one smaller."""


class Search:
    """Counts cases, and ends the search for a smaller one in good time: what it has not seen by then passes."""

    def __init__(self) -> None:
        self.tried = 0
        self._first_failure = 0
        self._failed: dict[object, BaseException] = {}

    def run(
        self, check: Callable[[T], None], cases: "SearchStrategy[T]", number: int, seed: int = SEED
    ) -> None:
        """Try `number` cases, which are hashable; raises what `check` raises for the smallest failing one."""

        def one(case: T) -> None:
            self._one(check, case)

        sized = settings(
            max_examples=number,
            deadline=None,
            database=None,
            phases=PHASES,
            report_multiple_bugs=False,
            suppress_health_check=list(HealthCheck),
        )
        print(f"CALORON_PROOF_SEED={SEED}: {number} cases of seed {seed}")  # noqa: T201  shown when it fails
        seeded(seed)(sized(given(cases)(one)))()
        assert self.tried >= number, f"only {self.tried} cases were tried"

    def _one(self, check: Callable[[T], None], case: T) -> None:
        self.tried += 1
        if case in self._failed:
            raise self._failed[case]
        if self._failed and self.tried > self._first_failure + SHRINKING:
            return
        try:
            check(case)
        except BaseException as error:
            self._first_failure = self._first_failure or self.tried
            self._failed[case] = error
            raise
