"""Runtime and model agree on random histories of random trees.

`CALORON_PROOF_SEED` and `CALORON_PROOF_HISTORIES` choose others, or more of them.
"""

import asyncio
import os
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings

from .histories import histories
from .model import expected
from .playing import play
from .trees import History, difference

SEED = int(os.environ.get("CALORON_PROOF_SEED", "20260105"))
HISTORIES = int(os.environ.get("CALORON_PROOF_HISTORIES", "2400"))
SHARDS = 4
SHRINKING = 1500
"""Histories that may be played to make a failing one smaller."""


class Search:
    """Counts histories, and ends the search for a smaller one in good time: what it has not seen by then passes."""

    def __init__(self, runner: asyncio.Runner) -> None:
        self._runner = runner
        self.played = 0
        self._first_failure = 0
        self._failed: dict[History, str] = {}

    def check(self, history: History) -> None:
        self.played += 1
        if self._failed and history not in self._failed and self.played > self._first_failure + SHRINKING:
            return
        problem = self._failed.get(history)
        if problem is None:
            problem = difference(history, runtime=self._runner.run(play(history)), model=expected(history))
        if problem:
            self._first_failure = self._first_failure or self.played
            self._failed[history] = problem
            pytest.fail(problem, pytrace=False)


def searching(check: Callable[[History], None], number: int, of_seed: int) -> Callable[[], None]:
    """That many histories, always the same ones for a seed."""
    sized = settings(
        max_examples=number,
        deadline=None,
        database=None,
        phases=[Phase.generate, Phase.shrink],
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )
    found: Callable[[], None] = seed(of_seed)(sized(given(histories())(check)))
    return found


@pytest.mark.parametrize("shard", range(SHARDS))
def test_runtime_and_model_agree(shard: int) -> None:
    """OTP: every rule of supervision, on trees and in orders that nobody has thought of."""
    print(f"CALORON_PROOF_SEED={SEED} CALORON_PROOF_HISTORIES={HISTORIES} shard {shard}")  # noqa: T201
    number = -(-HISTORIES // SHARDS)
    with asyncio.Runner() as runner:
        search = Search(runner)

        def check(history: History) -> None:
            search.check(history)

        searching(check, number, SEED + shard)()
    assert search.played >= number
