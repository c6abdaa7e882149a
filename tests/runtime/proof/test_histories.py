"""Runtime and model agree on random histories of random trees.

`CALORON_PROOF_HISTORIES` plays more of them, or fewer.
"""

import asyncio
import os

import pytest

from .expecting import expected
from .histories import histories
from .playing import play
from .searching import SEED, Search
from .trees import History, difference

HISTORIES = int(os.environ.get("CALORON_PROOF_HISTORIES", "2400"))
SHARDS = 4


@pytest.mark.parametrize("shard", range(SHARDS))
def test_runtime_and_model_agree(shard: int) -> None:
    """OTP: every rule of supervision, on trees and in orders that nobody has thought of."""

    def check(history: History) -> None:
        problem = difference(history, runtime=runner.run(play(history)), model=expected(history))
        if problem:
            pytest.fail(problem, pytrace=False)

    with asyncio.Runner() as runner:
        Search().run(check, histories(), -(-HISTORIES // SHARDS), SEED + shard)
